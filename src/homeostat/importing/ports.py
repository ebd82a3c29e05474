"""What an import needs of where it reads."""

from collections.abc import Iterator
from typing import Protocol

from homeostat.importing.records import Experiment, File, Model, Owner, Registered, Run, Unreadable
from homeostat.track.blocks import Points


class Source(Protocol):
    """A store of MLflow, read and never written. Deleted things are told too, as far as it tells them.

    A listing yields `Unreadable` for one thing that cannot be read, and goes on. Every method raises Unavailable if the store does
    not answer.
    """

    @property
    def address(self) -> str:
        """What it is called, without secrets; the same for the same store."""
        ...

    def experiments(self) -> Iterator[Experiment | Unreadable]: ...

    def runs(self, experiment: str) -> Iterator[Run | Unreadable]: ...

    def history(self, run: Run, key: str) -> Iterator[Points]:
        """All points of a metric, in parts. Raises: BadData if they cannot be read."""
        ...

    def models(self, experiment: str) -> Iterator[Model | Unreadable]: ...

    def model(self, model_id: str) -> Model | None:
        """A deleted logged model that `models` kept quiet about; None if it told all there are, or there is none."""
        ...

    def registered(self) -> Iterator[Registered | Unreadable]: ...

    def files(self, owner: Owner) -> Iterator[File | Unreadable]:
        """Every file below the root of a run or model. Raises: BadData if they cannot be listed."""
        ...

    def content(self, owner: Owner, name: str) -> Iterator[bytes]:
        """A file in parts. Raises: BadData if it cannot be read."""
        ...

    def left_out(self) -> dict[str, int]:
        """How many of what is not brought over were met so far, by kind: what Homeostat does not keep, and artifacts that are not there."""
        ...

    def close(self) -> None: ...
