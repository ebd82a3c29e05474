"""Speaking to a run from inside somebody else's training, which must go on whatever happens to what is said."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from homeostat.core.errors import UserError
from homeostat.current.runs import active_run
from homeostat.track.run import Run

_logger = logging.getLogger("homeostat.callbacks")


class Guard:
    """Lets a callback speak to its run, or to the run that is active when it speaks.

    Attributes:
        library: whose callback it is, for people.
    """

    def __init__(self, library: str, run: Run | None) -> None:
        self.library = library
        self._run = run
        self._told: set[str] = set()

    @property
    def run(self) -> Run | None:
        """Who is spoken to now; None if no run is active, which is said once."""
        found = self._run or active_run()
        if found is None:
            self._tell("no run is active. Train inside of one: with hs.run('baseline'): ...")
        return found

    def __call__(self, speak: Callable[[Run], object]) -> None:
        """Let `speak` have the run. Never raises: what fails is said once."""
        run = self.run
        if run is None:
            return
        try:
            speak(run)
        except Exception as error:  # noqa: BLE001  whatever breaks here, training goes on
            self.failed(error)

    def failed(self, error: Exception) -> None:
        """Say once what went wrong."""
        self._tell(f"{type(error).__name__}: {error}")

    def _tell(self, trouble: str) -> None:
        if trouble not in self._told:
            self._told.add(trouble)
            _logger.warning("What %s does is not logged as it should be: %s", self.library, trouble)


def set_params(run: Run, params: Mapping[str, Any]) -> None:
    """Set those that the run has not got already.

    Raises: UserError naming those that have another value; the others are set.
    """
    try:
        run.params(**params)
    except UserError:
        refused = []
        for key, value in params.items():
            try:
                run.params(**{key: value})
            except UserError as error:
                refused.append(error.message)
        if refused:
            raise UserError(" ".join(refused)) from None


def number(text: str) -> float | int | str:
    """What a library keeps as text, as a number if it is one; of single precision as it was written."""
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(f"{float(text):.7g}")
    except ValueError:
        return text
