"""Grades and differences, decided without running anything."""

import msgspec
import pytest

from homeostat.capture.environment import Environment, Package
from homeostat.capture.hardware import Hardware, ThreadPool
from homeostat.capture.surroundings import Surroundings
from homeostat.core.digests import Digest
from homeostat.reproduction.records import Difference, Factor, Flip, Grade, Probe
from homeostat.reproduction.rules import (
    cause,
    environment_differences,
    flipped,
    grade,
    hardware_differences,
    pinned,
    sentence,
    setting_differences,
)

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


def machine(
    threads: int = 4, kernels: str = "Haswell", flags: tuple[str, ...] = ("avx2",), others: tuple[ThreadPool, ...] = ()
) -> Hardware:
    """A machine with as many cores as BLAS has threads."""
    return Hardware(
        cpu="Analytical Engine",
        flags=flags,
        machine="x86_64",
        cores_physical=threads,
        cores_logical=threads,
        cores_usable=threads,
        memory_bytes=1,
        kernel="6",
        thread_pools=(ThreadPool(api="blas", library="openblas", threads=threads, architecture=kernels), *others),
    )


OPENMP = ThreadPool(api="openmp", library="openmp", threads=9)


def surroundings(settings: dict[str, str], **variables: str) -> Surroundings:
    none = Digest("0" * 64)
    return Surroundings(code=none, environment=none, hardware=none, argv=(), variables=variables, settings=settings)


def flip(factor: Factor, found: Grade) -> Flip:
    first = None if found in "AB" else Difference(kind="output", node="train", recorded="x", found="y")
    return Flip(factor=factor, variables={}, grade=found, first=first)


@pytest.mark.parametrize(
    ("same_bytes", "same_canonical", "expected"), [(True, True, "A"), (False, True, "B"), (False, False, "F")]
)
def test_without_rows_to_answer_only_the_model_itself_proves_anything(
    *, same_bytes: bool, same_canonical: bool, expected: Grade
) -> None:
    """A model without a holdout has grade A, B or F."""
    assert expected == grade(same_bytes=same_bytes, same_canonical=same_canonical, probe=None)


def test_threads_and_kernels_of_another_machine_are_named() -> None:
    """Cores, then what follows from them; libraries that only one process had loaded are nobody's difference."""
    found = hardware_differences(machine(4, "Haswell", others=(OPENMP,)), machine(2, "Zen"))

    assert [("cores", "4", "2"), ("kernels of openblas", "Haswell", "Zen"), ("threads of openblas", "4", "2")] == [
        (one.node, one.recorded, one.found) for one in found
    ]


def test_settings_that_were_not_recorded_are_no_difference() -> None:
    """A variable and a time zone are named; what an older record does not know is not held against it."""
    recorded = surroundings({"time_zone": "UTC"}, TZ="UTC")
    found = surroundings({"time_zone": "CET", "locale": "C"})

    assert [("TZ", "UTC", ""), ("time_zone", "UTC", "CET")] == [
        (one.node, one.recorded, one.found) for one in setting_differences(recorded, found)
    ]


def test_the_machine_it_was_made_on_needs_no_variables() -> None:
    """Nothing is pinned that is so by itself."""
    assert {} == pinned(machine(), machine())


def test_threads_and_kernels_of_the_recorded_machine_are_restored() -> None:
    """On a larger machine that has all of its instruction sets."""
    assert {"OPENBLAS_NUM_THREADS": "4", "OPENBLAS_CORETYPE": "Haswell"} == pinned(
        machine(4, "Haswell"), machine(16, "SkylakeX", ("avx2", "avx512f"))
    )


def test_kernels_the_cpu_cannot_run_are_not_asked_for() -> None:
    """The process would die of an unknown instruction."""
    assert {} == pinned(machine(4, "SkylakeX", ("avx2", "avx512f")), machine(4, "Haswell"))


@pytest.mark.parametrize(
    ("factor", "recorded", "variables", "expected"),
    [
        ("hash-seed", machine(), {}, {"PYTHONHASHSEED": "1"}),
        ("hash-seed", machine(), {"PYTHONHASHSEED": "1"}, {"PYTHONHASHSEED": "2"}),
        ("blas", machine(kernels="SkylakeX"), {}, {"OPENBLAS_CORETYPE": "Nehalem"}),
        ("blas", machine(kernels="Nehalem"), {}, {"OPENBLAS_CORETYPE": "Haswell"}),
    ],
)
def test_a_flip_changes_one_factor(
    factor: Factor, recorded: Hardware, variables: dict[str, str], expected: dict[str, str]
) -> None:
    """To another value than the recorded one, and nothing else."""
    assert expected == flipped(factor, recorded, variables)


def test_flipped_threads_are_another_number() -> None:
    """One for many, two for one, in each library by itself; a library that loads later would use all cores."""
    found = flipped("threads", machine(1, others=(OPENMP,)), {})

    assert {
        "OPENBLAS_NUM_THREADS": "2",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "2",
        "BLIS_NUM_THREADS": "2",
    } == found


def test_a_factor_that_changes_a_good_model_is_its_cause() -> None:
    """Of a model that comes out the same, what makes it come out otherwise is named with the place."""
    assert (
        "It depends on blas (grade D, from the output of train on). It does not depend on threads or hash-seed."
        == cause("A", [flip("threads", "A"), flip("blas", "D"), flip("hash-seed", "B")], is_repeatable=True)
    )


def test_a_factor_that_mends_a_diverged_model_is_its_cause() -> None:
    """Of a model that came out otherwise, the factor with which it comes out the same was different."""
    assert "It comes out the same with another choice of threads: that is what was different." == cause(
        "F", [flip("threads", "A"), flip("blas", "F")], is_repeatable=True
    )


def test_no_factor_may_explain_it() -> None:
    """Or nothing repeats at all, or nobody asked."""
    assert "None of threads explains the difference." == cause("F", [flip("threads", "F")], is_repeatable=True)
    assert cause("F", [flip("threads", "F")], is_repeatable=False).startswith("With nothing changed it comes out")
    assert "" == cause("F", [], is_repeatable=True)
