"""Filling contexts from the rooms, read-only. The only place of the pages that knows the rooms."""

from homeostat.ui.reading.reader import Reading

__all__ = ["Reading"]
