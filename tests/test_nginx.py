"""Two servers behind a real nginx, configured by docs/nginx.conf: no request is tied to one of them."""

from __future__ import annotations

import asyncio
import re
import socket
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, contextmanager
from pathlib import Path

import httpx
import pytest
from browser import find_browser
from playwright.sync_api import expect, sync_playwright
from programs import find_program

from headway.dashboard.client import tail

from .many import ENTRY, House, ended, house_on

CONFIGURATION = Path(__file__).parent.parent / "docs" / "nginx.conf"
MAIN = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    {paths}
    add_header X-Server $upstream_addr always;
    include {folder}/headway.conf;
}}
"""
TOKEN = "a token of 16 or more"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


class Site:
    """Two servers, the nginx before them, and its address."""

    def __init__(self, house: House, folder: Path) -> None:
        shown = {"HEADWAY_TOKEN": TOKEN, "HEADWAY_SECRET_KEY": "the same for all of these servers"}
        begun = [
            house.begin(XDG_STATE_HOME=str(folder / name), **shown) for name in "ab"
        ]  # as on two machines
        self.servers = dict(zip(begun, [process.url() for process in begun], strict=True))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        text = CONFIGURATION.read_text().replace("listen 8000;", f"listen 127.0.0.1:{port};")
        for number, url in enumerate(self.servers.values(), 8001):
            text = text.replace(f"127.0.0.1:{number};", f"127.0.0.1:{url.rpartition(':')[2]};")
        (folder / "headway.conf").write_text(text)
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        paths = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
        (folder / "nginx.conf").write_text(MAIN.format(folder=folder, paths=paths))
        self.url = f"http://localhost:{port}"
        self.said = folder / "nginx.log"
        with open(self.said, "wb") as log:
            command = [find_program("nginx"), "-c", str(folder / "nginx.conf"), "-p", str(folder)]
            self.nginx = subprocess.Popen(command, stdout=log, stderr=log)

    def ask(self, method: str, path: str, **more: object) -> httpx.Response:
        return httpx.request(method, f"{self.url}{path}", headers=BEARER, timeout=30, **more)


@pytest.fixture
def site(request, tmp_path, until):
    """Give a site; its servers share a SQLite store and a folder of artifacts."""
    try:
        find_program("nginx")
    except FileNotFoundError as error:
        pytest.skip(str(error))
    with house_on("sqlite", request, tmp_path) as house:
        made = Site(house, tmp_path)
        try:
            until(lambda: made.said.exists() and not made.nginx.poll() and answers(made.url))
            yield made
        finally:
            made.nginx.terminate()
            made.nginx.wait(30)


def answers(url):
    try:
        return httpx.get(f"{url}/healthz").status_code == 200
    except httpx.TransportError:
        return False


def events(site, session_id):
    """Follow an event stream to the end of a run; return the entries' JSON texts."""
    found = []
    with httpx.stream("GET", f"{site.url}/sse/progress/{session_id}", headers=BEARER, timeout=30) as stream:
        for line in stream.iter_lines():
            if line.startswith("data:"):
                found.append(line.removeprefix("data:").strip())
                if '"status"' in found[-1]:
                    return found
    raise AssertionError("the stream ended")


def polled(site, session_id):
    """Follow a log by held requests to the end of a run; return the entries."""
    found = []
    while not found or not ended(found[-1]):
        path = f"/api/progress/{session_id}?since={len(found)}&wait=20"
        answer = site.ask("GET", path)
        found += answer.json().get("logs", [])
    return found


async def followed(site, session_id):
    """Follow a log with Headway's own client to the end of a run; return the entries."""
    found = []
    async with aclosing(tail(site.url, session_id, token=TOKEN)) as entries:
        async for entry in entries:
            found.append(entry)
            if entry.terminal:
                return found


def test_every_way_to_read_and_every_artifact_is_the_same_through_both(site):
    site.ask("POST", "/api/progress/s1", json=ENTRY).raise_for_status()
    with ThreadPoolExecutor(8) as threads:
        ways = [threads.submit(events, site, "s1") for _ in range(3)]
        ways += [threads.submit(polled, site, "s1") for _ in range(2)]
        ways += [threads.submit(asyncio.run, followed(site, "s1")) for _ in range(3)]
        asked = site.ask("POST", "/api/sessions/s1/requests", json={"prompt": "200 0.002", "type": "count"})
        streams, polls, tails = ([way.result(60) for way in part] for part in (ways[:3], ways[3:5], ways[5:]))
    log = site.ask("GET", "/api/progress/s1").json()["logs"]
    assert [entry["offset"] for entry in log] == list(range(1, len(log) + 1)) and len(log) > 200
    assert polls == [log] * 2
    assert streams[0] == streams[1] == streams[2] and len(streams[0]) == len(log)
    assert [[entry.offset for entry in found] for found in tails] == [[e["offset"] for e in log]] * 3

    result = site.ask("GET", f"/api/runs/{asked.json()['run_id']}").json()["artifacts"][0]
    got = [site.ask("GET", f"/api/artifacts/{result['artifact_id']}") for _ in range(8)]
    assert {answer.text for answer in got} == {"200 0.002"}
    assert len(Counter(answer.headers["X-Server"] for answer in got)) == 2  # both were asked


def test_when_one_dies_readers_and_callers_go_on_with_the_other(site):
    first, second = site.servers
    served = {process: f"127.0.0.1:{url.rpartition(':')[2]}" for process, url in site.servers.items()}
    site.ask("POST", "/api/progress/s1", json=ENTRY).raise_for_status()

    async def scene():
        readers = [asyncio.create_task(followed(site, "s1")) for _ in range(6)]
        for number in range(100):
            if number == 50:
                first.popen.kill()
            fields = ENTRY | {"message": str(number), "run_id": "s1.1"}
            answer = await asyncio.to_thread(site.ask, "POST", "/api/progress/s1", json=fields)
            assert answer.status_code == 201, answer.text
        last = ENTRY | {"run_id": "s1.1", "status": "completed"}
        await asyncio.to_thread(site.ask, "POST", "/api/progress/s1", json=last)
        return await asyncio.gather(*readers)

    for found in asyncio.run(asyncio.wait_for(scene(), 60)):
        assert [entry.offset for entry in found] == list(range(1, 103))
    assert site.ask("GET", "/api/sessions").headers["X-Server"].endswith(served[second])


@contextmanager
def browsing(playwright):
    chromium = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"])
    yield chromium.new_page()
    chromium.close()


def test_the_page_is_loaded_followed_and_kept_through_both(site):
    problems, strangers = [], []
    first, _ = site.servers
    site.ask("POST", "/api/sessions/s1/requests", json={"prompt": "1 0", "type": "count"}).raise_for_status()
    with sync_playwright() as playwright, browsing(playwright) as page:
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
        page.on(
            "request",
            lambda asked: (
                None if asked.url.startswith((site.url, "data:", "blob:")) else strangers.append(asked.url)
            ),
        )
        page.goto(site.url)
        page.get_by_label("token").fill(TOKEN)
        page.get_by_role("button", name="Open").click()
        for _ in range(12):
            page.goto(f"{site.url}/?session=s1")
            expect(page.get_by_label("Prompt")).to_be_visible(timeout=30_000)
        assert (problems, strangers) == ([], [])

        body = {"prompt": "100000 0.05", "type": "count"}
        turn = page.locator(".turn").last
        run = httpx.post(f"{served_by(site, 1)}/api/sessions/s1/requests", json=body, headers=BEARER).json()
        expect(page.locator(".turn")).to_have_count(2, timeout=30_000)
        expect(turn).to_contain_text("Count", timeout=30_000)
        page.get_by_label("Prompt").fill("not yet sent")
        first.popen.kill()  # the run goes on at the other one
        told = turn.inner_text()
        expect(turn).not_to_have_text(told, timeout=30_000)
        expect(page.get_by_label("Prompt")).to_have_value("not yet sent")
        page.get_by_role("button", name="Stop").click()
        expect(turn).to_contain_text("Stopped", timeout=30_000)
    assert site.ask("GET", f"/api/runs/{run['run_id']}").json()["status"] == "cancelled"
    lost = re.compile(
        "ERR_CONNECTION|ERR_EMPTY|WebSocket|not connected so|Failed to fetch|Lost websocket|50[24]"
    )
    assert [problem for problem in problems if not lost.search(problem)] == []


def served_by(site, number):
    return list(site.servers.values())[number]
