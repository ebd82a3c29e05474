"""The queue before one worker."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeostat.core.errors import Overloaded
from homeostat.serve.batching import Job, JobQueue


def job(ticket: int, rows: int = 1, expires_at: float = 100.0) -> Job:
    return Job(ticket=ticket, payload=msgspec.Raw(b""), rows=rows, expires_at=expires_at)


def queue(*jobs: Job, max_batch_rows: int = 10, max_queued_rows: int = 1000) -> JobQueue:
    made = JobQueue(max_batch_rows=max_batch_rows, max_queued_rows=max_queued_rows)
    for each in jobs:
        made.put(each)
    return made


def tickets(jobs: list[Job]) -> list[int]:
    return [each.ticket for each in jobs]


@given(st.lists(st.integers(1, 15), max_size=30))
def test_every_job_leaves_once_in_order_in_bounded_batches(sizes: list[int]) -> None:
    """Batches keep the order of arrival, lose and repeat nothing, and pass the cap only for a job that is larger by itself."""
    waiting = queue(*[job(number, rows) for number, rows in enumerate(sizes)])
    left: list[int] = []
    while waiting.rows:
        batch = waiting.take(now=0.0).jobs
        left += tickets(batch)
        assert sum(each.rows for each in batch) <= 10 or len(batch) == 1

    assert list(range(len(sizes))) == left


def test_what_waits_leaves_together() -> None:
    """All that arrived while the worker was busy is one batch."""
    assert [1, 2, 3] == tickets(queue(job(1), job(2), job(3)).take(now=0.0).jobs)


def test_expired_work_is_not_sent() -> None:
    """A job whose caller has gone is dropped before dispatch."""
    batch = queue(job(1, expires_at=5.0), job(2, expires_at=7.0)).take(now=6.0)

    assert ([2], [1]) == (tickets(batch.jobs), tickets(batch.expired))


def test_a_retried_job_leaves_alone() -> None:
    """After a failed batch each of its jobs goes by itself, before the newer ones."""
    waiting = queue(job(1), job(2), job(3))
    failed = waiting.take(now=0.0).jobs[:2]
    waiting.put(job(4))
    waiting.put_back(failed)

    assert [[1], [2], [4]] == [tickets(waiting.take(now=0.0).jobs) for _ in range(3)]


def test_a_full_queue_says_when_to_come_back() -> None:
    """A job over the bound is refused with the time that the queue needs at the recent speed."""
    waiting = queue(job(1, rows=100), max_queued_rows=100)
    waiting.served(rows=50, seconds=1.0)

    with pytest.raises(Overloaded) as refused:
        waiting.put(job(2))
    assert 2.0 == pytest.approx(refused.value.retry_after_s)


def test_an_empty_queue_takes_any_job() -> None:
    """A request larger than the bound is served when nothing else waits, rather than never."""
    assert 500 == queue(job(1, rows=500), max_queued_rows=100).rows
