"""One try of a step: fresh arguments, the function watched while it runs, its results kept.

The same in this process and in one of the step's own.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import msgspec
from threadpoolctl import threadpool_limits

from homeostat.core.errors import InvalidDeclaration, NotAllowed
from homeostat.pipelines.code_digest import code_digest
from homeostat.pipelines.observation import observed
from homeostat.pipelines.ports import TrackedRun
from homeostat.pipelines.records import Action, Observed, Stored
from homeostat.pipelines.steps import Step, answered_by
from homeostat.pipelines.values import Values
from homeostat.store.lineage import node


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a try."""

    outputs: tuple[Stored, ...]
    observed: Observed


def perform(
    step: Step[..., Any],
    begun: Action,
    arguments: Mapping[str, Any],
    values: Values,
    run: TrackedRun,
    root: Path,
) -> Made:
    """Run the function on fresh values, so that neither an earlier try nor another step has changed them.

    Args:
        begun: the action, whose `arguments` are the values as stored.
        arguments: the values as given.

    Raises: NotAllowed if the step changed an argument in place. InvalidDeclaration if it is strict and read what it does
        not declare. WrongType if an argument or the result does not fit. Whatever the function raises.
    """
    fresh = {
        name: values.live(begun.arguments[name], value, step.hints.get(name, Any)) for name, value in arguments.items()
    }
    limits: AbstractContextManager[Any] = (
        nullcontext() if step.cpu is None else threadpool_limits(step.cpu)
    )  # finding the libraries takes 1 ms
    with answered_by(None, run), limits, observed(root, root / ".homeostat", step.env) as reads:
        checked = step.conform(fresh)
        result = step.execute(checked)
    _check_unchanged(step, begun, checked, values)
    seen = reads.settle(lambda: code_digest(step.function, root, step.hints.values()).parts)
    if step.strict:
        _check_declared(step, seen)
    hints = step.output_hints
    outputs = tuple(
        values.output(value, f"Step {step.name}, result", node("value", f"{begun.id}.{at}"))
        for at, value in enumerate((result,) if hints is None else result)
    )
    return Made(outputs=outputs, observed=seen)


def _check_unchanged(step: Step[..., Any], begun: Action, fresh: Mapping[str, Any], values: Values) -> None:
    for name, value in fresh.items():
        if values.is_changed(value, begun.arguments[name]):
            raise NotAllowed(
                f"Step {step.name} changed its argument {name} in place. A run gives each step values of its own, so others "
                f"would not see the change, but a plain call would. Change a copy: {name} = {name}.copy()."
            )


def _check_declared(step: Step[..., Any], seen: Observed) -> None:
    found = [
        *(f"the file {name} (take its content as an argument)" for name in seen.files),
        *(f"the variable {name} (declare it: env=[{name!r}])" for name in seen.variables),
        *(
            f"the network at {name} (fetch outside of the step and take the data as an argument)"
            for name in seen.sockets
        ),
        *(f"whatever the program {name} reads (run it outside of the step)" for name in seen.programs),
    ]
    if found:
        raise InvalidDeclaration(
            f"Step {step.name} is strict but reads what it does not declare: {'; '.join(found)}. Without strict=True files "
            f"and variables are noted, and a change of one runs the step again."
        )
