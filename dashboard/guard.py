"""Who may talk to the server: by host name, by origin, by token.

The checks need only a request, so that one guard stands before every route of `headway serve`, Panel's
and Bokeh's included, and the same guard stands inside our own routes when another server mounts them.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import os
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from http.cookies import Morsel
from typing import NamedTuple
from urllib.parse import urlsplit

from bokeh.server.util import match_host
from tornado.httputil import HTTPServerRequest
from tornado.web import create_signed_value, decode_signed_value

COOKIE_DAYS = 30
GUESSES = 5  # wrong tokens a minute from one address; then even the right one has to wait
MINUTE = 60.0

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::[0-9]{1,5})?")


class Refusal(NamedTuple):
    """Why a request is not answered, as an HTTP status and as a close code for WebSockets."""

    status: int
    close_code: int
    detail: str
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def shakes_hands(self) -> bool:
        """Whether a WebSocket is opened, to be closed with the code: not one that no browser asks for."""
        return self.status not in (400, 421)


@dataclass
class Guard:
    """What a server admits.

    Parameters
    ----------
    hosts
        The names under which the server is known beside those of the loopback: ``name`` (any port),
        ``name:port``, with ``*`` for a part. Pages from these names may use the server, too.
    addresses
        Whether it may be called by a plain IP address. A name can be made to point here by its owner
        (DNS rebinding), an address cannot; so this is for servers that are meant to be reached from afar.
    token
        What a client must show, if anything.
    """

    hosts: frozenset[str] = frozenset()
    addresses: bool = False
    token: str | None = None
    secret: bytes = field(default_factory=lambda: os.urandom(32))
    _guesses: dict[str, list[float]] = field(default_factory=dict)

    def refusal(self, request: HTTPServerRequest, *, public: bool = False) -> Refusal | None:
        """Return why *request* is refused; None when it is not. A *public* route needs no token."""
        if not self._knows(request.host.lower()):
            detail = f"the server is not known as {request.host!r}; --allowed-host makes it so"
            return Refusal(421, 4403, detail)
        try:
            reason = self._foreign(request)
        except ValueError:  # of urlsplit; Tornado's own check of a handshake fails at it, too
            return Refusal(400, 4400, "the Origin is none")
        if reason:
            return Refusal(403, 4403, f"{reason} may not use this server; --allowed-host admits its origin")
        return None if public else self._without_token(request)

    def _knows(self, host: str) -> bool:
        """Whether the server goes by that name. Source: RFC 9110, 7.2 and 15.5.20 (421)."""
        match = _HOST.fullmatch(host)
        if match is None:
            return False
        name = match[1].strip("[]")
        if name == "localhost" or _is_address(name, loopback=not self.addresses):
            return True
        return self._listed(host)

    def _listed(self, host: str) -> bool:
        return any(match_host(host if ":" in host else f"{host}:80", pattern) for pattern in self.hosts)

    def _foreign(self, request: HTTPServerRequest) -> str:
        """Say what kind of stranger made a browser send this; nothing when it was no stranger.

        Source: Fetch standard, "Origin header"; Fetch Metadata, "Sec-Fetch-Site". A program other than
        a browser sends neither. Following a link from elsewhere is no use of the server by a stranger.
        """
        origin = request.headers.get("Origin")
        if origin is not None:
            place = urlsplit(origin).netloc.lower()
            return "" if place and (place == request.host.lower() or self._listed(place)) else f"{origin!r}"
        site = request.headers.get("Sec-Fetch-Site", "none")
        if site in ("none", "same-origin") or _is_link(request):
            return ""
        return f"a {site} page"

    def _without_token(self, request: HTTPServerRequest) -> Refusal | None:
        if self.token is None or self._has_cookie(request):
            return None
        scheme, _, shown = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            shown = ""
        sent = shown.encode("latin-1", "replace").strip()  # Tornado takes each byte for a character
        return self.check(sent, request.remote_ip or "")

    def check(self, shown: bytes, address: str) -> Refusal | None:
        """Return why the token *shown* (UTF-8) by who is at *address* is refused; None when it is right."""
        needed = Refusal(401, 4401, "a token is needed: 'Authorization: Bearer TOKEN'", (_CHALLENGE,))
        if not shown or self.token is None:
            return needed
        now = time.monotonic()
        guesses = [at for at in self._guesses.pop(address, ()) if now - at < MINUTE]
        if len(guesses) < GUESSES:
            if hmac.compare_digest(shown, self.token.encode()):
                return None
            guesses.append(now)
        self._guesses[address] = guesses
        while len(self._guesses) > 10_000:  # the oldest: a crowd of addresses may not fill the memory
            del self._guesses[next(iter(self._guesses))]
        if len(guesses) < GUESSES:
            return needed._replace(detail="the token is not the right one")
        wait = max(1, round(MINUTE - (now - guesses[0])))
        return Refusal(429, 4401, f"too many wrong tokens; wait {wait} s", (("Retry-After", str(wait)),))

    @property
    def cookie_name(self) -> str:
        """Its name, another for each token: servers at other ports of the host share the cookies."""
        return f"headway_{self._key[:8]}"

    @property
    def _key(self) -> str:
        return hmac.new(self.secret, (self.token or "").encode(), hashlib.sha256).hexdigest()

    def cookie(self) -> bytes:
        """Return a fresh value of the cookie that stands for the token."""
        return create_signed_value(self._key, self.cookie_name, "token shown")

    def _has_cookie(self, request: HTTPServerRequest) -> bool:
        morsel: Morsel[str] | None = request.cookies.get(self.cookie_name)
        value = morsel.value if morsel else None
        return decode_signed_value(self._key, self.cookie_name, value, max_age_days=COOKIE_DAYS) is not None


_CHALLENGE = ("WWW-Authenticate", 'Bearer realm="Headway"')  # RFC 6750, 3


def guard_of(application: object) -> Guard:
    """Return the guard for our routes in a server that is not ours, such as ``panel serve``.

    It admits the origins that the server's operator allowed, and obeys HEADWAY_TOKEN and
    HEADWAY_ALLOWED_HOST.
    """
    settings = getattr(application, "settings", {})
    if "headway_guard" not in settings:
        origins: Iterable[str] = getattr(application, "websocket_origins", ())
        named = os.environ.get("HEADWAY_ALLOWED_HOST", "").split(",")
        hosts = frozenset(host.strip().lower() for host in (*origins, *named) if host.strip())
        settings["headway_guard"] = Guard(hosts, token=os.environ.get("HEADWAY_TOKEN") or None)
    guard: Guard = settings["headway_guard"]
    return guard


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach a server that listens at *address*."""
    return address == "localhost" or _is_address(address.strip("[]"), loopback=True)


def _is_address(name: str, *, loopback: bool) -> bool:
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return address.is_loopback or not loopback


def _is_link(request: HTTPServerRequest) -> bool:
    return (
        request.method in ("GET", "HEAD")
        and request.headers.get("Sec-Fetch-Mode") == "navigate"
        and request.headers.get("Sec-Fetch-Dest") == "document"
    )
