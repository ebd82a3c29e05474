"""Immutable bytes under the digest of their content."""

from homeostat.store.objects.files import FileObjects
from homeostat.store.objects.port import ObjectStore

__all__ = ["FileObjects", "ObjectStore"]
