"""The store of JSON array files: `JsonFilesStore`."""

from .store import JsonFilesStore

__all__ = ["JsonFilesStore"]
