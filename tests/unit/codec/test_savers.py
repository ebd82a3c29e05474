"""Bytes of estimators that are the same in every process."""

import pickle
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from sklearn.feature_extraction.text import CountVectorizer

from homeostat.codec.canonical import canonical
from homeostat.codec.savers import dumps
from homeostat.core.errors import InvalidDeclaration

# What a vectorizer remembers of its stop words is where they lie, so each process has another.
VECTORIZER = """
import hashlib, sys
from sklearn.feature_extraction.text import CountVectorizer
from homeostat.codec.savers import dumps
padding = [object() for _ in range(int(sys.argv[1]))]
fitted = CountVectorizer(stop_words=["the", "of"]).fit(["the rain of spain", "rain again"])
print(hashlib.sha256(dumps(fitted, "it")).hexdigest())
"""


def test_a_text_vectorizer_has_the_same_bytes_in_every_process() -> None:
    """Whatever the address of its stop words and whatever the hash seed."""
    said = {
        subprocess.run(
            [sys.executable, "-c", VECTORIZER, padding],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[3] / "src")},
        ).stdout
        for seed, padding in (("1", "0"), ("2", "100000"))
    }

    assert 1 == len(said)


def test_a_vectorizer_without_the_address_works_as_before() -> None:
    """It looks at its stop words again when it is asked."""
    fitted = CountVectorizer(stop_words=["the"]).fit(["the rain", "rain again"])

    loaded = pickle.loads(dumps(fitted, "it"))

    assert (fitted.transform(["the rain"]) != loaded.transform(["the rain"])).nnz == 0
    assert canonical(fitted).digest == canonical(loaded).digest


def test_what_cannot_be_pickled_is_named() -> None:
    """With the words it was given for the whole."""
    with pytest.raises(InvalidDeclaration, match=r"A lock cannot be stored"):
        dumps(threading.Lock(), "A lock")


def network(torch: Any) -> Any:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2), torch.nn.Linear(2, 1))


def test_networks_of_equal_weights_have_equal_bytes() -> None:
    """Two networks made alike lie at other addresses; their bytes and their canonical hashes are the same."""
    torch = pytest.importorskip("torch")
    one, other = network(torch), network(torch)

    assert dumps(one, "one") == dumps(other, "other")
    assert canonical(one).digest == canonical(other).digest


def test_a_changed_weight_is_another_network() -> None:
    """In the last bit."""
    torch = pytest.importorskip("torch")
    one, other = network(torch), network(torch)
    with torch.no_grad():
        other[0].weight[0, 0] = torch.nextafter(other[0].weight[0, 0], torch.tensor(9.0))

    assert canonical(one).digest != canonical(other).digest


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int64", "bool"])
@pytest.mark.parametrize("shape", [(2, 3), (), (0, 4)])
def test_a_tensor_comes_back_as_it_was(dtype: str, shape: tuple[int, ...]) -> None:
    """Type, shape and values, also of none, of one without dimensions and of types that NumPy does not have."""
    torch = pytest.importorskip("torch")
    tensor = torch.ones(shape).to(getattr(torch, dtype))

    loaded = pickle.loads(dumps(tensor, "it"))

    assert (tensor.dtype, tensor.shape, True) == (loaded.dtype, loaded.shape, torch.equal(tensor, loaded))


def test_a_parameter_stays_one() -> None:
    """With or without a gradient, and shared where it was shared."""
    torch = pytest.importorskip("torch")
    weight = torch.nn.Parameter(torch.ones(2), requires_grad=False)

    first, second = pickle.loads(dumps([weight, weight], "it"))

    assert (torch.nn.Parameter, False, True) == (type(first), first.requires_grad, first is second)
