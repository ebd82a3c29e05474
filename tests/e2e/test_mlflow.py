"""MLflow, the newest and the last of version 2, in its own environments: its clients and its server beside ours."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from e2e.mlflow_corpus.compare import CASES, differences, text
from e2e.mlflow_corpus.reasons import REASONS, reason
from e2e.mlflow_environments import CLIENTS, QUIET, client, ours, theirs

TOUR = Path(__file__).parent / "mlflow_tour" / "tour.py"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    with ours(tmp_path / "kept", tmp_path / "server.log") as address:
        yield address


@pytest.fixture
def their_server(tmp_path: Path) -> Iterator[str]:
    with theirs("mlflow3", tmp_path) as address:
        yield address


@pytest.mark.e2e
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", CLIENTS)
def test_the_tour_of_a_client_works_unchanged(name: str, server: str, tmp_path: Path) -> None:
    """Every call of the tour does with our server what its documentation says."""
    python = client(name)

    done = subprocess.run(
        [python, TOUR, server], cwd=tmp_path, capture_output=True, text=True, check=False, env={**os.environ, **QUIET}
    )

    assert 0 == done.returncode, f"{done.stdout}\n{done.stderr[-4000:]}"
    assert "is done: 13 parts" in done.stdout


@pytest.mark.e2e
@pytest.mark.timeout(900)
def test_answers_differ_only_where_it_is_explained(their_server: str, server: str) -> None:
    """Both servers answer every request of the corpus alike, but for differences with a reason, and no reason is idle."""
    with httpx.Client(base_url=their_server, timeout=60) as there, httpx.Client(base_url=server, timeout=60) as here:
        found = list(differences(there, here))

    explained = {id(one): reason(one) for one in found}
    assert [] == [text(one) for one in found if explained[id(one)] is None]
    assert [] == [known for known in REASONS if known not in explained.values()]
    assert len(CASES) >= 300


def test_every_reason_for_a_difference_is_in_the_documents() -> None:
    """docs/mlflow.md explains what the corpus lets pass, under the same names."""
    documented = (Path(__file__).parents[2] / "docs" / "mlflow.md").read_text()

    assert [] == [known.name for known in REASONS if f"| {known.name} |" not in documented]
