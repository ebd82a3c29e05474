"""What the gateway counts."""

from homeostat.core.clock import HOUR
from homeostat.serve.lanes import LaneState
from homeostat.serve.metrics import Metrics
from homeostat.serve.records import Traffic


def test_traffic_is_told_once_by_hour_of_event_time() -> None:
    """Requests since the last report, by hour; a report that failed is told again with the next."""
    metrics = Metrics()
    for status, at in ((200, 5), (503, 6), (429, HOUR + 1)):
        metrics.request("a", status, 0.01, at)
    expected = {("a", 0): Traffic(requests=2, failures=1), ("a", HOUR): Traffic(requests=1, failures=0)}

    taken = metrics.take_traffic()
    metrics.put_back_traffic(taken)

    assert [expected, expected, {}] == [taken, metrics.take_traffic(), metrics.take_traffic()]


def test_prometheus_can_read_the_text() -> None:
    """Counters by label, cumulative histogram buckets, gauges of the lanes."""
    metrics = Metrics()
    for seconds in (0.0005, 0.004, 0.2, 9.0):
        metrics.request("a", 200, seconds, 0)
    metrics.rows("a", 16, 3)
    lane = LaneState(system="a", version=2, pid=1, queued_rows=7, deaths=1, failed="")

    lines = metrics.text([lane]).splitlines()

    assert {
        'homeostat_requests_total{system="a",status="200"} 4',
        'homeostat_rows_total{system="a"} 16',
        'homeostat_shadow_dropped_total{system="a"} 3',
        'homeostat_queued_rows{system="a",version="2"} 7',
        'homeostat_worker_deaths_total{system="a",version="2"} 1',
        'homeostat_request_seconds_bucket{system="a",le="0.001"} 1',
        'homeostat_request_seconds_bucket{system="a",le="0.005"} 2',
        'homeostat_request_seconds_bucket{system="a",le="0.25"} 3',
        'homeostat_request_seconds_bucket{system="a",le="+Inf"} 4',
        'homeostat_request_seconds_count{system="a"} 4',
    } <= set(lines)
