"""The headers that make a browser distrust what it is sent, on every answer of the server."""

from __future__ import annotations

import re
import secrets

from tornado.httputil import HTTPHeaders, HTTPServerRequest
from tornado.web import OutputTransform

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

_INLINE = re.compile(rb"<script\b(?![^>]*\bsrc\s*=)", re.IGNORECASE)
_SCRIPT_PATH = re.compile(
    r"/static/extensions/panel/bundled/.*/[a-z-]+@[0-9.]+$"
)  # Panel's, such as vega@6.1.2
_HOST = re.compile(r"[A-Za-z0-9.:\[\]_-]+")


class SecurityHeaders(OutputTransform):
    """Add the headers that a handler has not set itself; Panel and Bokeh set none."""

    def __init__(self, request: HTTPServerRequest) -> None:
        self._host = request.host
        self._path = request.path

    def transform_first_chunk(
        self, status_code: int, headers: HTTPHeaders, chunk: bytes, finishing: bool
    ) -> tuple[int, HTTPHeaders, bytes]:
        """Return the answer with the headers; a page, which is written in one piece, with its nonce, too."""
        if status_code == 101:  # no document; each socket would keep them as long as it is open
            return status_code, headers, chunk
        for name, value in HEADERS.items():
            if name not in headers:
                headers[name] = value
        if _SCRIPT_PATH.search(self._path) and headers.get("Content-Type") == "application/octet-stream":
            headers["Content-Type"] = "text/javascript"  # else nosniff stops it
        if "Content-Security-Policy" not in headers:
            nonce = ""
            if finishing and headers.get("Content-Type", "").startswith("text/html"):
                nonce = secrets.token_urlsafe(16)
                chunk = _INLINE.sub(b'<script nonce="%b"' % nonce.encode(), chunk)
                if "Content-Length" in headers:
                    headers["Content-Length"] = str(len(chunk))
            headers["Content-Security-Policy"] = policy(self._host, nonce)
        return status_code, headers, chunk


def policy(host: str, nonce: str = "") -> str:
    """Return the policy under which a page works and nothing else does: no other server, no other script.

    Panel compiles templates ('unsafe-eval') and imports ES modules from blobs. The scripts that the server
    wrote into the page carry a nonce, which Panel's module loader passes on to those that it makes.
    Source: CSP level 3, 2.3 and 6.7.
    """
    # 'self' does not cover WebSockets in older browsers.
    sockets = f" ws://{host} wss://{host}" if _HOST.fullmatch(host) else ""
    return "; ".join([
        "default-src 'self'",
        "script-src 'self' blob: 'unsafe-eval'" + (f" 'nonce-{nonce}'" if nonce else ""),
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        f"connect-src 'self' blob:{sockets}",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    ])  # fmt: skip
