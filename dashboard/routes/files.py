"""Files: the artifacts of runs, and the scripts and styles of the views."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import quote

from tornado.web import StaticFileHandler

import headway.dashboard.components
import headway.views
from headway.artifacts import Artifact

from .base import ApiHandler, Problem

FOLDERS = [Path(package.__path__[0]) for package in (headway.views, headway.dashboard.components)]
TYPES = {".js": "text/javascript", ".css": "text/css"}


class FileHandler(ApiHandler, StaticFileHandler):
    """Serve the one file that a subclass finds for a name; the name never becomes a path.

    Single ranges, conditions and types come from Tornado. Source: RFC 9110, 13 and 14.
    """

    def initialize(self) -> None:
        super().initialize(path="")

    def locate(self, name: str) -> Path:
        """Return the file of that name."""
        raise NotImplementedError

    async def get(self, name: str, include_body: bool = True) -> None:
        self._file = await asyncio.to_thread(self.locate, name)
        self._stat_result = await asyncio.to_thread(self._file.stat)
        if self.request.headers.get("If-Range", self.compute_etag()) != self.compute_etag():
            self.request.headers.pop("Range", None)  # a part of something else is no use (RFC 9110, 13.1.5)
        await StaticFileHandler.get(self, name, include_body)

    async def head(self, name: str) -> None:
        await self.get(name, include_body=False)

    def parse_url_path(self, url_path: str) -> str:
        return url_path

    @classmethod
    def get_absolute_path(cls, root: str, path: str) -> str:
        return path

    def validate_absolute_path(self, root: str, absolute_path: str) -> str:
        return str(self._file)

    def compute_etag(self) -> str:
        return f'"{self._stat_result.st_mtime_ns:x}-{self._stat_result.st_size:x}"'


class ArtifactFile(FileHandler):
    """``GET /api/artifacts/{artifact_id}``."""

    _artifact: Artifact

    def locate(self, name: str) -> Path:
        self._artifact = self.runtime.artifacts.find(name)
        return self._artifact.path

    def get_content_type(self) -> str:
        return self._artifact.media_type

    def set_extra_headers(self, path: str) -> None:
        self.set_header("Content-Disposition", disposition(self._artifact.name))
        self.set_header("Cache-Control", "private, max-age=31536000, immutable")  # the id is the content's


class ViewFile(FileHandler):
    """``GET /headway/{file}``: what is in the folders of the views, and nothing else."""

    def locate(self, name: str) -> Path:
        for folder in FOLDERS:
            for path in folder.iterdir():
                if path.name == name and path.suffix in TYPES:
                    return path
        raise Problem(404, f"there is no file {name!r}")

    def get_content_type(self) -> str:
        return TYPES[self._file.suffix]


def disposition(name: str) -> str:
    """Return a Content-Disposition that saves a file under *name*. Source: RFC 6266, 4; RFC 8187."""
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\%' else "_" for c in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


ROUTES = [
    (r"/api/artifacts/([^/]+)", ArtifactFile),
    (r"/headway/([^/]+)", ViewFile),
]
