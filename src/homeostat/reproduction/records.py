"""What a reproduction starts from, what its process leaves behind, and what it came to."""

from typing import Literal

import msgspec

from homeostat.core.clock import Micros
from homeostat.core.digests import Digest

# A: the estimator's bytes are the same. B: its canonical hash is. C: its scores of the probe rows are, to the bit. D: its
# metrics are, within METRIC_TOLERANCE. F: it diverged, or could not be made again.
Grade = Literal["A", "B", "C", "D", "F"]
GRADES: tuple[Grade, ...] = ("A", "B", "C", "D", "F")
METRIC_TOLERANCE = 1e-6  # absolute, on AUC and Brier score
PROBE_ROWS = 500  # the first of the holdout

# same: the packages of this process. rebuilt: installed anew for this. other: neither could be had; see the differences.
EnvironmentSource = Literal["same", "rebuilt", "other"]
Kind = Literal["environment", "hardware", "code", "input", "output"]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is not as it was recorded.

    Attributes:
        kind: what part of the making it belongs to; they are listed in this order.
        node: the package, the step's code part, the dataset or argument, or the step.
        recorded, found: short values, versions or digests; empty if there was or is none.
        detail: what more there is to say, such as the columns that differ.
    """

    kind: Kind
    node: str
    recorded: str
    found: str
    detail: str = ""


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """Both models on the recorded holdout.

    Attributes:
        rows: how many were compared to the bit.
        equal: whether all of those scores are the same bits.
        largest_difference: between two scores of one of those rows.
        recorded, remade: metrics on all labelled rows; empty where they cannot be measured.
    """

    rows: int
    equal: bool
    largest_difference: float
    recorded: dict[str, float]
    remade: dict[str, float]


class Reproduction(msgspec.Struct, frozen=True, kw_only=True, tag="reproduction"):
    """One attempt to make a model version again.

    Attributes:
        model: digest of the recorded model.
        remade: digest of the one made now, or empty.
        run_id: the recorded run.
        differences: in the order of the making, up to and including the first step that diverged. With grade A they did
            not matter.
        probe: None if no model came out.
        environment: where the packages came from.
        error: why no model came out.
    """

    system: str
    number: int
    model: Digest
    remade: str
    run_id: str
    grade: Grade
    differences: tuple[Difference, ...]
    probe: Probe | None
    environment: EnvironmentSource
    environment_why: str
    error: str
    sentence: str
    took_s: float

    @property
    def first(self) -> Difference | None:
        """The first divergent node, if anything differs."""
        return next(iter(self.differences), None)


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """What the fresh process is told, as `recipe.json` in its folder.

    Attributes:
        origin: root of the project whose stores are read.
        code: folder of the recorded code tree, written out.
        inputs: dataset -> (version number, digest of the rows that the training saw).
        window_ends: instants at which the windows may have ended, likeliest first; the digest tells which.
        arguments: of the pipeline beside its datasets, as MessagePack.
        holdout: the recorded holdout's object, or None if it was no rows of its own.
    """

    origin: str
    code: str
    code_tree: Digest
    system: str
    inputs: dict[str, tuple[int, Digest]]
    window_ends: tuple[Micros, ...]
    arguments: bytes
    model: Digest
    holdout: Digest | None
    label: str


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What the fresh process leaves, as `outcome.json`.

    Attributes:
        differences: what is not as recorded, where the run could not begin for it.
        error: why no model came out.
    """

    differences: tuple[Difference, ...] = ()
    error: str = ""
    probe: Probe | None = None
