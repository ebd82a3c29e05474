"""What a reproduction starts from, what its process leaves behind, and what it came to."""

from typing import Literal

import msgspec

from homeostat.core.clock import Micros
from homeostat.core.digests import Digest
from homeostat.pipelines.records import Stored

# A: the estimator's bytes are the same. B: its canonical hash is. C: its scores of the probe rows are, to the bit. D: its
# metrics are, within METRIC_TOLERANCE. F: it diverged, or could not be made again.
Grade = Literal["A", "B", "C", "D", "F"]
METRIC_TOLERANCE = 1e-6  # absolute, in units of the metric
PROBE_ROWS = 500  # the first of the holdout

# rebuilt: the recorded packages, installed anew from the lock. same: those of this process, which are the recorded ones.
# other: those of this process, which are not; see the differences.
EnvironmentSource = Literal["same", "rebuilt", "other"]
Kind = Literal["environment", "hardware", "code", "input", "output"]
# What can be changed on purpose in another making: the number of threads, the hash seed of Python, the kernels of BLAS.
Factor = Literal["threads", "hash-seed", "blas"]
FACTORS: tuple[Factor, ...] = ("threads", "hash-seed", "blas")


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
        recorded, remade: metrics on all labelled rows (AUC and Brier score, or errors of a regressor); empty where they
            cannot be measured.
    """

    rows: int
    equal: bool
    largest_difference: float
    recorded: dict[str, float]
    remade: dict[str, float]


class Flip(msgspec.Struct, frozen=True, kw_only=True):
    """The model made once more, with one factor changed.

    Attributes:
        variables: how it was changed.
        grade: of the model that came out, against the recorded one.
        first: the first difference in a step, None if there was none.
        error: why no model came out.
    """

    factor: Factor
    variables: dict[str, str]
    grade: Grade
    first: Difference | None = None
    error: str = ""


class Reproduction(msgspec.Struct, frozen=True, kw_only=True, tag="reproduction"):
    """One attempt to make a model again.

    Attributes:
        name: the version, or the run of a model that has none.
        system, number: of the version; empty and 0 if it has none.
        model: digest of the recorded model.
        remade: digest of the one made now, or empty.
        run_id: the recorded run.
        differences: in the order of the making, up to and including the first step that diverged. With grade A they did
            not matter.
        probe: None if no model came out.
        environment: where the packages came from.
        error: why no model came out.
        flips: what came of it with one factor changed, as far as that was asked for.
        cause: what those say the model depends on, in words.
    """

    name: str
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
    flips: tuple[Flip, ...] = ()
    cause: str = ""

    @property
    def first(self) -> Difference | None:
        """The first divergent node, if anything differs."""
        return next(iter(self.differences), None)


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """What the fresh process is told, as `recipe.json` in its folder.

    Attributes:
        origin: root of the project whose stores are read.
        code: folder of the recorded code tree, written out.
        system: whose pipeline to run, on the windows it declares; empty if `entry` is run on whole versions.
        entry: the pipeline of a run that no system asked for, as `module:function`.
        inputs: arguments of the pipeline as they were stored; those with an origin are rows of a dataset.
        arguments: further ones, by name, as MessagePack.
        window_ends: instants at which the windows may have ended, likeliest first; the digest tells which.
        holdout: the recorded holdout's object, or None if it was no rows of its own.
        label: of the holdout; empty if the pipeline returned no candidate.
        generators: object with the states of the random generators at its start; empty if they were not captured.
    """

    origin: str
    code: str
    code_tree: Digest
    system: str
    entry: str
    inputs: dict[str, Stored]
    arguments: bytes
    window_ends: tuple[Micros, ...]
    model: Digest
    holdout: Digest | None
    label: str
    generators: Digest


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What the fresh process leaves, as `outcome.json`.

    Attributes:
        differences: what is not as recorded, where the run could not begin for it.
        error: why no model came out.
    """

    differences: tuple[Difference, ...] = ()
    error: str = ""
    probe: Probe | None = None
