"""What the pages need of the one who reads the rooms."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from homeostat.ui.comparing import Query
from homeostat.ui.contexts import (
    ArchivePage,
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
from homeostat.ui.contexts.runs_query import RunsQuery


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

    def runs(self, asked: RunsQuery) -> RunsPage: ...

    def found_runs(self, pairs: Sequence[tuple[str, str]]) -> RunsPage: ...

    def clicked(self, asked: RunsQuery, pairs: Sequence[tuple[str, str]]) -> RunsQuery: ...

    def first_view(self) -> str: ...

    def archive(self, run_ids: Sequence[str], back: str) -> ArchivePage: ...

    def exported(self, asked: RunsQuery, form: str, run_ids: Sequence[str] = ()) -> Iterator[str]: ...

    def run(self, run_id: str, query: Mapping[str, str]) -> RunPage: ...

    def curves(self, run_id: str, keys: Sequence[str], query: Mapping[str, str]) -> RunSeries: ...

    def file(self, run_id: str, name: str, model: str) -> StoredFile: ...

    def comparison(self, query: Query) -> ComparePage: ...

    def comparison_curves(self, query: Query, width: int) -> Curves: ...

    def comparison_table(self, query: Query) -> str: ...

    def error(self, *, status: int, code: str, message: str) -> ErrorPage: ...


class Writer(Protocol):
    """Does what the forms of pages ask, each verb whole or not at all. Called from many threads.

    Raises: NotFound naming what is not there. UserError for what cannot be.
    """

    def tag_runs(self, run_ids: Sequence[str], key: str, value: str) -> None: ...

    def untag_runs(self, run_ids: Sequence[str], key: str) -> None: ...

    def archive_runs(self, run_ids: Sequence[str]) -> None: ...

    def restore_runs(self, run_ids: Sequence[str]) -> None: ...

    def save_view(self, name: str, query: str, *, is_default: bool) -> None: ...

    def remove_view(self, name: str) -> None: ...
