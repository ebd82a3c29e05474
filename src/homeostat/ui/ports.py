"""What the pages need of the one who reads the rooms."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from homeostat.ui.comparing import Query
from homeostat.ui.contexts import (
    ComparePage,
    Curves,
    DataPage,
    DatasetPage,
    DecisionsPage,
    DifferencePage,
    ErrorPage,
    ModelPage,
    ModelsPage,
    OverviewPage,
    PipelinePage,
    PipelinesPage,
    RunPage,
    RunSeries,
    RunsPage,
    StoredFile,
    SystemPage,
)


class Reader(Protocol):
    """Fills contexts. Each method sees one consistent state; called from many threads.

    Raises: NotFound naming what is not there.
    """

    def overview(self) -> OverviewPage: ...

    def system(self, name: str) -> SystemPage: ...

    def decisions(self, *, system: str, kind: str, before: int | None) -> DecisionsPage: ...

    def models(self, *, system: str, before: int | None) -> ModelsPage: ...

    def model(self, system: str, number: int) -> ModelPage: ...

    def data(self) -> DataPage: ...

    def dataset(self, name: str, *, number: int | None, before: int | None, is_profiled: bool) -> DatasetPage: ...

    def difference(self, name: str, *, before: int, after: int, key: str) -> DifferencePage: ...

    def pipelines(self) -> PipelinesPage: ...

    def pipeline(self, name: str, *, run_id: str, before: str | None) -> PipelinePage: ...

    def runs(self, *, system: str, before: str | None) -> RunsPage: ...

    def run(self, run_id: str, query: Mapping[str, str]) -> RunPage: ...

    def curves(self, run_id: str, keys: Sequence[str], query: Mapping[str, str]) -> RunSeries: ...

    def file(self, run_id: str, name: str, model: str) -> StoredFile: ...

    def comparison(self, query: Query) -> ComparePage: ...

    def comparison_curves(self, query: Query, width: int) -> Curves: ...

    def comparison_table(self, query: Query) -> str: ...

    def error(self, *, status: int, code: str, message: str) -> ErrorPage: ...
