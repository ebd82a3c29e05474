"""What a run printed, and what went wrong."""

from urllib.parse import quote

from homeostat.core.errors import CorruptObject, NotFound
from homeostat.track.output import ARTIFACT
from homeostat.track.records import RunDetail
from homeostat.ui.contexts import RunLog
from homeostat.ui.reading.here import Here

_SHOWN = 30_000  # bytes of its end


def tab(here: Here, detail: RunDetail) -> RunLog:
    """The tab of this name."""
    kept = next((one for one in detail.artifacts if one.name == ARTIFACT), None)
    output, is_cut = "", False
    if kept is not None:
        try:
            output = here.objects.read(kept.digest)[-_SHOWN:].decode(errors="replace")
            is_cut = kept.size_bytes > _SHOWN
        except (NotFound, CorruptObject) as lost:
            output = lost.message
    return RunLog(
        error=detail.run.error,
        output=output,
        is_cut=is_cut,
        href=f"/runs/{quote(detail.run.id)}/files/{ARTIFACT}" if kept is not None else "",
        dropped=detail.run.dropped,
    )
