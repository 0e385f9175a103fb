"""Our routes in servers that are not ours, each in a process of its own, as a user starts it."""

import asyncio
import json

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

ENTRY = {"step": "One", "message": "first", "step_number": 1, "total_steps": 1}
EVIL = {"Origin": "http://evil.example"}

SCRIPT = """
import panel as pn
from tornado.web import RequestHandler
from headway.dashboard.routes import ROUTES

class Users(RequestHandler):  # how often Panel believes each user to be here
    def get(self):
        self.write(dict(pn.state._active_users))

def page():
    return pn.pane.HTML("a page")

pn.serve({"/": page}, port=0, show=False, extra_patterns=[*ROUTES, ('/users', Users)], %s)
"""


def use(url):
    """Log an entry, read it in four ways and start nothing else; return what was read."""
    with httpx.Client(base_url=url, timeout=20) as api:
        assert api.post("/api/progress/s1", json=ENTRY).json() == {"offset": 1}
        polled = api.get("/api/progress/s1").json()["logs"]
        assert [session["session_id"] for session in api.get("/api/sessions").json()] == ["s1"]
        assert api.get("/headway/progress.js").status_code == api.get("/healthz").status_code == 200
        with api.stream("GET", "/sse/progress/s1") as stream:
            (event,) = [next(line for line in stream.iter_lines() if line.startswith("data:"))]

    async def view():
        async with connect(url.replace("http", "ws", 1) + "/ws/progress/s1") as socket, asyncio.timeout(20):
            return json.loads(await socket.recv())

    assert polled == [json.loads(event.removeprefix("data:"))] == [asyncio.run(view())]


async def closed(url, **options):
    async with asyncio.timeout(20), connect(url.replace("http", "ws", 1), **options) as socket:
        with pytest.raises(ConnectionClosed) as caught:
            await socket.recv()
    return caught.value.rcvd.code


def guarded(url):
    """Return what a stranger gets: by origin, by a name of his own, and on a socket."""
    return (
        httpx.get(f"{url}/api/sessions", headers=EVIL).status_code,
        httpx.post(f"{url}/api/progress/s2", headers=EVIL, json=ENTRY).status_code,
        httpx.get(f"{url}/api/sessions", headers={"Host": "evil.example"}).status_code,
        asyncio.run(closed(f"{url}/ws/sessions", additional_headers=EVIL)),
    )


def test_panel_serve_with_our_routes_as_a_plugin(start, tmp_path):
    (tmp_path / "app.py").write_text("import panel as pn\npn.pane.HTML('a page').servable()\n")
    panel = start("-m", "panel", "serve", "app.py", "--port", "0", "--plugins", "headway.dashboard.routes")
    url = panel.wait_for(r"running at: (http://\S+)/app")
    use(url)
    assert guarded(url) == (403, 403, 421, 4403)
    assert httpx.get(f"{url}/app").status_code == 200
    panel.stop()
    assert json.loads((tmp_path / "logs" / "s1_progress.json").read_text())[0]["step"] == "One"


def test_panel_serve_obeys_our_token(start, tmp_path):
    (tmp_path / "app.py").write_text("import panel as pn\npn.pane.HTML('a page').servable()\n")
    panel = start(
        "-m",
        "panel",
        "serve",
        "app.py",
        "--port",
        "0",
        "--plugins",
        "headway.dashboard.routes",
        HEADWAY_TOKEN="secret",
        HEADWAY_STORE="memory:",
    )
    url = panel.wait_for(r"running at: (http://\S+)/app")
    bearer = {"Authorization": "Bearer secret"}
    assert httpx.get(f"{url}/api/sessions").status_code == 401
    assert httpx.get(f"{url}/api/sessions", headers=bearer).status_code == 200
    assert asyncio.run(closed(f"{url}/ws/sessions")) == 4401
    assert not (tmp_path / "logs").exists()


def test_pn_serve_with_our_routes_below_a_prefix(start, tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT % "prefix='/hw'")
    url = start("script.py", HEADWAY_STORE="memory:").url() + "/hw"
    use(url)
    assert guarded(url) == (403, 403, 421, 4403)
    made = httpx.post(f"{url}/api/sessions", json={})
    assert made.headers["location"].startswith("/hw/api/sessions/")


def test_our_routes_obey_panels_auth_provider_and_count_no_user_twice(start, tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT % "basic_auth='open sesame', cookie_secret='a secret'")
    url = start("script.py", HEADWAY_STORE="memory:").url()
    assert httpx.get(f"{url}/api/sessions").status_code == 401
    assert httpx.post(f"{url}/api/progress/s1", json=ENTRY).status_code == 401
    assert httpx.get(f"{url}/healthz").status_code == 200
    assert asyncio.run(closed(f"{url}/ws/sessions")) == 4401
    with httpx.Client(base_url=url) as browser:
        browser.post("/login", data={"username": "ann", "password": "open sesame"})
        assert browser.get("/api/sessions").json() == []
        cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())

        async def view():
            async with connect(
                url.replace("http", "ws", 1) + "/ws/sessions", additional_headers={"Cookie": cookie}
            ) as socket:
                return await socket.recv()

        assert [asyncio.run(view()) for _ in range(3)] == ["[]"] * 3
        assert browser.get("/users").json() == {}
