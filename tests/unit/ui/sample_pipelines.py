"""Pages of pipelines as people will see them."""

from homeostat.core.clock import DAY, MINUTE, SECOND, Micros
from homeostat.ui.charts.records import Graph, GraphNode
from homeostat.ui.contexts import PipelinePage, PipelineRunRow, PipelinesPage, StepChange, StepRow
from unit.ui.sample_systems import NOW, PROJECT, SYSTEM

NAME = "train_late_flights"
RUN = PipelineRunRow(
    id="run-0d6vz81k5q7r9x2m4n8p",
    pipeline=NAME,
    system=SYSTEM,
    actor="controller",
    status="finished",
    started_at=Micros(NOW - DAY),
    took_us=14 * MINUTE,
    ran=2,
    cached=3,
    failed=0,
)
FAILED = PipelineRunRow(
    id="run-0d6vz81k5q7r9x2m4n8q",
    pipeline="score_unchanged",
    system="",
    actor="local",
    status="failed",
    started_at=Micros(NOW - 2 * DAY),
    took_us=None,
    ran=0,
    cached=0,
    failed=1,
)
JOIN = StepRow(
    name="join",
    state="cached",
    calls=3,
    cached=3,
    took_us=0,
    why="join was not run: nothing it depends on has changed since action-1 made its result.",
    changes=(),
    previous="",
    reads=(),
    more_reads=0,
    repeated="",
    error="",
)
TRAIN = StepRow(
    name="train_a_model_on_all_of_the_rows",
    state="ran",
    calls=1,
    cached=0,
    took_us=13 * MINUTE,
    why="train ran because of constant late_flights.model.DEPTH (6 → 8).",
    changes=(StepChange(kind="constant", name="late_flights.model.DEPTH", before="6", after="8"),),
    previous="run-0d6vz81k5q7r9x2m4n8n",
    reads=("file late_flights/holidays.csv", "variable TZ"),
    more_reads=3,
    repeated="same",
    error="",
)
EVALUATE = StepRow(
    name="evaluate",
    state="failed",
    calls=1,
    cached=0,
    took_us=2 * SECOND,
    why="evaluate failed for the first time.",
    changes=(),
    previous="",
    reads=(),
    more_reads=0,
    repeated="differs",
    error="ValueError: <b>no labels</b>",
)
GRAPH = Graph(
    title=f"Steps of {NAME} and what each takes",
    nodes=(
        GraphNode(name="flights@62", state="data", detail="dataset", href="/data/flights"),
        GraphNode(name="weather@63", state="data", detail="dataset", href="/data/weather"),
        GraphNode(name="join", state="cached", detail="reused, 3 calls", href="#step-1"),
        GraphNode(name=TRAIN.name, state="ran", detail="ran 13 min", is_critical=True, href="#step-2"),
        GraphNode(name="evaluate", state="failed", detail="failed 2 s", is_critical=True, href="#step-3"),
    ),
    links=(
        ("flights@62", "join"),
        ("weather@63", "join"),
        ("join", TRAIN.name),
        (TRAIN.name, "evaluate"),
        ("weather@63", "evaluate"),
    ),
)
PIPELINES_PAGE = PipelinesPage(
    project=PROJECT, now=NOW, sentence="The last run of score_unchanged failed.", pipelines=(RUN, FAILED)
)
PIPELINES_EMPTY = PipelinesPage(project=PROJECT, now=NOW, sentence="No pipeline has run yet.", pipelines=())
PIPELINE_PAGE = PipelinePage(
    project=PROJECT,
    now=NOW,
    sentence=f"{NAME} failed in evaluate.",
    run=RUN,
    error="StepFailed: evaluate <raised>",
    graph=GRAPH,
    steps=(JOIN, TRAIN, EVALUATE),
    runs=(RUN, FAILED),
    older=FAILED.id,
)
PIPELINE_PLAIN = PipelinePage(
    project=PROJECT,
    now=NOW,
    sentence=f"{NAME} called no step.",
    run=RUN,
    error="",
    graph=Graph(title="No steps", nodes=(), links=()),
    steps=(),
    runs=(RUN,),
)
