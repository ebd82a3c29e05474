"""One run: a tab of its page at a time, so that nothing is read or sent that is not shown."""

from typing import ClassVar, Literal

import msgspec

from homeostat.core.clock import Micros
from homeostat.ui.charts.records import CurveChart, Graph
from homeostat.ui.contexts.runs import RunStatus
from homeostat.ui.contexts.shared import Context, Pair

Tab = Literal["overview", "curves", "system", "artifacts", "code", "environment", "data", "lineage", "log"]
Verdict = Literal["better", "worse", "same", "unknown"]
PreviewKind = Literal["image", "audio", "text", "markdown", "table", "model", "none"]

# Types that a browser shows without running anything; SVG only as a picture, in which scripts do not run.
IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp", "image/svg+xml"})
SOUNDS = frozenset({"audio/wav", "audio/x-wav", "audio/mpeg", "audio/ogg", "audio/flac", "audio/mp4", "audio/aac"})


class TabLink(msgspec.Struct, frozen=True, kw_only=True):
    """A tab of the page. `count`: what it holds, or None if that is not counted."""

    name: Tab
    title: str
    count: int | None = None


class RunHead(msgspec.Struct, frozen=True, kw_only=True):
    """What every tab says of the run.

    Attributes:
        id: of the run.
        name: given by its author.
        kind: `run`, `pipeline`, `node` or another.
        status: running, scheduled, finished, failed or killed.
        system: it belongs to, or empty.
        experiment: name of the folder it is in.
        user: who started it; empty if unknown.
        source: what ran: the script, the notebook.
        started_at: when it began.
        finished_at: when it ended, or None.
        is_deleted: it was thrown away, and can be restored.
    """

    id: str
    name: str
    kind: str
    status: RunStatus
    system: str
    experiment: str
    user: str
    source: str
    started_at: Micros
    finished_at: Micros | None
    is_deleted: bool


class OtherRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run that this one can be held against. `note`: why it is offered."""

    id: str
    name: str
    started_at: Micros
    note: str = ""


class PartRow(msgspec.Struct, frozen=True, kw_only=True):
    """A run that is part of this one: a trial of a sweep, a node of a distributed training."""

    id: str
    name: str
    kind: str
    status: RunStatus
    started_at: Micros
    finished_at: Micros | None
    metrics: tuple[Pair, ...] = ()


class ParamRow(msgspec.Struct, frozen=True, kw_only=True):
    """A param. `before`: its value in the other run, where that is another one."""

    name: str
    value: str
    before: str | None = None


class MetricRow(msgspec.Struct, frozen=True, kw_only=True):
    """A metric.

    Attributes:
        key: its name.
        value: of the latest point.
        step: of the latest point.
        points: how many were logged.
        values: (points,) its curve, thinned; empty where only one point is.
        before: its latest value in the other run, or None.
        verdict: how it compares with that.
    """

    key: str
    value: float
    step: int
    points: int
    values: tuple[float, ...] = ()
    before: float | None = None
    verdict: Verdict = "unknown"


class RunOverview(msgspec.Struct, frozen=True, kw_only=True):
    """Was it better, and why?

    Attributes:
        note: what its author wrote of it.
        note_html: the same as safe HTML, from Markdown.
        params: what it was given; long ones are cut.
        more_params: how many are not shown.
        metrics: the latest values.
        more_metrics: how many are not shown.
        tags: words about it.
        client_tags: tags that a client of MLflow keeps for itself.
        parent: the run it is part of.
        parts: runs that are part of it.
        more_parts: how many are not shown.
        models: model versions it made.
        differences: what differs from the other run, in words; the link shows it.
    """

    note: str
    note_html: str
    params: tuple[ParamRow, ...]
    more_params: int
    metrics: tuple[MetricRow, ...]
    more_metrics: int
    tags: tuple[Pair, ...]
    client_tags: tuple[Pair, ...]
    parent: Pair | None
    parts: tuple[PartRow, ...]
    more_parts: int
    models: tuple[Pair, ...]
    differences: tuple[Pair, ...]


class CurveGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Metrics whose names begin alike, such as `val/`."""

    name: str
    charts: tuple[CurveChart, ...]


class RunCurves(msgspec.Struct, frozen=True, kw_only=True):
    """Curves of metrics, or of the machine.

    Attributes:
        x: what the horizontal axis is: `step`, `time`, `relative`.
        is_log: the vertical axis is logarithmic.
        find: only metrics whose names hold this text.
        metric: the only metric that is shown, with its numbers; or empty.
        low: where the shown stretch of the axis begins, as it stands in the address; empty for the whole.
        high: where it ends.
        groups: charts of this page.
        page: number of this page of charts, from 1.
        pages: how many there are.
        total: how many metrics there are in all pages.
        nodes: names of the machines, if there is more than one.
    """

    x: str
    is_log: bool
    find: str
    metric: str
    low: str
    high: str
    groups: tuple[CurveGroup, ...]
    page: int
    pages: int
    total: int
    nodes: tuple[str, ...] = ()


class RunFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file, or a folder of the tree it stands in.

    Attributes:
        name: last part of its path.
        depth: how many folders it is in.
        size: bytes, of a folder all within.
        href: address that shows it; empty for a folder.
        is_shown: it is the one that is shown.
    """

    name: str
    depth: int
    size: int
    href: str
    is_shown: bool = False


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What a file looks like.

    Attributes:
        name: path of the file.
        digest: of its content.
        size: bytes.
        media_type: as it was said, or as the name says.
        kind: how it is shown.
        href: address of its bytes.
        text: to be shown as it is; of `markdown` safe HTML.
        columns: of a table.
        rows: of a table, its first; every cell is text.
        facts: of a model or a table: what there is to say.
        note: what is not shown, and why.
    """

    name: str
    digest: str
    size: int
    media_type: str
    kind: PreviewKind
    href: str
    text: str = ""
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    facts: tuple[Pair, ...] = ()
    note: str = ""


class RunFiles(msgspec.Struct, frozen=True, kw_only=True):
    """Files of a run.

    Attributes:
        files: as a tree, folders before what is in them.
        more: how many are not listed.
        find: only those whose paths hold this text.
        shown: the file that is looked at.
    """

    files: tuple[RunFile, ...]
    more: int
    find: str
    shown: Preview | None


class DiffLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a unified diff. `op`: `+`, `-`, `@` (where it is) or a blank."""

    op: str
    text: str


class FileDiff(msgspec.Struct, frozen=True, kw_only=True):
    """How a file changed.

    Attributes:
        path: below the root of the project.
        sign: `+` new, `-` gone, `~` changed.
        added: lines.
        removed: lines.
        lines: the unified diff.
        note: why there are no lines, or not all.
    """

    path: str
    sign: str
    added: int
    removed: int
    lines: tuple[DiffLine, ...]
    note: str = ""


class RunCode(msgspec.Struct, frozen=True, kw_only=True):
    """The code as it was.

    Attributes:
        facts: commit, branch, entry point, command line, digest of the tree.
        changes: against the other run.
        sentence: what changed, in words; why there is no diff.
        files: of the tree.
        more: how many are not listed.
        shown: the file that is looked at.
    """

    facts: tuple[Pair, ...]
    changes: tuple[FileDiff, ...]
    sentence: str
    files: tuple[RunFile, ...]
    more: int
    shown: Preview | None


class EnvironmentChange(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that differs: a package, the interpreter, the machine, a variable."""

    kind: str
    name: str
    before: str
    after: str


class RunEnvironment(msgspec.Struct, frozen=True, kw_only=True):
    """What the run ran on.

    Attributes:
        digest: of the environment, or empty if none was captured.
        sentence: what differs from the other run, in words.
        changes: the same, one by one.
        interpreter: Python and its platform.
        packages: name and version.
        machine: processor, memory, kernel.
        numerics: libraries with their threads.
        variables: environment variables and settings that can change a result.
    """

    digest: str
    sentence: str
    changes: tuple[EnvironmentChange, ...]
    interpreter: tuple[Pair, ...]
    packages: tuple[Pair, ...]
    machine: tuple[Pair, ...]
    numerics: tuple[Pair, ...]
    variables: tuple[Pair, ...]


class InputRow(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset that the run read.

    Attributes:
        name: of the dataset.
        context: what it was used for, such as training.
        version: number or digest, as it was said.
        href: page of that version, or empty if the dataset is not one of ours.
        source: where it came from.
        about: columns and counts, in words.
        before: the version that the other run read, where that is another one; empty where it is the same.
    """

    name: str
    context: str
    version: str
    href: str
    source: str
    about: str
    before: str = ""


class ModelLink(msgspec.Struct, frozen=True, kw_only=True):
    """A model that the run read or made."""

    way: Literal["read", "made"]
    id: str
    name: str
    detail: str
    href: str = ""


class RunData(msgspec.Struct, frozen=True, kw_only=True):
    """What the run read and made."""

    inputs: tuple[InputRow, ...]
    models: tuple[ModelLink, ...]


class RunLineage(msgspec.Struct, frozen=True, kw_only=True):
    """What the run came from, and what came of it.

    Attributes:
        graph: the nearest.
        more: nodes that are farther away than the picture reaches.
        is_cut: there are more than these: nobody counted on.
    """

    graph: Graph
    more: int
    is_cut: bool = False


class RunLog(msgspec.Struct, frozen=True, kw_only=True):
    """What was printed, and what went wrong.

    Attributes:
        error: with its traceback, or empty.
        output: the end of what was printed, or empty.
        is_cut: there is more of it before.
        href: address of the whole output, or empty.
        dropped: log calls that could not be kept.
    """

    error: str
    output: str
    is_cut: bool
    href: str
    dropped: int


class RunSeries(msgspec.Struct, frozen=True, kw_only=True):
    """Curves for a browser that draws them itself, and whether there will be more."""

    charts: tuple[CurveChart, ...]
    status: RunStatus


class StoredFile(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes that a run keeps: where they lie on this machine, and under which name and type they are sent."""

    path: str
    name: str
    media_type: str


class RunPage(Context, frozen=True, kw_only=True):
    """Was it better, and why? One of the fields after `others` is filled, the one that `tab` names.

    Attributes:
        sentence: the answer.
        run: what every tab says of it.
        tab: which one is shown.
        tabs: all there are.
        against: id of the run it is held against, or empty.
        others: runs that can be chosen for that.
        error: what went wrong, or empty.
        curves: of its metrics.
        system: of its machines.
    """

    template: ClassVar[str] = "run.html"

    sentence: str
    run: RunHead
    tab: Tab
    tabs: tuple[TabLink, ...]
    against: str
    others: tuple[OtherRun, ...]
    error: str = ""
    overview: RunOverview | None = None
    curves: RunCurves | None = None
    system: RunCurves | None = None
    artifacts: RunFiles | None = None
    code: RunCode | None = None
    environment: RunEnvironment | None = None
    data: RunData | None = None
    lineage: RunLineage | None = None
    log: RunLog | None = None
