"""Doing what the forms of pages ask: the only place of the pages that changes anything."""

from collections.abc import Sequence

from homeostat.track import amending, retention, views
from homeostat.workspace import Workspace


class Writing:
    """A `ports.Writer` on a workspace. Safe for threads: each verb has a transaction of its own."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def tag_runs(self, run_ids: Sequence[str], key: str, value: str) -> None:
        with self._workspace.database.write() as connection:
            amending.tag(connection, run_ids, key, value, self._workspace.clock.now())

    def untag_runs(self, run_ids: Sequence[str], key: str) -> None:
        with self._workspace.database.write() as connection:
            amending.untag(connection, run_ids, key, self._workspace.clock.now())

    def note_run(self, run_id: str, text: str) -> None:
        with self._workspace.database.write() as connection:
            amending.note(connection, run_id, text, self._workspace.clock.now())

    def rename_run(self, run_id: str, name: str) -> None:
        with self._workspace.database.write() as connection:
            amending.rename(connection, run_id, name, self._workspace.clock.now())

    def archive_runs(self, run_ids: Sequence[str]) -> None:
        with self._workspace.database.write() as connection:
            retention.throw_away(connection, run_ids, self._workspace.clock.now())

    def restore_runs(self, run_ids: Sequence[str]) -> None:
        with self._workspace.database.write() as connection:
            retention.restore(connection, run_ids, self._workspace.clock.now())

    def save_view(self, name: str, query: str, *, is_default: bool) -> None:
        with self._workspace.database.write() as connection:
            views.save(connection, name, query, self._workspace.clock.now(), is_default=is_default)

    def remove_view(self, name: str) -> None:
        with self._workspace.database.write() as connection:
            views.remove(connection, name)
