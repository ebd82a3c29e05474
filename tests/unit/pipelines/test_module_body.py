"""What importing a module changes elsewhere counts for every step that reaches it."""

from typing import Any

import pytest

from homeostat.pipelines.code_digest import CodeDigest, code_digest

STEP = "import settings\ndef f(x): return x\n"
COUNTED = {
    "an attribute of another module": ("import random\nrandom.spare = {}\n", "4", "5"),
    "a call for its effect": ("import random\nrandom.seed({})\n", "4", "5"),
    "an item": ("import os\nOTHER = dict()\nOTHER['a'] = {}\n", "4", "5"),
    "inside an if": ("import random\nif True:\n    random.seed({})\n", "4", "5"),
    "inside a try": ("import random\ntry:\n    pass\nexcept ValueError:\n    random.seed({})\n", "4", "5"),
    "a setter whose answer is kept": ("import random\n_old = random.setstate(random.getstate()) or {}\n", "4", "5"),
    "a function of the project that acts": ("import random\ndef go(): random.seed({})\ngo()\n", "4", "5"),
    "a constant it acts with": ("import random\nSEED = {}\nrandom.seed(SEED)\n", "4", "5"),
}
IGNORED = {
    "the level of a logger": ("import logging\nlogging.basicConfig(level={})\n", "30", "40"),
    "what is printed": ("print({})\n", "4", "5"),
    "a constant": ("N = {}\n", "4", "5"),
    "the block of a script": ("import random\nif __name__ == '__main__':\n    random.seed({})\n", "4", "5"),
    "a comment": ("import random\nrandom.seed(1)  # {}\n", "4", "5"),
}


def digest(project: Any, settings: str) -> CodeDigest:
    project.write({"main": STEP, "settings": settings})
    return code_digest(project.load().f, project.root)


@pytest.mark.parametrize("case", sorted(COUNTED))
def test_effects_count(case: str, project: Any) -> None:
    """An edit of what an import does elsewhere changes the digest of every step that reaches it."""
    text, before, after = COUNTED[case]

    assert digest(project, text.format(before)).digest != digest(project, text.format(after)).digest


def test_effects_of_imported_modules_count(project: Any) -> None:
    """Imports are followed, packages around a module too."""
    found = []
    for seed in (4, 5):
        project.write({"pkg/__init__": f"import random\nrandom.seed({seed})\n", "pkg/far": "N = 1\n"})
        found.append(digest(project, "import pkg.far\n"))

    assert found[0].digest != found[1].digest
    assert "import pkg" in found[0].parts


@pytest.mark.parametrize("case", sorted(IGNORED))
def test_what_changes_no_result_does_not_count(case: str, project: Any) -> None:
    """Reports and plain definitions are no effects."""
    text, before, after = IGNORED[case]

    assert digest(project, text.format(before)).digest == digest(project, text.format(after)).digest


def test_what_cannot_be_counted_is_no_obstacle(project: Any) -> None:
    """An application that a module configures counts by its class: its state is its own affair."""
    text = "import threading\nclass App:\n    def __init__(self): self.busy = (one for one in ())\napp = App()\napp.name = 'a'\n"

    assert "import settings" in digest(project, text).parts
