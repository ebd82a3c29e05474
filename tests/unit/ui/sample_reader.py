"""A reader that answers every page with its sample."""

import msgspec

from homeostat.core.errors import NotFound, Overloaded
from homeostat.ui.contexts import (
    DataPage,
    DatasetPage,
    DecisionsPage,
    ErrorPage,
    ModelPage,
    ModelsPage,
    OverviewPage,
    RunPage,
    RunsPage,
    SystemPage,
)
from unit.ui import samples


class SampleReader:
    """Answers with the sample pages; knows one system only."""

    def overview(self) -> OverviewPage:
        return samples.OVERVIEW

    def system(self, name: str) -> SystemPage:
        if name == "broken":
            raise ValueError(name)
        if name == "busy":
            raise Overloaded("Too much at once.", retry_after_s=3)
        if name != samples.SYSTEM:
            raise NotFound(f"There is no system {name!r}. There are: {samples.SYSTEM}.")
        return samples.SYSTEM_PAGE

    def decisions(self, *, system: str, kind: str, before: int | None) -> DecisionsPage:
        return msgspec.structs.replace(samples.DECISIONS_PAGE, system=system, kind=kind, older=before)

    def models(self, *, system: str, before: int | None) -> ModelsPage:
        return msgspec.structs.replace(samples.MODELS_PAGE, system=system, older=before)

    def model(self, system: str, number: int) -> ModelPage:
        return samples.MODEL_PAGE

    def data(self) -> DataPage:
        return samples.DATA_PAGE

    def dataset(self, name: str, *, before: int | None) -> DatasetPage:
        return samples.DATASET_PAGE

    def runs(self, *, system: str, before: str | None) -> RunsPage:
        return samples.RUNS_PAGE

    def run(self, run_id: str) -> RunPage:
        return samples.RUN_PAGE

    def error(self, *, status: int, code: str, message: str) -> ErrorPage:
        return msgspec.structs.replace(samples.ERROR_PAGE, status=status, code=code, message=message)
