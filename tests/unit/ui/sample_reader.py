"""A reader that answers every page with its sample."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from homeostat.core.errors import NotFound, Overloaded
from homeostat.ui.assets import STATIC
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
from unit.ui import sample_comparison, sample_pipelines, sample_rooms, sample_run, sample_runs_table, sample_systems


class SampleReader:
    """Answers with the sample pages; knows one system only."""

    def overview(self) -> OverviewPage:
        return sample_systems.OVERVIEW

    def system(self, name: str) -> SystemPage:
        if name == "broken":
            raise ValueError(name)
        if name == "busy":
            raise Overloaded("Too much at once.", retry_after_s=3)
        if name != sample_systems.SYSTEM:
            raise NotFound(f"There is no system {name!r}. There are: {sample_systems.SYSTEM}.")
        return sample_systems.SYSTEM_PAGE

    def decisions(self, *, system: str, kind: str, before: int | None) -> DecisionsPage:
        return msgspec.structs.replace(sample_systems.DECISIONS_PAGE, system=system, kind=kind, older=before)

    def models(self, *, system: str, before: int | None) -> ModelsPage:
        return msgspec.structs.replace(sample_rooms.MODELS_PAGE, system=system, older=before)

    def model(self, system: str, number: int) -> ModelPage:
        return sample_rooms.MODEL_PAGE

    def data(self) -> DataPage:
        return sample_rooms.DATA_PAGE

    def dataset(self, name: str, *, number: int | None, before: int | None, is_profiled: bool) -> DatasetPage:
        return sample_rooms.DATASET_PAGE

    def difference(self, name: str, *, before: int, after: int, key: str) -> DifferencePage:
        return sample_rooms.DIFFERENCE_PAGE

    def pipelines(self) -> PipelinesPage:
        return sample_pipelines.PIPELINES_PAGE

    def pipeline(self, name: str, *, run_id: str, before: str | None) -> PipelinePage:
        return sample_pipelines.PIPELINE_PAGE

    def runs(self, asked: RunsQuery) -> RunsPage:
        return sample_runs_table.RUNS_GROUPED if asked.group else sample_runs_table.RUNS_PAGE

    def found_runs(self, pairs: Sequence[tuple[str, str]]) -> RunsPage:
        return msgspec.structs.replace(sample_runs_table.RUNS_PAGE, asked=RunsQuery.of(pairs))

    def clicked(self, asked: RunsQuery, pairs: Sequence[tuple[str, str]]) -> RunsQuery:
        return msgspec.structs.replace(asked, text=dict(pairs).get("only", ""))

    def first_view(self) -> str:
        return ""

    def archive(self, run_ids: Sequence[str], back: str) -> ArchivePage:
        return msgspec.structs.replace(sample_runs_table.ARCHIVE_PAGE, back=back)

    def exported(self, asked: RunsQuery, form: str, run_ids: Sequence[str] = ()) -> Iterator[str]:
        yield f"{form} of {asked.text or ' and '.join(run_ids)}\n"

    def run(self, run_id: str, query: Mapping[str, str]) -> RunPage:
        return sample_run.RUN_PAGES[query.get("tab") or "overview"]

    def curves(self, run_id: str, keys: Sequence[str], query: Mapping[str, str]) -> RunSeries:
        found = [chart for chart in sample_run.CHARTS if chart.key in keys]
        return RunSeries(charts=tuple(found), status="finished")

    def file(self, run_id: str, name: str, model: str) -> StoredFile:
        path = next(path for path in STATIC.glob("*.svg"))
        return StoredFile(path=str(path), name=name, media_type="image/svg+xml")

    def comparison(self, query: Query) -> ComparePage:
        runs = asked(query).runs
        return sample_comparison.COMPARE_PAGE if runs else sample_comparison.COMPARE_EMPTY

    def comparison_curves(self, query: Query, width: int) -> Curves:
        return Curves(panels=sample_comparison.COMPARE_PAGE.panels)

    def comparison_table(self, query: Query) -> str:
        return "run_id,name\nrun-0,lion\n"

    def error(self, *, status: int, code: str, message: str) -> ErrorPage:
        return msgspec.structs.replace(sample_rooms.ERROR_PAGE, status=status, code=code, message=message)


class SampleWriter:
    """Keeps what it was asked to do."""

    def __init__(self) -> None:
        self.done: list[tuple[object, ...]] = []

    def tag_runs(self, run_ids: Sequence[str], key: str, value: str) -> None:
        self.done.append(("tag", list(run_ids), key, value))

    def untag_runs(self, run_ids: Sequence[str], key: str) -> None:
        self.done.append(("untag", list(run_ids), key))

    def note_run(self, run_id: str, text: str) -> None:
        self.done.append(("note", run_id, text))

    def rename_run(self, run_id: str, name: str) -> None:
        self.done.append(("rename", run_id, name))

    def archive_runs(self, run_ids: Sequence[str]) -> None:
        self.done.append(("archive", list(run_ids)))

    def restore_runs(self, run_ids: Sequence[str]) -> None:
        self.done.append(("restore", list(run_ids)))

    def save_view(self, name: str, query: str, *, is_default: bool) -> None:
        self.done.append(("save", name, query, is_default))

    def remove_view(self, name: str) -> None:
        self.done.append(("remove", name))
