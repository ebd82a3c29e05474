"""The queue before one worker: requests meet here and leave as batches.

Work-conserving: nothing waits while the worker is idle; while it is busy, what arrives accumulates, so the batch grows
with the load and by itself. A request that was in a batch that failed leaves alone the second time, so that one
poisonous request cannot fail its neighbours.

No I/O and no clock here: the lane asks, and says what time it is.
"""

from collections import deque

import msgspec

from homeostat.core.errors import Overloaded

_SMOOTHING = 0.2  # weight of the newest batch in the moving average of throughput
_MIN_RETRY_S = 0.05
_MAX_RETRY_S = 5.0


class Job(msgspec.Struct, eq=False):
    """Rows of one request on their way to a worker.

    Attributes:
        ticket: names it to the one who waits.
        payload: encoded rows.
        expires_at: monotonic seconds after which nobody waits for the answer.
        is_alone: whether a batch with it has failed, so that it goes by itself now.
        deaths: workers that died with it.
    """

    ticket: int
    payload: msgspec.Raw
    rows: int
    expires_at: float
    is_alone: bool = False
    deaths: int = 0


class Batch(msgspec.Struct):
    """What to send now, and what nobody waits for any more."""

    jobs: list[Job]
    expired: list[Job]


class JobQueue:
    """Jobs in order of arrival, bounded in rows. Belongs to one event loop."""

    def __init__(self, *, max_batch_rows: int, max_queued_rows: int) -> None:
        self._jobs: deque[Job] = deque()
        self._max_batch_rows = max_batch_rows
        self._max_queued_rows = max_queued_rows
        self._rows_per_s = 0.0
        self.rows = 0

    def put(self, job: Job) -> None:
        """Add a job at the end.

        Raises: Overloaded if the queue is full; it says when to come back, from the recent throughput. A job larger
            than the whole queue is taken when the queue is empty.
        """
        if self._jobs and self.rows + job.rows > self._max_queued_rows:
            raise Overloaded(
                f"{self.rows} rows wait for this model already, at most {self._max_queued_rows} may. "
                f"Come back in {self.retry_after_s():.2f} s.",
                self.retry_after_s(),
            )
        self._jobs.append(job)
        self.rows += job.rows

    def put_back(self, jobs: list[Job]) -> None:
        """Return jobs of a failed batch to the front, each to leave alone."""
        for job in reversed(jobs):
            job.is_alone = True
            self._jobs.appendleft(job)
            self.rows += job.rows

    def take(self, now: float) -> Batch:
        """The next batch, at most `max_batch_rows` unless its first job alone is larger; expired jobs are dropped."""
        jobs: list[Job] = []
        expired: list[Job] = []
        rows = 0
        while self._jobs:
            job = self._jobs[0]
            if job.expires_at <= now:
                expired.append(self._leave())
                continue
            if jobs and (job.is_alone or rows + job.rows > self._max_batch_rows):
                break
            jobs.append(self._leave())
            rows += job.rows
            if job.is_alone:
                break
        return Batch(jobs, expired)

    def take_all(self) -> list[Job]:
        """Empty the queue."""
        jobs = list(self._jobs)
        self._jobs.clear()
        self.rows = 0
        return jobs

    def served(self, rows: int, seconds: float) -> None:
        """Tell how fast the last batch went."""
        speed = rows / max(seconds, 1e-6)
        self._rows_per_s += (_SMOOTHING if self._rows_per_s else 1.0) * (speed - self._rows_per_s)

    def retry_after_s(self) -> float:
        """When the queue will probably be empty."""
        if not self._rows_per_s:
            return 1.0
        return min(max(self.rows / self._rows_per_s, _MIN_RETRY_S), _MAX_RETRY_S)

    def _leave(self) -> Job:
        job = self._jobs.popleft()
        self.rows -= job.rows
        return job
