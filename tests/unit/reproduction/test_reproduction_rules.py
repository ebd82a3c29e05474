"""Grades and differences, decided without running anything."""

import msgspec
import pytest

from homeostat.capture.environment import Environment, Package
from homeostat.core.digests import Digest
from homeostat.reproduction.records import Difference, Grade, Probe
from homeostat.reproduction.rules import environment_differences, grade, sentence

ENVIRONMENT = Environment(
    python="3.11.7",
    implementation="cpython",
    platform="linux",
    machine="x86_64",
    packages=(Package("numpy", "2.1.0", Digest("a" * 64)), Package("polars", "1.0.0", Digest("b" * 64))),
)


def probe(*, equal: bool, auc: float = 0.7) -> Probe:
    return Probe(
        rows=500,
        equal=equal,
        largest_difference=0.0 if equal else 0.1,
        recorded={"auc": 0.7, "brier": 0.2},
        remade={"auc": auc, "brier": 0.2},
    )


@pytest.mark.parametrize(
    ("same_bytes", "same_canonical", "found", "expected"),
    [
        (True, True, probe(equal=True), "A"),
        (False, True, probe(equal=True), "B"),
        (False, False, probe(equal=True), "C"),
        (False, False, probe(equal=False, auc=0.7 + 9e-7), "D"),
        (False, False, probe(equal=False, auc=0.7 + 2e-6), "F"),
    ],
)
def test_grade_is_the_strictest_that_holds(
    *, same_bytes: bool, same_canonical: bool, found: Probe, expected: Grade
) -> None:
    """Bytes before canonical hash before scores before metrics within 1e-6."""
    assert expected == grade(same_bytes=same_bytes, same_canonical=same_canonical, probe=found)


def test_same_bytes_that_answer_otherwise_are_not_the_same() -> None:
    """A transform is part of a model: with other scores the best grade is D, whatever the estimator's bytes say."""
    assert "D" == grade(same_bytes=True, same_canonical=True, probe=probe(equal=False))


def test_other_scores_without_metrics_have_diverged() -> None:
    """Where no metric can be measured nothing says that other scores are as good."""
    found = msgspec.structs.replace(probe(equal=False), recorded={}, remade={})

    assert "F" == grade(same_bytes=False, same_canonical=False, probe=found)


def test_equal_environments_do_not_differ() -> None:
    """An environment is as itself."""
    assert [] == environment_differences(ENVIRONMENT, ENVIRONMENT)


def test_changed_package_is_named_with_both_versions() -> None:
    """A package of another version is one difference, by its name."""
    packages = (Package("numpy", "2.2.0", Digest("c" * 64)), ENVIRONMENT.packages[1])
    found = environment_differences(ENVIRONMENT, msgspec.structs.replace(ENVIRONMENT, packages=packages))

    assert [Difference(kind="environment", node="numpy", recorded="2.1.0", found="2.2.0")] == found


def test_package_edited_in_place_is_named() -> None:
    """The same version with other files is a difference."""
    packages = (Package("numpy", "2.1.0", Digest("c" * 64)), ENVIRONMENT.packages[1])
    (found,) = environment_differences(ENVIRONMENT, msgspec.structs.replace(ENVIRONMENT, packages=packages))

    assert ("numpy", "2.1.0 (aaaaaaaa)", "2.1.0 (cccccccc)") == (found.node, found.recorded, found.found)


def test_absent_package_and_other_python_are_named() -> None:
    """What is gone has no version now, and the interpreter counts."""
    other = msgspec.structs.replace(ENVIRONMENT, python="3.12.0", packages=ENVIRONMENT.packages[:1])

    assert [("python", "cpython 3.11.7", "cpython 3.12.0"), ("polars", "1.0.0", "")] == [
        (one.node, one.recorded, one.found) for one in environment_differences(ENVIRONMENT, other)
    ]


def test_sentence_names_the_first_difference_of_what_diverged() -> None:
    """A grade below A is told with the first divergent node and both values."""
    first = Difference(kind="environment", node="numpy", recorded="2.1.0", found="2.2.0")
    later = Difference(kind="output", node="train", recorded="x", found="y")

    assert (
        "clicks@1 was made again, grade F: it diverged. First difference: environment numpy: 2.1.0 → 2.2.0."
        == sentence("clicks@1", "F", [first, later], "")
    )


def test_sentence_of_the_same_model_has_no_difference() -> None:
    """A package that changed nothing is not held against a model that came out the same."""
    difference = Difference(kind="environment", node="pytest", recorded="8", found="9")

    assert "clicks@1 was made again, grade A: byte for byte the same estimator." == sentence(
        "clicks@1", "A", [difference], ""
    )
