"""The README's example is code that works."""

import importlib
import re
from pathlib import Path

import polars as pl
import pytest

README = Path(__file__).parents[2] / "README.md"


def test_example_declares_a_system_that_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pasted into a module, the example is a declaration, and its pipeline makes a candidate."""
    example = re.search(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)
    assert example is not None
    (tmp_path / "readme_example.py").write_text(example[1])
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module("readme_example")
    rows = pl.DataFrame(
        {
            "seen": pl.datetime_range(
                pl.datetime(2026, 1, 1), pl.datetime(2026, 1, 31), "1h", time_zone="UTC", eager=True
            )
        }
    ).with_columns(
        age=pl.int_range(pl.len()) % 50 + 20.0, income=pl.int_range(pl.len()) * 10.0, paid=pl.int_range(pl.len()) % 2
    )
    candidate = module.credit(module.hs.Table.of(rows))
    assert "credit" == module.system.declaration.name
    assert (7 * 24, "paid") == (candidate.holdout.rows, candidate.label)
    assert 5 == len(candidate.model.predict(rows.head(5)))
