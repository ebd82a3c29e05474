"""Optuna, by the callbacks of `study.optimize`: each trial is a part of the run, and the run has the best."""

from collections.abc import Callable
from typing import Any

from homeostat.callbacks.guard import Guard, set_params
from homeostat.core.clock import Micros
from homeostat.current.runs import active
from homeostat.track.run import Run


class OptunaTrials:
    """Makes each trial a run that is part of the run of the study.

    It has the trial's params, its intermediate values (`intermediate_value`, by step), its value or values, and tags
    `optuna.trial` and `optuna.state`. A pruned trial is a finished run with the state PRUNED; one that failed is a failed run.
    The run of the study has `best_value` by number of trial, and at the end of each the best params as tags `best.<param>`.

    What the objective itself logs goes to the run of the study; wrapped by `in_runs`, it goes to that of its trial.
    Threads of `n_jobs` may share one.
    """

    def __init__(self, run: Run | None = None) -> None:
        """Args:
        run: of the study; default: the run that is active when a trial ends.
        """
        self._guard = Guard("Optuna", run)
        self._begun: dict[int, Run] = {}
        self._failed: set[int] = set()  # trials whose runs are ended already

    def __call__(self, study: Any, trial: Any) -> None:
        """A trial has ended, as Optuna tells it."""
        self._guard(lambda run: self._end(run, study, trial))

    def in_runs(self, objective: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """`objective`, with the run of its trial as the active one: `study.optimize(trials.in_runs(objective), callbacks=[trials])`.

        A trial whose error Optuna does not catch ends here, for its callbacks are not called any more.
        """

        def tried(trial: Any) -> Any:
            self._guard(lambda run: self._begun.setdefault(trial.number, run.part(_name(trial))))
            part = self._begun.get(trial.number)
            if part is None:
                return objective(trial)
            with active(part):
                try:
                    return objective(trial)
                except Exception as error:
                    if type(error).__name__ != "TrialPruned":
                        said = f"{type(error).__name__}: {error}"
                        self._guard(lambda _: self._fail(part, trial, said))
                    raise

        return tried

    def _end(self, run: Run, study: Any, trial: Any) -> None:
        part = self._begun.pop(trial.number, None)
        if trial.number in self._failed:
            self._failed.remove(trial.number)
            return
        if part is None:
            began = trial.datetime_start
            part = run.part(_name(trial), began_at=Micros(int(began.timestamp() * 1e6)) if began else None)
        state = trial.state.name
        try:
            for step, value in sorted(trial.intermediate_values.items()):
                part.metrics({"intermediate_value": value}, step)
            part.metrics(values_of(study, trial))
            _say(part, trial.number, state)
            set_params(part, trial.params)
        finally:
            if state == "FAIL":
                part.finish("failed", "Optuna says that this trial failed.")
            else:
                part.finish()
        if len(study.directions) == 1 and state == "COMPLETE":
            best = study.best_trial
            run.metrics({"best_value": best.value}, trial.number)
            if best.number == trial.number:
                run.tag("best.trial", str(best.number))
                for key, value in best.params.items():
                    run.tag(f"best.{key}", str(value))

    def _fail(self, part: Run, trial: Any, said: str) -> None:
        self._failed.add(trial.number)
        set_params(part, trial.params)
        _say(part, trial.number, "FAIL")
        part.finish("failed", said)


def values_of(study: Any, trial: Any) -> dict[str, float]:
    """The value of a trial, or the values of several objectives by their names; none if it has none."""
    names = getattr(study, "metric_names", None)
    values = trial.values or ()
    if not names:
        names = ["value"] if len(study.directions) == 1 else [f"value_{index}" for index in range(len(values))]
    return dict(zip(names, values, strict=False))


def _name(trial: Any) -> str:
    return f"trial-{trial.number}"


def _say(part: Run, number: int, state: str) -> None:
    part.tag("optuna.trial", str(number))
    part.tag("optuna.state", state)
