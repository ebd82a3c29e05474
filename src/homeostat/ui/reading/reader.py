"""One method for each page: opens a read transaction and hands it to the module that knows the rooms concerned."""

from collections.abc import Iterator, Mapping, Sequence

from homeostat.track import export, views
from homeostat.ui.comparing import Query, asked
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
from homeostat.ui.reading import (
    comparison,
    data,
    decisions,
    differences,
    models,
    narrowing,
    pipelines,
    runs_table,
    systems,
)
from homeostat.ui.reading.here import Here, here
from homeostat.ui.reading.run import artifacts, previews
from homeostat.ui.reading.run import page as run_page
from homeostat.workspace import Workspace


class Reading:
    """Fills contexts from a workspace. Safe for threads: each page has a transaction of its own."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def overview(self) -> OverviewPage:
        with self._workspace.database.read() as connection:
            return systems.overview(connection, self._here())

    def system(self, name: str) -> SystemPage:
        with self._workspace.database.read() as connection:
            return systems.page(connection, self._here(), name)

    def decisions(self, *, system: str, kind: str, before: int | None) -> DecisionsPage:
        with self._workspace.database.read() as connection:
            return decisions.page(connection, self._here(), system=system, kind=kind, before=before)

    def models(self, *, system: str, before: int | None) -> ModelsPage:
        with self._workspace.database.read() as connection:
            return models.page(connection, self._here(), system=system, before=before)

    def model(self, system: str, number: int) -> ModelPage:
        with self._workspace.database.read() as connection:
            return models.one(connection, self._here(), system, number)

    def data(self) -> DataPage:
        with self._workspace.database.read() as connection:
            return data.page(connection, self._here())

    def dataset(self, name: str, *, number: int | None, before: int | None, is_profiled: bool) -> DatasetPage:
        with self._workspace.database.read() as connection:
            return data.one(connection, self._here(), name, number=number, before=before, is_profiled=is_profiled)

    def difference(self, name: str, *, before: int, after: int, key: str) -> DifferencePage:
        with self._workspace.database.read() as connection:
            return differences.page(connection, self._here(), name, before=before, after=after, key=key)

    def pipelines(self) -> PipelinesPage:
        with self._workspace.database.read() as connection:
            return pipelines.page(connection, self._here())

    def pipeline(self, name: str, *, run_id: str, before: str | None) -> PipelinePage:
        with self._workspace.database.read() as connection:
            return pipelines.one(connection, self._here(), name, run_id=run_id, before=before)

    def runs(self, asked: RunsQuery) -> RunsPage:
        with self._workspace.database.read() as connection:
            return runs_table.page(connection, self._here(), asked)

    def found_runs(self, pairs: Sequence[tuple[str, str]]) -> RunsPage:
        with self._workspace.database.read() as connection:
            return runs_table.page(connection, self._here(), RunsQuery.of(pairs), is_strict=True)

    def clicked(self, asked: RunsQuery, pairs: Sequence[tuple[str, str]]) -> RunsQuery:
        return narrowing.clicked(asked, pairs)

    def first_view(self) -> str:
        with self._workspace.database.read() as connection:
            view = views.default(connection)
        return "" if view is None else view.query

    def archive(self, run_ids: Sequence[str], back: str) -> ArchivePage:
        with self._workspace.database.read() as connection:
            return runs_table.archive(connection, self._here(), run_ids, back)

    def exported(self, asked: RunsQuery, form: str, run_ids: Sequence[str] = ()) -> Iterator[str]:
        selection = runs_table.these(asked, run_ids) if run_ids else runs_table.selection(asked)
        with self._workspace.database.read() as connection:
            yield from export.written(connection, selection, export.form(form))

    def run(self, run_id: str, query: Mapping[str, str]) -> RunPage:
        with self._workspace.database.read() as connection:
            return run_page.page(connection, self._here(), run_id, query)

    def curves(self, run_id: str, keys: Sequence[str], query: Mapping[str, str]) -> RunSeries:
        with self._workspace.database.read() as connection:
            return run_page.series(connection, run_id, keys, query)

    def file(self, run_id: str, name: str, model: str) -> StoredFile:
        with self._workspace.database.read() as connection:
            kept = artifacts.find(connection, run_id, name, model)
        self._workspace.objects.check(kept.digest)
        path = self._workspace.objects.path(kept.digest)
        return StoredFile(path=str(path), name=kept.name, media_type=previews.type_of(kept))

    def comparison(self, query: Query) -> ComparePage:
        with self._workspace.database.read() as connection:
            return comparison.page(connection, self._here(), asked(query))

    def comparison_curves(self, query: Query, width: int) -> Curves:
        with self._workspace.database.read() as connection:
            return comparison.curves(connection, asked(query), width)

    def comparison_table(self, query: Query) -> str:
        with self._workspace.database.read() as connection:
            return comparison.table(connection, asked(query))

    def error(self, *, status: int, code: str, message: str) -> ErrorPage:
        return ErrorPage(**self._here().frame, status=status, code=code, message=message)

    def _here(self) -> Here:
        return here(self._workspace)
