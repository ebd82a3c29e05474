"""Which process of a distributed training this is, by the variables that launchers set."""

import os
from collections.abc import Mapping
from typing import NamedTuple

# torchrun and accelerate; Slurm; Open MPI; MPICH and Intel MPI.
_NUMBER = ("RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "PMI_RANK")
_SIZE = ("WORLD_SIZE", "SLURM_NTASKS", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE")
_LOCAL = ("LOCAL_RANK", "SLURM_LOCALID", "OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID")
_NODE = ("GROUP_RANK", "SLURM_NODEID")
_JOB = ("TORCHELASTIC_RUN_ID", "SLURM_JOB_ID")


class Rank(NamedTuple):
    """`tags`: what the runs of one training have in common, and the rank; empty for a process alone."""

    number: int
    size: int
    local: int
    node: int
    tags: dict[str, str]

    @property
    def is_first_of_node(self) -> bool:
        return self.local == 0


def this_rank(environment: Mapping[str, str] = os.environ) -> Rank:
    """Rank 0 of 1, if nothing says otherwise."""

    def first(names: tuple[str, ...], default: int) -> int:
        said = next((environment[name] for name in names if environment.get(name, "").isdecimal()), None)
        return default if said is None else int(said)

    number, size = first(_NUMBER, 0), first(_SIZE, 1)
    job = next((environment[name] for name in _JOB if environment.get(name)), "")
    tags = {"rank": str(number), **({"job": job} if job else {})} if size > 1 else {}
    return Rank(number, size, first(_LOCAL, number), first(_NODE, 0), tags)
