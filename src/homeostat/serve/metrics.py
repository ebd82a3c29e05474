"""What the gateway counts, and how Prometheus reads it.

Belongs to one event loop: plain integers, no locks.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Sequence

from homeostat.core.clock import HOUR
from homeostat.serve.lanes import LaneState
from homeostat.serve.records import Traffic

_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_SERVER_ERROR = 500


class Metrics:
    """Counts since the start of the process, and traffic since the last `take_traffic`."""

    def __init__(self) -> None:
        self._requests: Counter[tuple[str, int]] = Counter()
        self._rows: Counter[str] = Counter()
        self._labels: Counter[str] = Counter()
        self._shadow_dropped: Counter[str] = Counter()
        self._latencies: dict[str, list[int]] = {}
        self._latency_sums: defaultdict[str, float] = defaultdict(float)
        self._hours: Counter[tuple[str, int]] = Counter()
        self._failed_hours: Counter[tuple[str, int]] = Counter()

    def request(self, system: str, status: int, seconds: float, at: int) -> None:
        """A prediction request was answered.

        Args:
            at: its event time, µs.
        """
        self._requests[system, status] += 1
        buckets = self._latencies.setdefault(system, [0] * (len(_BUCKETS_S) + 1))
        buckets[bisect_left(_BUCKETS_S, seconds)] += 1
        self._latency_sums[system] += seconds
        hour = (system, at - at % HOUR)
        self._hours[hour] += 1
        self._failed_hours[hour] += status >= _SERVER_ERROR

    def rows(self, system: str, rows: int, shadow_dropped: int) -> None:
        self._rows[system] += rows
        self._shadow_dropped[system] += shadow_dropped

    def labels(self, system: str, labels: int) -> None:
        self._labels[system] += labels

    def take_traffic(self) -> dict[tuple[str, int], Traffic]:
        """Requests by (system, hour of event time) since the last call."""
        taken = {
            hour: Traffic(requests=requests, failures=self._failed_hours[hour])
            for hour, requests in self._hours.items()
        }
        self._hours.clear()
        self._failed_hours.clear()
        return taken

    def put_back_traffic(self, taken: dict[tuple[str, int], Traffic]) -> None:
        """The report of `taken` failed: it is still to be told."""
        for hour, seen in taken.items():
            self._hours[hour] += seen.requests
            self._failed_hours[hour] += seen.failures

    def text(self, lanes: Sequence[LaneState]) -> str:
        """Prometheus' text format 0.0.4."""
        lines: list[str] = []
        _family(lines, "homeostat_requests_total", "counter", "Prediction requests by status.")
        for (system, status), count in sorted(self._requests.items()):
            lines.append(f'homeostat_requests_total{{system="{system}",status="{status}"}} {count}')
        for name, told, counts in (
            ("homeostat_rows_total", "Rows answered.", self._rows),
            ("homeostat_labels_total", "Labels received.", self._labels),
            ("homeostat_shadow_dropped_total", "Rows the shadow did not score in time.", self._shadow_dropped),
        ):
            _family(lines, name, "counter", told)
            lines += [f'{name}{{system="{system}"}} {count}' for system, count in sorted(counts.items())]
        _family(lines, "homeostat_queued_rows", "gauge", "Rows that wait for a worker.")
        lines += [f"homeostat_queued_rows{_labels(lane)} {lane.queued_rows}" for lane in lanes]
        _family(lines, "homeostat_worker_deaths_total", "counter", "Worker processes that died.")
        lines += [f"homeostat_worker_deaths_total{_labels(lane)} {lane.deaths}" for lane in lanes]
        self._latency_lines(lines)
        return "\n".join(lines) + "\n"

    def _latency_lines(self, lines: list[str]) -> None:
        name = "homeostat_request_seconds"
        _family(lines, name, "histogram", "Time from the request's arrival to its answer.")
        for system, buckets in sorted(self._latencies.items()):
            total = 0
            for edge, count in zip((*map(str, _BUCKETS_S), "+Inf"), buckets, strict=True):
                total += count
                lines.append(f'{name}_bucket{{system="{system}",le="{edge}"}} {total}')
            lines.append(f'{name}_sum{{system="{system}"}} {self._latency_sums[system]:.6f}')
            lines.append(f'{name}_count{{system="{system}"}} {total}')


def _family(lines: list[str], name: str, kind: str, told: str) -> None:
    lines += [f"# HELP {name} {told}", f"# TYPE {name} {kind}"]


def _labels(lane: LaneState) -> str:
    return f'{{system="{lane.system}",version="{lane.version}"}}'
