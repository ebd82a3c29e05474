"""What sources are, as they are remembered, and what an update came to."""

from typing import Literal

import msgspec

from homeostat.core.digests import digest_of, short

# What identifies the content of a source: `etag`, `version`, `snapshot`, `blake3` ... by name.
State = dict[str, str]

_SHOWN = 4  # parts of a state
Outcome = Literal["new version", "not changed", "same rows"]


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where rows come from, without credentials.

    Attributes:
        uri: path, URL, or database URL; `${NAME}` in it stands for a variable of the environment.
        sql: the query, if `uri` is a database.
        max_bytes: more than this is never fetched.
    """

    uri: str
    sql: str = ""
    max_bytes: int = 1 << 40

    @property
    def name(self) -> str:
        """For people and for the lineage."""
        return f"{self.uri}?query={short(digest_of(self.sql))}" if self.sql else self.uri

    def at(self, state: State) -> str:
        """This source in one of its states, as the source of a version and a node of the lineage."""
        if len(state) > _SHOWN:  # the files of a directory
            return f"{self.name} files={len(state)} state={short(digest_of(state))}"
        shown = (
            f"{key}={short(value) if len(value) == 64 else value}" for key, value in sorted(state.items()) if value
        )
        return " ".join([self.name, *shown])


class Remembered(msgspec.Struct, frozen=True, kw_only=True):
    """The source of a dataset, and how it was when it was last fetched.

    Attributes:
        version: number of the dataset's version that holds its rows.
    """

    dataset: str
    origin: Origin
    state: State
    version: int


class Updated(msgspec.Struct, frozen=True, kw_only=True):
    """What an import or an update came to.

    Attributes:
        outcome: `not changed` if the source said so, `same rows` if its content was read and is what the dataset holds.
        version: number of the version that holds the source's rows now.
    """

    dataset: str
    uri: str
    outcome: Outcome
    version: int
    id: str
    rows: int
    bytes_fetched: int
    bytes_added: int
    state: State
