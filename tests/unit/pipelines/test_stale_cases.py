"""The cases of the stale-cache suite that need no process of their own, held by the code digest alone."""

import importlib
import statistics
from fractions import Fraction
from typing import Any

import pytest
from bench.stale_cache.cases import Case
from bench.stale_cache.must_keep import MUST_KEEP
from bench.stale_cache.must_rerun import MUST_RERUN

from homeostat.core.digests import Digest
from homeostat.pipelines.code_digest import code_digest

# Set for a whole process at import, and not taken back: they would reach the next test.
PROCESS_WIDE = {
    "a monkeypatch of the standard library",
    "a monkeypatched method of the standard library",
    "a replaced builtin",
    "a library's setting made at import",
    "a library's setting made by another module",
    "a library's setting made by a function called at import",
    "the log level",
}
# Not in doubt, but too fine for the digest: classes count whole.
NEEDLESS = {"a method nobody calls"}


def digests(project: Any, case: Case) -> tuple[Digest, Digest]:
    """Code digests of the step before and after the edit."""
    return written(project, case.before), written(project, case.after)


def written(project: Any, files: Any) -> Digest:
    project.write({name.removesuffix(".py"): text for name, text in files.items() if name.endswith(".py")})
    for name, text in files.items():
        if not name.endswith(".py"):
            path = project.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    work = project.load("work")
    return code_digest(work.compute, project.root, [type(getattr(work, "ARGUMENT", 3))]).digest


def alone(cases: tuple[Case, ...]) -> list[Any]:
    """Those that need neither another environment nor a process to themselves."""
    kept = [case for case in cases if case.after and case.name not in PROCESS_WIDE]
    return [
        pytest.param(case, id=case.name)
        for case in kept
        if not any(name.startswith("site-packages") for name in {*case.before, *case.after})
    ]


@pytest.mark.parametrize("case", alone(MUST_RERUN))
def test_code_that_returns_something_else_has_another_digest(case: Case, project: Any) -> None:
    """Every edit of the suite that changes the result changes the code digest."""
    before, after = digests(project, case)

    assert before != after


@pytest.mark.parametrize("case", alone(tuple(case for case in MUST_KEEP if case.name not in NEEDLESS)))
def test_code_that_returns_the_same_keeps_its_digest(case: Case, project: Any) -> None:
    """Edits of the suite that change nothing keep the code digest, but for the few that are known."""
    before, after = digests(project, case)

    assert before == after


@pytest.mark.parametrize(
    ("owner", "name", "uses"),
    [
        (statistics, "mean", "import statistics\ndef compute(x): return statistics.mean([x])\n"),
        (Fraction, "limit_denominator", "from fractions import Fraction\ndef compute(x): return Fraction(x)\n"),
        (Fraction, "limit_denominator", "import fractions\ndef compute(x): return fractions.Fraction(x)\n"),
    ],
)
def test_what_the_project_puts_into_a_package_counts(
    owner: Any, name: str, uses: str, project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A monkeypatch of an installed function or method is followed like any function of the project."""
    found = []
    for number in (1, 2):
        files = {"work": uses, "patches": f"def patch(*a): return {number}\n"}
        project.write(files)
        work = project.load("work")
        monkeypatch.setattr(owner, name, importlib.import_module("patches").patch)
        found.append(code_digest(work.compute, project.root).digest)

    assert found[0] != found[1]
