"""`homeostat run` and `homeostat why`."""

import importlib
import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from homeostat.cli.options import emit, json_option, project_option
from homeostat.codec.tables import Dataset
from homeostat.core.errors import InvalidDeclaration, NotFound
from homeostat.pipelines.records import Action, PipelineRun
from homeostat.pipelines.steps import Pipeline
from homeostat.workspace import Workspace

_REPEATED = {"same": "deterministic: made the same twice", "differs": "not deterministic: made something else again"}
_MARK = {"ran": ("ran", "green"), "cached": ("cached", "blue"), "failed": ("failed", "red")}


@click.command()
@project_option
@click.argument("name", required=False)
@click.option(
    "--data", "windows", multiple=True, metavar="PARAMETER=DATASET[@VERSION]", help="Give a dataset to a parameter."
)
@click.option("--arg", "values", multiple=True, metavar="PARAMETER=JSON", help="Give a value to a parameter.")
@click.option("--no-cache", "is_fresh", is_flag=True, help="Run every step, whatever was kept.")
@click.option(
    "--twice", "is_twice", is_flag=True, help="Run every step again in a fresh process; say which make the same twice."
)
@json_option
def run(
    project: Path | None,
    name: str | None,
    windows: tuple[str, ...],
    values: tuple[str, ...],
    is_fresh: bool,
    is_twice: bool,
    as_json: bool,
) -> None:  # click passes options by name
    """Run the pipeline NAME (module:function, or a system's name; default: the only system's).

    Parameters that are named like datasets get their latest versions.
    """
    with Workspace.find(project) as workspace:
        pipeline = _pipeline(workspace, name)
        arguments = _arguments(workspace, pipeline, windows, values)
        result = workspace.pipelines.run(
            pipeline,
            arguments,
            use_cache=not is_fresh,
            is_twice=is_twice,
            progress=None if as_json else _print_action,
        )
    emit(_plain(result), as_json=as_json, text=lambda: _print_run(result))


@click.command()
@project_option
@click.argument("step")
@json_option
def why(project: Path | None, step: str, as_json: bool) -> None:
    """Say why STEP ran in the newest run that has it, or why it did not: what differs from the run before."""
    with Workspace.find(project) as workspace:
        found = workspace.pipelines.why(step)

    def text() -> None:
        click.echo(found.sentence)
        for change in found.changes:
            click.echo(
                f"  {change.kind} {click.style(change.name, bold=True)}: {change.before or '-'} -> {change.after or '-'}"
            )
        for line in found.observed.lines():
            click.echo(f"  reads {line}")
        if found.repeated:
            click.echo(f"  {_REPEATED[found.repeated]}")

    emit(found, as_json=as_json, text=text)


def _pipeline(workspace: Workspace, name: str | None) -> Pipeline:
    if name is None or name in workspace.systems:
        systems = workspace.systems
        if name is None and len(systems) != 1:
            raise NotFound(
                f"Which pipeline? The project has {len(systems)} systems: {', '.join(systems) or 'none'}. Say homeostat run module:function."
            )
        return systems[name or next(iter(systems))].training
    module, _, attribute = name.partition(":")
    sys.path.insert(0, str(workspace.root))
    try:
        imported = importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise NotFound(
            f"There is no pipeline {name!r}: {error}. Write module:function, from {workspace.root}."
        ) from error
    found = getattr(imported, attribute, None)
    if found is None:
        raise NotFound(
            f"There is no pipeline {name!r}: {imported.__file__} has no {attribute!r}. Write module:function."
        )
    if not isinstance(found, Pipeline):
        raise InvalidDeclaration(
            f"{name} is a {type(found).__name__}, not a pipeline. Mark the function with @hs.pipeline."
        )
    return found


def _arguments(
    workspace: Workspace, pipeline: Pipeline, windows: tuple[str, ...], values: tuple[str, ...]
) -> dict[str, Any]:
    known = set(workspace.datasets.names())
    arguments: dict[str, Any] = {}
    given = dict(_split(text) for text in windows)
    for parameter in pipeline.signature.parameters:
        if parameter in given or parameter in known:
            dataset, _, number = given.get(parameter, parameter).partition("@")
            if number and not number.isdecimal():
                raise click.BadParameter(f"{given[parameter]!r} names no version. Write dataset or dataset@number.")
            version = workspace.datasets.version(dataset, int(number) if number else None)
            arguments[parameter] = workspace.datasets.read(version)
        elif pipeline.hints.get(parameter) is Dataset:
            raise NotFound(
                f"Pipeline {pipeline.name} takes the dataset {parameter!r}, which is not there yet. Begin it: "
                f"homeostat data append {parameter} PATH. Or give another: homeostat run --data {parameter}=DATASET"
            )
    for parameter, value in map(_split, values):
        try:
            arguments[parameter] = msgspec.json.decode(value)
        except msgspec.DecodeError:
            arguments[parameter] = value  # a plain word is a text
    return arguments


def _split(text: str) -> tuple[str, str]:
    parameter, sign, value = text.partition("=")
    if not sign:
        raise click.BadParameter(f"{text!r} gives no value. Write parameter=value.")
    return parameter, value


def _print_action(action: Action) -> None:
    word, colour = _MARK[action.status]
    took = "" if action.status == "cached" else f"  {action.finished_wall - action.started_wall:.2f} s"
    repeated = f"  {_REPEATED[action.repeated]}" if action.repeated else ""
    click.echo(f"  {click.style(word.ljust(7), fg=colour)} {action.step}{took}{repeated}", err=True)


def _print_run(result: PipelineRun) -> None:
    counts = {word: sum(action.status == word for action in result.actions) for word in _MARK}
    click.echo(
        f"{result.pipeline} {result.status}: {counts['ran']} steps ran, {counts['cached']} were cached ({result.id})"
    )


def _plain(result: PipelineRun) -> dict[str, Any]:
    return {
        "run": result.id,
        "pipeline": result.pipeline,
        "status": result.status,
        "steps": [
            {
                "step": action.step,
                "status": action.status,
                "outputs": [output.digest for output in action.outputs],
                "observed": action.observed.lines(),
                "repeated": action.repeated,
            }
            for action in result.actions
        ],
    }
