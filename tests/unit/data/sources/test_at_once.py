"""Sources that several ask at once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, BrokenBarrierError

import pyarrow as pa
import pytest

from homeostat.data.sources.ports import Fetched
from homeostat.data.sources.records import Origin, State
from homeostat.data.sources.service import Sources


def test_one_address_is_fetched_by_one_at_a_time(sources: Sources, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two that write one download would each take the other's beginning for the whole."""
    meeting = Barrier(2)
    met: list[bool] = []

    class Slow:
        def fetch(self, known: State) -> Fetched:
            try:
                meeting.wait(0.2)
            except BrokenBarrierError:
                met.append(False)
            else:
                met.append(True)
            return Fetched({"version": "1"}, None if known else pa.table({"n": [1]}).to_reader())

    monkeypatch.setattr("homeostat.data.sources.service.open_source", lambda *_: Slow())
    with ThreadPoolExecutor(2) as threads:
        done = list(
            threads.map(lambda _: sources.import_url("rows", Origin(uri="https://example.org/a.csv")), range(2))
        )

    assert [False, False] == met
    assert ["new version", "not changed"] == sorted(one.outcome for one in done)
