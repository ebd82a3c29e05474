"""Pure decisions: what makes two calls of a step the same, and what made them differ."""

from collections.abc import Mapping
from typing import Any

import msgspec

from homeostat.core.digests import Digest, digest_of, short
from homeostat.pipelines.code_digest import CodeDigest
from homeostat.pipelines.records import Action, Change, Stored, Why

SCHEMA = 1  # raised when the meaning of a key changes, which forgets every result
_INLINE_SHOWN = 80
_ITEMS_SHOWN = 8
# The order in which changes are told: what a person changed first.
_KINDS = (
    "argument",
    "column",
    "function",
    "signature",
    "class",
    "constant",
    "module",
    "import",
    "source",
    "file",
    "variable",
    "package",
    "python",
    "environment",
)


def action_key(
    step: str,
    *,
    cpu: int | None,
    code: Digest,
    arguments: Mapping[str, Stored],
    environment: Digest,
    variables: Mapping[str, str],
) -> Digest:
    """Identity of a call: equal keys, equal results."""
    inputs = {name: stored.digest for name, stored in arguments.items()}
    return digest_of([SCHEMA, step, cpu, code, inputs, environment, variables])


def explain(
    action: Action, code: CodeDigest, previous: Action | None, previous_code: CodeDigest | None, packages: list[Change]
) -> Why:
    """Why `action` ran or did not, compared with the call at the same place in an earlier run.

    Args:
        packages: what differs between the two environments.
    """
    changes: list[Change] = []
    if previous is not None and previous_code is not None:
        changes = [
            *_argument_changes(previous.arguments, action.arguments),
            *_code_changes(previous_code.parts, code.parts),
            *differences("variable", previous.variables, action.variables),
        ]
        if "failed" not in (previous.status, action.status):  # what a failed step read was not kept
            changes += differences("variable", previous.observed.variables, action.observed.variables)
            changes += differences("file", _files(previous), _files(action))
        told = {(change.kind, change.name) for change in changes}
        changes += [change for change in packages if (change.kind, change.name) not in told]
        changes.sort(key=lambda change: (_KINDS.index(change.kind), change.name))
    return Why(
        step=action.step,
        run_id=action.run_id,
        previous_run_id="" if previous is None else previous.run_id,
        status=action.status,
        changes=tuple(changes),
        sentence=_sentence(action, previous, changes),
        observed=action.observed,
        repeated=action.repeated,
    )


def shown(stored: Stored) -> str:
    """A value for people: itself when it is short and plain, the items of a small dict, else codec and digest."""
    if stored.codec == "value" and stored.inline is not None:
        text = repr(msgspec.msgpack.decode(stored.inline))
        if len(text) <= _INLINE_SHOWN:
            return text
    if stored.codec == "dict" and 0 < len(stored.keys) <= _ITEMS_SHOWN:
        return ", ".join(f"{key}: {shown(item)}" for key, item in zip(stored.keys, stored.items, strict=True))
    origin = f" from {', '.join(stored.origin)}" if stored.origin else ""
    return f"{stored.codec} {short(stored.digest)}{origin}"


def _files(action: Action) -> dict[str, str]:
    return {name: state.digest for name, state in action.observed.files.items()}


def _shown_all(arguments: Mapping[str, Stored]) -> dict[str, tuple[Any, str]]:
    return {name: (stored.digest, shown(stored)) for name, stored in arguments.items()}


def _argument_changes(before: Mapping[str, Stored], after: Mapping[str, Stored]) -> list[Change]:
    """Arguments that differ; of a table in which only some columns do, these columns."""
    changes = []
    for change in differences("argument", _shown_all(before), _shown_all(after)):
        columns: list[Change] = []
        if change.name in before and change.name in after:
            columns = differences("column", before[change.name].columns, after[change.name].columns)
            untouched = before[change.name].columns.items() & after[change.name].columns.items()
            columns = columns if untouched else []
        changes += [msgspec.structs.replace(column, name=f"{change.name}.{column.name}") for column in columns] or [
            change
        ]
    return changes


def _code_changes(before: Mapping[str, str], after: Mapping[str, str]) -> list[Change]:
    changes = []
    for change in differences("", before, after):
        kind, _, name = change.name.partition(" ")
        changes.append(Change(kind=kind, name=name or kind, before=change.before, after=change.after))
    return changes


def differences(kind: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """What two mappings say differently, by name."""
    return [
        Change(kind=kind, name=name, before=_text(before.get(name)), after=_text(after.get(name)))
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]


def _text(value: Any) -> str:
    if value is None:
        return ""
    text = value[1] if isinstance(value, tuple) else str(value)
    return short(text) if len(text) == 64 else text


def _sentence(action: Action, previous: Action | None, changes: list[Change]) -> str:
    if action.status == "cached":
        return f"{action.step} was not run: nothing it depends on has changed since {action.made_by} made its result."
    verb = "failed" if action.status == "failed" else "ran"
    if previous is None:
        return f"{action.step} {verb} for the first time."
    if not changes:
        return (
            f"{action.step} {verb} though nothing that it reads changed: the cache was off, the last try failed, its stored "
            f"result was gone, or its cpu= is another."
        )
    told = "; ".join(_told(change) for change in changes[:3])
    more = f"; and {len(changes) - 3} more" if len(changes) > 3 else ""
    return f"{action.step} {verb} because of {told}{more}."


def _told(change: Change) -> str:
    what = f"{change.kind} {change.name}" if change.kind != change.name else change.kind
    if not change.before:
        return f"{what} (new: {change.after})"
    if not change.after:
        return f"{what} (gone)"
    return f"{what} ({change.before} → {change.after})"
