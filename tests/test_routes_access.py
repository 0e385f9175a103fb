"""Who may use which route: every row of ROUTES, Panel's and Bokeh's routes too, against strangers."""

import asyncio
import http.client
import re
from contextlib import closing
from urllib.parse import urlsplit

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from headway.dashboard.routes import ROUTES, base
from headway.dashboard.routes.base import Guarded
from headway.dashboard.routes.components import ComponentResources

TOKEN = "correct horse battery staple"
PUBLIC = {"/healthz", "/readyz"}
PANELS = [
    "/",
    "/ws",
    "/autoload.js?bokeh-autoload-element=1",
    "/metadata",
    "/static/js/bokeh.min.js",
    "/favicon.ico",
    "/static/extensions/panel/panel.min.js",
    "/components/os/a/b/c",
    "/nothing",
]


def path_of(pattern):
    """Return a path for a route: an id in the place of each group."""
    return re.sub(r"\([^)]*\)", "s1", pattern)


OURS = [path_of(pattern) for pattern, *_ in ROUTES]
HTTP = [path for path in [*OURS, *PANELS] if not path.startswith("/ws")]
SOCKETS = [path for path in [*OURS, *PANELS] if path.startswith("/ws")]


def statuses(url, paths, method="GET", **options):
    with httpx.Client(base_url=url, timeout=20, follow_redirects=False) as client:
        return {path: _status(client, method, path, options) for path in paths}


def _status(client, method, path, options):
    with client.stream(method, path, **options) as answer:  # some streams do not end
        return answer.status_code


async def _knock(url, path, headers):
    subprotocols = ["bokeh", "x"] if path == "/ws" else None
    try:
        async with (
            asyncio.timeout(20),
            connect(url + path, additional_headers=headers, subprotocols=subprotocols) as door,
        ):
            await door.recv()
            return "told"
    except InvalidStatus as refused:
        return refused.response.status_code
    except ConnectionClosed as closed:
        return closed.rcvd.code
    except TimeoutError:
        return "let in"


def knock(url, path, **headers):
    """Return what a socket gets: a status, a close code, or "told" when it got a message."""
    return asyncio.run(_knock(url, path, {name.replace("_", "-"): value for name, value in headers.items()}))


def handshake(url, path, host, origin):
    """Return the status of a WebSocket handshake with a Host of one's own (RFC 6455, 1.3)."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
    connection.putrequest("GET", path, skip_host=True)
    for name, value in {
        "Host": host,
        "Origin": origin,
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }.items():
        connection.putheader(name, value)
    connection.endheaders()
    with closing(connection), connection.getresponse() as answer:
        return answer.status


def test_every_route_of_ours_stands_behind_the_guard():
    for pattern, handler, *_ in ROUTES:
        assert issubclass(handler, Guarded | ComponentResources), pattern
    public = {pattern for pattern, handler, *_ in ROUTES if getattr(handler, "public", False)}
    assert public == PUBLIC


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8001",
        "localhost.evil.example",
        "evil-localhost",
        "127.0.0.1.evil.example",
        "192.168.1.5",
        "0.0.0.0",
        "[2001:db8::1]",
        "localhost@evil.example",
        "localhost.",
        "",
        "a b",
        "169.254.169.254",
    ],
)
def test_a_server_on_this_machine_is_called_by_its_own_names_only(server, host):
    """DNS rebinding: Host and Origin are the stranger's, and agree."""
    headers = {"Host": host, "Origin": f"http://{host}"}
    answers = statuses(server.url, HTTP, headers=headers)
    malformed = host in ("", "a b", "localhost@evil.example")
    assert set(answers.values()) <= ({421, 400} if malformed else {421}), answers
    shaken = {handshake(server.url, path, host, f"http://{host}") for path in SOCKETS}
    assert shaken <= ({421, 400} if malformed else {421})


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "[::1]", "localhost:9999", "127.0.0.1:80", "LOCALHOST:8001"]
)
def test_the_names_of_this_machine_are_known_through_any_port(server, host):
    paths = ["/healthz", "/api/sessions", "/"]
    if host == "[::1]":
        paths.pop()  # Panel 1.9.4 cannot make a page for an address with colons
    assert statuses(server.url, paths, headers={"Host": host}) == dict.fromkeys(paths, 200)


STRANGERS = [
    {"Origin": "http://evil.example"},
    {"Origin": "https://localhost.evil.example"},
    {"Origin": "null"},
    {"Origin": "http://localhost:1"},
    {"Origin": "file://"},
    {"Origin": ""},
    {"Origin": "http://localhost@evil.example"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "http://evil.example"},
]


@pytest.mark.parametrize("headers", STRANGERS)
def test_a_page_of_another_origin_may_use_nothing(server, headers):
    assert set(statuses(server.url, HTTP, headers=headers).values()) == {403}
    posts = [path for path in OURS if not path.startswith("/ws")]
    assert set(statuses(server.url, posts, method="POST", headers=headers, json={}).values()) == {403}
    assert {
        knock(server.ws, path, **{k.replace("-", "_"): v for k, v in headers.items()}) for path in SOCKETS
    } <= {403, 4403}
    assert server.runtime.logger.sessions() == []


@pytest.mark.parametrize("origin", ["http://[", "//]"])
def test_an_origin_that_is_none_is_refused_without_an_error_of_ours(server, origin, caplog):
    assert set(statuses(server.url, HTTP, headers={"Origin": origin}).values()) == {400}
    assert {knock(server.ws, path, Origin=origin) for path in SOCKETS} == {400}
    assert "Traceback" not in caplog.text


def test_a_link_from_elsewhere_may_be_followed_but_not_posted(server):
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert statuses(server.url, ["/"], headers=headers) == {"/": 200}
    assert statuses(server.url, ["/api/sessions"], method="POST", headers=headers, json={}) == {
        "/api/sessions": 403
    }


def test_a_page_of_our_own_may_use_everything(server):
    own = {"Origin": server.url, "Sec-Fetch-Site": "same-origin"}
    assert statuses(server.url, ["/", "/api/sessions", "/headway/progress.js"], headers=own) == {
        "/": 200,
        "/api/sessions": 200,
        "/headway/progress.js": 200,
    }
    assert knock(server.ws, "/ws/sessions", Origin=server.url, Sec_Fetch_Site="same-origin") == "told"


def test_a_further_name_is_a_host_and_an_origin(serving):
    with serving(allowed_hosts=("progress.example", "*.team.example:8443")) as running:
        for host in ("progress.example", "progress.example:444", "x.team.example:8443"):
            answers = statuses(
                running.url, ["/", "/api/sessions"], headers={"Host": host, "Origin": f"https://{host}"}
            )
            assert set(answers.values()) == {200}
        assert handshake(running.url, "/ws/sessions", "progress.example", "https://progress.example") == 101
        for host in ("x.team.example", "y.x.team.example:8443", "team.example:8443", "xprogress.example"):
            assert set(statuses(running.url, ["/", "/api/sessions"], headers={"Host": host}).values()) == {
                421
            }


@pytest.fixture
def locked(serving):
    with serving(token=TOKEN) as running:
        yield running


BEARER = {"Authorization": f"Bearer {TOKEN}"}


def test_without_the_token_nothing_is_told(locked):
    answers = statuses(locked.url, HTTP)
    assert {path for path, status in answers.items() if status != 401} == PUBLIC | {"/favicon.ico"}
    assert {knock(locked.ws, path) for path in SOCKETS} == {4401}
    assert httpx.get(f"{locked.url}/api/sessions").headers["www-authenticate"].startswith("Bearer ")


def test_with_the_token_everything_is_open(locked):
    assert statuses(locked.url, ["/", "/api/sessions"], headers=BEARER) == {"/": 200, "/api/sessions": 200}
    assert knock(locked.ws, "/ws/sessions", **BEARER) == "told"


@pytest.mark.parametrize(
    "shown", ["Bearer wrong", "Bearer", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}"]
)
def test_a_wrong_token_opens_nothing(locked, shown):
    assert httpx.get(f"{locked.url}/api/sessions", headers={"Authorization": shown}).status_code == 401
    assert httpx.get(f"{locked.url}/api/sessions?token={TOKEN}").status_code == 401


def test_a_token_may_have_any_letters_in_a_header_and_on_the_login_page(serving):
    token = "pässwörter à la carte"
    with serving(token=token) as running, httpx.Client(base_url=running.url) as client:
        for shown, status in ((token, 200), (token[:-1], 401)):
            header = {"Authorization": f"Bearer {shown}".encode()}
            assert client.get("/api/sessions", headers=header).status_code == status
        assert client.post("/login", data={"token": token}).status_code == 303


def test_a_browser_gets_in_by_the_login_page_and_stays_in(locked):
    with httpx.Client(base_url=locked.url) as browser:
        sent = browser.get("/", headers={"Accept": "text/html"})
        assert (sent.status_code, sent.headers["location"]) == (303, "/login")
        assert 'type="password"' in browser.get("/login").text
        wrong = browser.post("/login", data={"token": "wrong"})
        assert wrong.status_code == 401 and "set-cookie" not in wrong.headers
        right = browser.post("/login", data={"token": TOKEN})
        assert (right.status_code, right.headers["location"]) == (303, "./")
        cookie = right.headers["set-cookie"]
        assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and TOKEN not in cookie
        assert browser.get("/").status_code == browser.get("/api/sessions").status_code == 200
        name, value = next(iter(browser.cookies.items()))
    assert knock(locked.ws, "/ws/sessions", Cookie=f"{name}={value}") == "told"
    assert knock(locked.ws, "/ws/sessions", Cookie=f"{name}={value[:-1]}x") == 4401
    evil = {"Origin": "http://evil.example", "Cookie": f"{name}={value}"}
    assert httpx.get(f"{locked.url}/api/sessions", headers=evil).status_code == 403


def test_a_cookie_of_another_token_opens_nothing(serving, locked):
    with serving(token="another") as other, httpx.Client(base_url=other.url) as browser:
        browser.post("/login", data={"token": "another"})
        ((name, value),) = browser.cookies.items()
        assert browser.get("/api/sessions").status_code == 200
    assert httpx.get(f"{locked.url}/api/sessions", headers={"Cookie": f"{name}={value}"}).status_code == 401


def test_guesses_are_slowed_down_and_then_the_right_token_waits_too(locked):
    with httpx.Client(base_url=locked.url) as client:
        guesses = [client.get("/api/sessions", headers={"Authorization": f"Bearer {n}"}) for n in range(6)]
        assert [answer.status_code for answer in guesses] == [401, 401, 401, 401, 429, 429]
        assert 0 < int(guesses[-1].headers["retry-after"]) <= 60
        assert client.get("/api/sessions", headers=BEARER).status_code == 429
        assert client.post("/login", data={"token": TOKEN}).status_code == 429
        assert client.get("/healthz").status_code == 200


def test_what_is_slow_to_be_refused_is_not_kept(server):
    assert knock(server.ws, "/ws/progress/s1", Origin="http://evil.example") == 4403
    assert server.call(lambda: len(base.READERS._here)) == 0
