"""What is closed of Panel's own openings: imports by URL, inline scripts, page tokens; and the headers."""

import asyncio
import re
import sys

import httpx
import panel as pn
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

PATHS = [
    "/",
    "/healthz",
    "/api/sessions",
    "/api/progress/nobody",
    "/headway/progress.js",
    "/static/js/bokeh.min.js",
    "/favicon.ico",
    "/components/os/a/b/c",
    "/nothing",
    "/api/nothing",
    "/autoload.js?bokeh-autoload-element=1",
]


def test_a_module_is_not_imported_because_a_url_names_it(server, tmp_path, monkeypatch):
    (tmp_path / "stranger.py").write_text("import pathlib\npathlib.Path(__file__).with_name('ran').touch()\n")
    monkeypatch.syspath_prepend(tmp_path)
    for path in (
        "stranger/a/b/c",
        "stranger/pathlib/_css/x",
        "this/a/b/c",
        "venv.__main__/a/b/c",
        "os/path/_css/x",
    ):
        assert httpx.get(f"{server.url}/components/{path}").status_code == 404
    assert not (tmp_path / "ran").exists() and "stranger" not in sys.modules and "this" not in sys.modules


def test_the_files_of_components_that_are_loaded_are_served(serving, tmp_path):
    class Styled(pn.viewable.Viewer):
        _stylesheets = ("styled.css",)

    module = type(sys)("styled_for_a_test")
    module.__file__ = str(tmp_path / "styled.py")
    module.Styled = Styled
    Styled.__module__ = module.__name__
    (tmp_path / "styled.css").write_text("b { color: red }")
    sys.modules[module.__name__] = module
    try:
        with serving() as running:
            answer = httpx.get(f"{running.url}/components/{module.__name__}/Styled/_stylesheets/styled.css")
            assert (answer.status_code, answer.text) == (200, "b { color: red }")
    finally:
        del sys.modules[module.__name__]


def test_the_headers_that_make_browsers_careful_are_on_every_answer(server):
    for path in PATHS:
        headers = httpx.get(server.url + path).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["x-frame-options"] == "SAMEORIGIN", path
        policy = headers["content-security-policy"]
        assert "default-src" in policy and "unsafe-inline" not in policy.replace(
            "style-src 'self' 'unsafe-inline'", ""
        )
        assert "http:" not in policy and "*" not in policy, path


def test_the_page_has_one_nonce_for_its_own_scripts_and_another_each_time(server):
    nonces = []
    for _ in range(2):
        page = httpx.get(server.url)
        (nonce,) = re.findall(r"'nonce-([\w-]+)'", page.headers["content-security-policy"])
        inline = re.findall(r"<script(?![^>]*\bsrc=)[^>]*>", page.text)
        assert inline and all(f'nonce="{nonce}"' in tag for tag in inline)
        assert int(page.headers["content-length"]) == len(page.content)
        nonces.append(nonce)
    assert nonces[0] != nonces[1]


def test_the_page_gives_scripts_neither_cookies_nor_headers(server):
    from bokeh.util.token import get_token_payload

    secret = {
        "Cookie": "session=very-secret",
        "X-Secret": "very-secret",
        "Authorization": "Bearer very-secret",
    }
    page = httpx.get(server.url, headers=secret).text
    (token,) = re.findall(r'"token":"([^"]+)"', page)
    payload = get_token_payload(token)
    assert payload["headers"] == {} and payload["cookies"] == {}
    assert "very-secret" not in page and "very-secret" not in str(payload)


def test_a_page_token_that_the_server_did_not_sign_opens_nothing(server):
    from bokeh.util.token import generate_jwt_token, generate_session_id

    async def pull(token):
        async with connect(f"{server.ws}/ws", subprotocols=["bokeh", token]) as socket, asyncio.timeout(20):
            try:
                return await socket.recv()
            except ConnectionClosed:
                return "closed"

    (own,) = re.findall(r'"token":"([^"]+)"', httpx.get(server.url).text)
    assert asyncio.run(pull(own)) != "closed"
    assert asyncio.run(pull(generate_jwt_token(generate_session_id(signed=False), signed=False))) == "closed"
