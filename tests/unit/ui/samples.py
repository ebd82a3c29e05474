"""One realistic context for each page."""

from homeostat.ui.contexts import Context
from unit.ui.sample_comparison import COMPARE_EMPTY, COMPARE_MANY, COMPARE_PAGE
from unit.ui.sample_pipelines import PIPELINE_PAGE, PIPELINE_PLAIN, PIPELINES_EMPTY, PIPELINES_PAGE
from unit.ui.sample_rooms import (
    DATA_EMPTY,
    DATA_PAGE,
    DATASET_FILES,
    DATASET_PAGE,
    DATASET_PLAIN,
    DIFFERENCE_FILES,
    DIFFERENCE_PAGE,
    ERROR_PAGE,
    MODEL_PAGE,
    MODEL_PAGE_NEW,
    MODELS_EMPTY,
    MODELS_PAGE,
)
from unit.ui.sample_run import RUN_PAGES
from unit.ui.sample_runs_table import ARCHIVE_PAGE, RUNS_EMPTY, RUNS_GROUPED, RUNS_NONE, RUNS_PAGE, RUNS_PROBLEM
from unit.ui.sample_systems import (
    DECISIONS_EMPTY,
    DECISIONS_PAGE,
    OVERVIEW,
    OVERVIEW_EMPTY,
    SYSTEM_PAGE,
    SYSTEM_PAGE_NEW,
)

PAGES: dict[str, Context] = {
    "overview": OVERVIEW,
    "overview-empty": OVERVIEW_EMPTY,
    "system": SYSTEM_PAGE,
    "system-new": SYSTEM_PAGE_NEW,
    "decisions": DECISIONS_PAGE,
    "decisions-empty": DECISIONS_EMPTY,
    "models": MODELS_PAGE,
    "models-empty": MODELS_EMPTY,
    "model": MODEL_PAGE,
    "model-new": MODEL_PAGE_NEW,
    "data": DATA_PAGE,
    "data-empty": DATA_EMPTY,
    "dataset": DATASET_PAGE,
    "dataset-plain": DATASET_PLAIN,
    "dataset-files": DATASET_FILES,
    "difference": DIFFERENCE_PAGE,
    "difference-files": DIFFERENCE_FILES,
    "pipelines": PIPELINES_PAGE,
    "pipelines-empty": PIPELINES_EMPTY,
    "pipeline": PIPELINE_PAGE,
    "pipeline-plain": PIPELINE_PLAIN,
    "runs": RUNS_PAGE,
    "runs-empty": RUNS_EMPTY,
    "runs-grouped": RUNS_GROUPED,
    "runs-none": RUNS_NONE,
    "runs-problem": RUNS_PROBLEM,
    "runs-archive": ARCHIVE_PAGE,
    **{f"run-{name}": page for name, page in RUN_PAGES.items()},
    "compare": COMPARE_PAGE,
    "compare-many": COMPARE_MANY,
    "compare-empty": COMPARE_EMPTY,
    "error": ERROR_PAGE,
}
