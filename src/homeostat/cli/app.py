"""The `homeostat` command group: finds commands by name and turns errors into messages and exit codes.

Exit codes are stable: 0 done, 1 a bug in Homeostat, 2 the command line or its input is wrong, 3 not found, 4 the workspace
is not as it must be, 5 the machine cannot do it now, 6 the user's own code failed, 7 the policy forbids it, 8 a contract
blocked data, 130 the user stopped it. With `--json` an error is one JSON object on stdout too: {"error": {"code": ..., "message": ...}}.
"""

import json
import sys
from typing import Any

import click

from homeostat.cli.lazy import LazyGroup
from homeostat.core import errors

# name -> (module under homeostat.cli, one line of help). Help must not import the module.
COMMANDS = {
    "init": ("init", "Write a small working project: pipeline, system, contract, test."),
    "demo": ("demo", "Replay a year of real flights through the whole loop."),
    "up": ("up", "Start server, gateway and controller together."),
    "status": ("status", "Show every system: setpoints, values, states."),
    "data": ("data", "Keep datasets: add, compare, branch, check, query, send."),
    "validate": ("data.contracts", "Check a table against a dataset's contract."),
    "run": ("pipelines", "Run a pipeline; unchanged steps are not run again."),
    "why": ("pipelines", "Say why a step ran again, or why it did not."),
    "runs": ("runs_changes", "List, compare, tag, export and delete tracked runs."),
    "sync": ("runs", "Bring runs that were tracked offline into this project."),
    "import": ("importing", "Bring over what another tracker keeps: an MLflow server or store."),
    "models": ("models", "List model versions; show one with its gates and reproduction."),
    "approve": ("commands", "Approve a model version that waits for it."),
    "waive": ("commands", "Let a failed gate of a version not block it."),
    "retrain": ("commands", "Ask the loop to train a system now."),
    "deploy": ("commands", "Send a version on its rollout."),
    "rollback": ("commands", "Stop a rollout, or let an earlier champion answer again."),
    "decisions": ("decisions", "List what the loop decided, and why."),
    "predict": ("predict", "Ask the gateway for predictions on rows of a file."),
    "label": ("predict", "Tell the gateway what came true."),
    "trace": ("lineage", "Follow a prediction back to its model, data, code and source."),
    "impact": ("lineage", "Follow a dataset version forward to models and deployments."),
    "reproduce": ("reproduce", "Make a model again from its record, and grade how alike it is."),
    "server": ("processes", "Run the server alone: pages, API, MLflow clients."),
    "gateway": ("processes", "Run a gateway alone: answers predictions."),
    "controller": ("processes", "Run a controller alone: the loop."),
}

EXIT_CODES: list[tuple[type[errors.HomeostatError], int]] = [
    (errors.ContractViolated, 8),
    (errors.NotAllowed, 7),
    (errors.NotFound, 3),
    (errors.NoWorkspace, 3),
    (errors.UserError, 2),
    (errors.StateError, 4),
    (errors.ResourceError, 5),
    (errors.StepFailed, 6),
]


@click.group(
    cls=LazyGroup, package="homeostat.cli", table=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(package_name="homeostat")
def group() -> None:
    """Homeostat keeps machine-learning models at their setpoints.

    Begin with `homeostat demo`, or with `homeostat init my-project`.
    """


def app(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    wanted = sys.argv[1:] if arguments is None else arguments
    as_json = "--json" in wanted
    try:
        result: Any = group.main(wanted, prog_name="homeostat", standalone_mode=False)
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        if as_json:
            _print_json("usage", error.format_message())
        else:
            error.show()
        return 2
    except click.Abort:
        click.echo("Stopped. Everything acknowledged so far is kept.", err=True)
        return 130
    except errors.HomeostatError as error:
        if as_json:
            _print_json(error.code, error.message)
        else:
            click.echo(f"{click.style('Error', fg='red', bold=True)} ({error.code}): {error.message}", err=True)
        return exit_code(error)
    return result if isinstance(result, int) else 0


def exit_code(error: errors.HomeostatError) -> int:
    """The process's exit code for an error of ours."""
    return next((code for kind, code in EXIT_CODES if isinstance(error, kind)), 1)


def _print_json(code: str, message: str) -> None:
    click.echo(json.dumps({"error": {"code": code, "message": message}}))
