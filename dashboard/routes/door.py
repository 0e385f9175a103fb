"""The door of `headway serve`: it stands before all routes, Panel's and Bokeh's too."""

from __future__ import annotations

from urllib.parse import parse_qs

from tornado.httputil import HTTPMessageDelegate, HTTPServerRequest
from tornado.routing import AnyMatches, Router, Rule
from tornado.web import Application
from tornado.websocket import WebSocketHandler

from headway.dashboard.guard import COOKIE_DAYS, Guard, Refusal, guard_of

from .base import ApiHandler

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Headway</title><style>
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { min-height: 90vh; display: grid; place-content: center }
form { display: grid; gap: .8rem; width: min(22rem, 88vw) }
h1 { font-size: 1.3rem; margin: 0 } p { margin: 0 } .wrong { color: light-dark(#c0354b, #ff8a97) }
input, button { font: inherit; padding: .6rem .8rem; border-radius: .6rem; border: 1px solid #8886 }
button { background: #3457d5; color: #fff; border: 0; cursor: pointer }
</style></head><body><form method="post">
<h1>Headway</h1><label for="token">The token that this server was started with:</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
%s<button>Open</button></form></body></html>
"""


class Login(ApiHandler):
    """``/login``: take the token from a person, give the browser a cookie for it."""

    public = True

    def get(self) -> None:
        self._show("")

    def post(self) -> None:
        guard = guard_of(self.application)
        shown = parse_qs(self._body.decode(errors="replace")).get("token", [""])[0]
        if refusal := guard.check(shown.strip().encode(), self.request.remote_ip or ""):
            self.set_status(refusal.status)
            self._show(f'<p class="wrong" role="alert">{refusal.detail[:1].upper()}{refusal.detail[1:]}.</p>')
            return
        self.set_cookie(
            guard.cookie_name,
            guard.cookie().decode(),
            expires_days=COOKIE_DAYS,
            httponly=True,
            samesite="Lax",
            secure=self.request.protocol == "https",
        )
        self.redirect("./", status=303)

    def _show(self, complaint: str) -> None:
        self.clear_header("Content-Security-Policy")  # the server's own for pages will do
        self.set_header("Content-Type", "text/html; charset=UTF-8")
        self.set_header("Cache-Control", "no-store")
        self.finish(_PAGE % complaint)


class Refused(ApiHandler):
    """Say why a request is refused; send a person who needs a token to the place where it is given."""

    def initialize(self, refusal: Refusal, login: str) -> None:
        person = "text/html" in self.request.headers.get("Accept", "") and self.request.method == "GET"
        if refusal.status == 401 and person:
            refusal = Refusal(303, refusal.close_code, "the token is given at /login", (("Location", login),))
        self._refusal = refusal

    async def refusal(self) -> Refusal | None:
        return self._refusal


class RefusedSocket(WebSocketHandler):
    """Take the handshake and hang up with the reason: of a handshake refused a browser tells nothing."""

    def initialize(self, refusal: Refusal, login: str) -> None:
        self._refusal = refusal

    def check_origin(self, origin: str) -> bool:
        return True  # it is told nothing but the reason

    def open(self, *args: str) -> None:
        self.close(self._refusal.close_code, self._refusal.detail.encode()[:123].decode(errors="ignore"))


class Door(Router):
    """A router that takes only what the guard refuses; everything else goes on to the routes."""

    PUBLIC = ("/healthz", "/readyz", "/login", "/favicon.ico")

    def __init__(self, application: Application, guard: Guard, prefix: str) -> None:
        self._application = application
        self._guard = guard
        self._public = {prefix + path for path in self.PUBLIC}
        self._login = f"{prefix}/login"

    def find_handler(self, request: HTTPServerRequest, **kwargs: object) -> HTTPMessageDelegate | None:
        refusal = self._guard.refusal(request, public=request.path in self._public)
        if "%00" in request.path:  # Tornado's own file routes fail at it
            refusal = Refusal(400, 4400, "the path has a null character")
        if refusal is None:
            return None
        upgrade = request.headers.get("Upgrade", "").lower() == "websocket" and refusal.shakes_hands
        handler = RefusedSocket if upgrade else Refused
        return self._application.get_handler_delegate(
            request, handler, {"refusal": refusal, "login": self._login}, path_args=[]
        )


def put_door(application: Application, guard: Guard, prefix: str = "") -> None:
    """Put the door before all routes of an application."""
    application.settings["headway_guard"] = guard
    application.add_handlers(".*", [Rule(AnyMatches(), Door(application, guard, prefix))])


ROUTES = [(r"/login", Login)]
