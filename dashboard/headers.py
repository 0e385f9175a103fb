"""The headers that make a browser distrust what it is sent, on every answer of the server."""

from __future__ import annotations

import base64
import hashlib
import re

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

_SCRIPT = re.compile(rb"<script\b([^>]*)>(.*?)</script>", re.DOTALL | re.IGNORECASE)
_DATA = re.compile(rb"""\btype\s*=\s*["']?application/json|\bsrc\s*=""", re.IGNORECASE)
_HOST = re.compile(r"[A-Za-z0-9.:\[\]_-]+")


class SecurityHeaders(OutputTransform):
    """Add the headers that a handler has not set itself; Panel and Bokeh set none."""

    def __init__(self, request: HTTPServerRequest) -> None:
        self._host = request.host

    def transform_first_chunk(
        self, status_code: int, headers: HTTPHeaders, chunk: bytes, finishing: bool
    ) -> tuple[int, HTTPHeaders, bytes]:
        for name, value in HEADERS.items():
            if name not in headers:
                headers[name] = value
        if "Content-Security-Policy" not in headers:
            is_page = headers.get("Content-Type", "").startswith("text/html")
            headers["Content-Security-Policy"] = policy(chunk if is_page else b"", self._host)
        return status_code, headers, chunk


def policy(page: bytes, host: str) -> str:
    """Return the policy under which *page* and nothing else works: no other server, no script of others.

    Panel compiles templates ('unsafe-eval') and imports ES modules from blobs. The scripts that stand in
    the page are named by their hashes. Source: CSP level 3, 2.3 and 6.7.
    """
    inline = [body for attributes, body in _SCRIPT.findall(page) if not _DATA.search(attributes)]
    hashes = [base64.b64encode(hashlib.sha256(body).digest()).decode() for body in inline]
    scripts = "".join(f" 'sha256-{digest}'" for digest in hashes)
    # 'self' does not cover WebSockets in older browsers.
    sockets = f" ws://{host} wss://{host}" if _HOST.fullmatch(host) else ""
    return "; ".join([
        "default-src 'self'",
        f"script-src 'self' blob: 'unsafe-eval'{scripts}",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        f"connect-src 'self'{sockets}",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    ])  # fmt: skip
