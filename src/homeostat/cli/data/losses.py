"""What the store has lost, and what came back."""

import click

from homeostat.cli.options import emit
from homeostat.data.retention.integrity import Loss, check_whole, sentence


def print_losses(losses: list[Loss], *, as_json: bool) -> None:
    if as_json and losses:
        emit({"losses": losses}, as_json=True, text=lambda: None)
        raise click.exceptions.Exit(0 if all(loss.healed_from for loss in losses) else 4)
    check_whole(losses)
    emit({"losses": losses}, as_json=as_json, text=lambda: _print_healed(losses))


def _print_healed(losses: list[Loss]) -> None:
    for loss in losses:
        click.echo(sentence(loss))
    click.echo(f"{len(losses)} objects were lost and came back." if losses else "Every object is what its digest says.")
