import functools
import inspect
import os
import pickle
import subprocess
import sys
import threading
import warnings
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
import scipy.sparse
import threadpoolctl
from hypothesis import given
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from homeostat.codec.canonical import canonical
from homeostat.core.digests import Digest
from homeostat.core.errors import InvalidDeclaration

RNG = np.random.default_rng(7)
X = RNG.normal(size=(120, 4))
Y = (X[:, 0] + RNG.normal(size=120) > 0).astype(int)

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.binary(max_size=8)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=4), inner, max_size=4)
        | st.frozensets(st.text(max_size=4), max_size=4)
    ),
    max_leaves=12,
)


class Node:
    """A graph of plain objects."""

    def __init__(self, name: str, *links: "Node") -> None:
        self.name = name
        self.links = list(links)


class Slotted:
    __slots__ = ("n_jobs", "weight")

    def __init__(self, weight: float, n_jobs: int) -> None:
        self.weight = weight
        self.n_jobs = n_jobs


class Booster:
    """What an xgboost booster looks like from outside."""

    def __init__(self, leaf: float, threads: int) -> None:
        self.leaf = leaf
        self.threads = threads

    def save_raw(self, _format: str) -> bytearray:
        return bytearray(b'{"learner": {"leaf": %f}, "config": {"nthread": %d}}' % (self.leaf, self.threads))


Booster.__module__ = "xgboost.core"


class TextBooster:
    """What a lightgbm booster looks like from outside."""

    def __init__(self, leaf: float, threads: int) -> None:
        self.leaf = leaf
        self.threads = threads

    def model_to_string(self) -> str:
        return f"tree\nleaf_value={self.leaf}\nparameters:\n[num_threads: {self.threads}]\n"


TextBooster.__module__ = "lightgbm.basic"


def canonical_hash(value: Any) -> Digest:
    return canonical(value).digest


def typed(value: Any) -> Any:
    """A key of `value` by which two are the same only if types, signs and NaNs are."""
    match value:
        case dict():
            return ("dict", frozenset((typed(key), typed(member)) for key, member in value.items()))
        case list() | tuple():
            return (type(value).__name__, tuple(typed(member) for member in value))
        case frozenset():
            return ("frozenset", frozenset(map(typed, value)))
        case float():
            return ("float", value.hex())
        case _:
            return (type(value).__name__, value)


def fitted(**volatile: Any) -> RandomForestClassifier:
    return RandomForestClassifier(n_estimators=5, random_state=3, **volatile).fit(X, Y)


@given(values)
def test_a_pickle_round_trip_keeps_the_hash(value: Any) -> None:
    """What is loaded is what was stored."""
    copy = pickle.loads(pickle.dumps(value))

    assert canonical_hash(value) == canonical_hash(copy)


@given(values, values)
def test_values_that_differ_hash_differently(left: Any, right: Any) -> None:
    """Tags and lengths keep apart what concatenation would confuse: 1 and True, "1" and b"1", [[1], 2] and [1, [2]]."""
    is_same = typed(left) == typed(right)

    assert is_same == (canonical_hash(left) == canonical_hash(right))


@given(st.dictionaries(st.text(max_size=4), st.integers(), max_size=6))
def test_the_order_of_keys_does_not_count(mapping: dict[str, int]) -> None:
    """A dictionary is its pairs."""
    backwards = dict(reversed(mapping.items()))

    assert canonical_hash(mapping) == canonical_hash(backwards)


def test_sharing_a_member_is_holding_an_equal_copy() -> None:
    """Threads may share what processes copy; the model is the same."""
    member = [1, 2]

    assert canonical_hash([member, member]) == canonical_hash([member, [1, 2]])


def test_a_cycle_ends() -> None:
    """An object that leads back to itself has a hash, and it depends on where it leads back to."""
    short, long = Node("a"), Node("a", Node("a"))
    short.links.append(short)
    long.links[0].links.append(long)

    assert canonical_hash(short) != canonical_hash(long)
    assert canonical_hash(short) == canonical_hash(pickle.loads(pickle.dumps(short)))


def test_a_chain_too_deep_is_refused() -> None:
    """An object that Python cannot walk gives an error of ours, naming it."""
    chain = functools.reduce(lambda link, _: Node("link", link), range(2000), Node("end"))

    with pytest.raises(InvalidDeclaration, match="Node is nested too deeply"):
        canonical_hash(chain)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (np.arange(6), np.arange(6).reshape(2, 3)),
        (np.arange(6), np.arange(6).astype(np.int32)),
        (np.zeros(3), np.array([0.0, 0.0, 1e-300])),
        (np.float64(1), np.float32(1)),
        (np.array([None, 1], dtype=object), np.array([None, 2], dtype=object)),
        (OrderedDict(a=1), {"a": 1}),
        (functools.partial(max, 1), functools.partial(min, 1)),
        (np.log1p, np.log2),
        ("ab".upper, "cd".upper),
        (StandardScaler, LogisticRegression),
    ],
)
def test_what_an_array_or_a_callable_is_counts(left: Any, right: Any) -> None:
    """Shape, type, values, the function and what it is bound to: each tells two objects apart."""
    assert canonical_hash(left) != canonical_hash(right)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (np.arange(12).reshape(3, 4), np.asfortranarray(np.arange(12).reshape(3, 4))),
        (np.arange(10)[::2], np.array([0, 2, 4, 6, 8])),
        (np.zeros((0, 3)), np.ones((0, 3))),
        (np.zeros(2, "U0"), np.zeros(2, "U0")),
    ],
)
def test_how_an_array_lies_in_memory_does_not_count(left: Any, right: Any) -> None:
    """An array is its values by position."""
    assert canonical_hash(left) == canonical_hash(right)


def test_padding_of_records_does_not_count() -> None:
    """What memory held between the fields of a record is no part of it."""
    padded = np.dtype([("flag", "u1"), ("value", "f8")], align=True)
    memories = [bytearray([fill]) * padded.itemsize * 2 for fill in (0, 255)]
    left, right = (np.frombuffer(memory, padded) for memory in memories)
    for records in (left, right):
        records["flag"], records["value"] = [1, 2], [0.5, 1.5]

    assert memories[0] != memories[1]
    assert canonical_hash(left) == canonical_hash(right)


@pytest.mark.parametrize("volatile", [{"n_jobs": 2}, {"verbose": 0, "n_jobs": 1}])
def test_how_it_was_computed_does_not_count(volatile: dict[str, Any]) -> None:
    """The number of threads is no property of a model."""
    assert canonical_hash(fitted()) == canonical_hash(fitted(**volatile))


def test_volatile_slots_do_not_count() -> None:
    """Slots are attributes as much as a dictionary is."""
    assert canonical_hash(Slotted(1.0, n_jobs=1)) == canonical_hash(Slotted(1.0, n_jobs=2))
    assert canonical_hash(Slotted(1.0, n_jobs=1)) != canonical_hash(Slotted(2.0, n_jobs=1))


def test_data_under_a_volatile_name_counts() -> None:
    """Only attributes are dropped: a vocabulary may well know the word device."""
    assert canonical_hash({"device": 1}) != canonical_hash({"device": 2})


@pytest.mark.parametrize(
    "estimator",
    [
        fitted(),
        HistGradientBoostingClassifier(max_iter=5).fit(X, Y),
        make_pipeline(ColumnTransformer([("scale", StandardScaler(), [0, 1])]), LogisticRegression()).fit(X, Y),
        MLPRegressor(hidden_layer_sizes=(3,), max_iter=3, solver="lbfgs", random_state=0),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_using_and_storing_a_model_keeps_its_hash(estimator: Any) -> None:
    """Neither a prediction nor a pickle round trip makes it another model."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # three iterations do not converge
        estimator = estimator.fit(X, Y)
    before = canonical_hash(estimator)
    estimator.predict(X)

    assert before == canonical_hash(estimator) == canonical_hash(pickle.loads(pickle.dumps(estimator)))


def test_another_weight_is_another_model() -> None:
    """The last bit of one coefficient counts."""
    left, right = LogisticRegression().fit(X, Y), LogisticRegression().fit(X, Y)
    right.coef_[0, 0] = np.nextafter(right.coef_[0, 0], 2)

    assert canonical_hash(left) != canonical_hash(right)


def test_lazy_flags_of_sparse_arrays_do_not_count() -> None:
    """Asking a sparse array whether it is sorted does not change it."""
    matrix = scipy.sparse.csr_array(X)
    before = canonical_hash(matrix)
    assert matrix.has_sorted_indices
    assert matrix.has_canonical_format

    assert before == canonical_hash(matrix)


@pytest.mark.parametrize("kind", [Booster, TextBooster])
def test_boosters_are_hashed_by_their_native_dump(kind: type[Any]) -> None:
    """What it learned counts, its threads do not."""
    assert canonical_hash(kind(0.5, 1)) == canonical_hash(kind(0.5, 8))
    assert canonical_hash(kind(0.5, 1)) != canonical_hash(kind(0.25, 1))


@pytest.mark.parametrize(
    ("value", "named"),
    [(threading.Lock(), "_thread.lock"), (FunctionTransformer(lambda rows: rows), "<lambda>")],
)
def test_what_cannot_be_stored_is_refused_by_name(value: Any, named: str) -> None:
    """A lock or a lambda inside a model is found before anything is written."""
    with pytest.raises(InvalidDeclaration, match=named):
        canonical_hash([value])


def test_the_packages_of_a_model_are_known() -> None:
    """Those whose versions matter: found by walking, not by asking the user."""
    packages = canonical(make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y)).packages

    assert "sklearn" in packages


def test_equal_whatever_the_number_of_openmp_threads() -> None:
    """Trees of sums that threads make in any order are the same trees."""
    hashes = []
    for threads in (1, 2):
        with threadpoolctl.threadpool_limits(threads):
            hashes.append(canonical_hash(HistGradientBoostingClassifier(max_iter=2, random_state=0).fit(X, Y)))

    assert hashes[0] == hashes[1]


def fitted_words() -> TfidfVectorizer:
    """A vectorizer that remembers the address of its list of stop words."""
    return TfidfVectorizer(stop_words=["late", "on", "time"]).fit(["a late flight", "on time", "weather"])


def test_addresses_that_a_vectorizer_remembers_do_not_count() -> None:
    """Its pickle differs each time; it does not."""
    left, right = fitted_words(), fitted_words()
    for words in (left, right):
        words.transform(["weather"])

    assert left._stop_words_id != right._stop_words_id
    assert canonical_hash(left) == canonical_hash(right)


def sets() -> Any:
    """Sets and dictionaries whose order follows the hash seed."""
    return {
        "words": {"late", "on", "time", "weather"},
        ("x", 1): frozenset({None, "n", 2.5}),
        "map": {b"k": {"a", "b"}},
    }


def test_equal_across_processes_and_hash_seeds() -> None:
    """The hash names the value, not the process that computed it."""
    seed = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    script = f"from typing import Any\nfrom homeostat.codec.canonical import canonical\n{inspect.getsource(sets)}"
    elsewhere = subprocess.run(
        [sys.executable, "-c", f"{script}\nprint(canonical(sets()).digest)"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()

    assert elsewhere == canonical_hash(sets())
