"""`/api/sessions`, `/api/runs` and `/api/request-types`, by a stock HTTP client over a real socket."""

import threading

import httpx
import pytest


@pytest.fixture
def api(server):
    with httpx.Client(base_url=server.url, timeout=30) as client:
        yield client


def problem(answer):
    """Return status and detail of an error, which has to be a problem (RFC 9457)."""
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == answer.status_code
    return answer.status_code, body["detail"]


def test_sessions_are_listed_by_newest_activity_in_pages(api, server):
    for session_id in ("s1", "s2", "s3"):
        server.log(session_id, "One")
    server.log("s1", "Two")
    seen, url = [], "/api/sessions?limit=2"
    while url:
        answer = api.get(url)
        assert answer.headers["content-type"] == "application/json"
        seen.append([session["session_id"] for session in answer.json()])
        url = answer.links.get("next", {}).get("url")
    assert seen == [["s1", "s3"], ["s2"]]


def test_a_session_is_made_renamed_read_and_deleted(api, server):
    made = api.post("/api/sessions", json={"title": "Sales"})
    session = made.json()
    assert (made.status_code, made.headers["location"]) == (201, f"/api/sessions/{session['session_id']}")
    expected = {
        "title": "Sales",
        "status": "completed",
        "has_notification": False,
        "notification": None,
        "last_offset": 0,
        "run_fraction": None,
        "eta_seconds": None,
        "active_runs": [],
    }
    assert session == session | expected and session["epoch"] and session["created_at"]
    path = made.headers["location"]
    renamed = api.patch(path, json={"title": "Returns"}).json()
    assert renamed == session | {"title": "Returns"} == api.get(path).json()
    gone = api.delete(path)
    assert (gone.status_code, gone.content) == (204, b"")
    assert api.get(path).status_code == 404


def test_mark_read_clears_the_notification(api, server):
    server.runtime.logger.add_notification("s1", "Your chart is ready")
    before = api.get("/api/sessions").json()[0]
    assert (before["has_notification"], before["notification"]) == (True, "Your chart is ready")
    answer = api.post("/api/sessions/s1/mark-read")
    assert (answer.status_code, answer.json()) == (200, {"session_id": "s1", "has_notification": False})
    assert api.get("/api/sessions").json()[0]["has_notification"] is False


@pytest.fixture
def walk(request_types):
    """Give a request type whose work waits to be let on, and the event that lets it."""
    from headway.requests import request_type

    on = threading.Event()

    @request_type("walk", ["Stand up", ("Walk", 3)], words=["stroll"], examples=["walk to the sea"])
    def work(prompt, run):
        run.step("Stand up", "standing")
        with run.on_cancel(on.set):
            on.wait(30)
        run.step("Walk", "walking")
        with run.artifact("text", "walk.json", rows=1) as path:
            path.write_text('{"title": "A walk"}')
        run.finish("There")

    return on


@pytest.fixture
def ended(api, until):
    """Give a function that waits for the end of a run and returns what is known of it."""

    def wait(path):
        until(lambda: api.get(path).json()["status"] != "running")
        return api.get(path).json()

    return wait


def test_a_request_becomes_a_run_with_its_result(api, server, walk, ended):
    answer = api.post("/api/sessions/s1/requests", json={"prompt": "A stroll to the sea"})
    run_id = answer.json()["run_id"]
    assert answer.status_code == 202 and answer.headers["location"] == f"/api/runs/{run_id}"
    assert answer.json() == {"run_id": run_id, "session_id": "s1", "type": "walk"}
    running = api.get(answer.headers["location"]).json()
    assert (running["status"], running["prompt"]) == ("running", "A stroll to the sea")
    assert (running["type"], running["plan"]) == ("walk", ["Stand up", "Walk"])
    assert api.get("/api/sessions/s1").json()["title"] == "A stroll to the sea"
    walk.set()
    run = ended(answer.headers["location"])
    (artifact,) = run["artifacts"]
    assert (run["status"], run["run_fraction"], artifact["name"]) == ("completed", 1, "walk.json")
    file = api.get(f"/api/artifacts/{artifact['artifact_id']}")
    assert (file.json(), file.headers["content-type"]) == ({"title": "A walk"}, artifact["media_type"])


def test_a_run_is_stopped_and_asked_again(api, server, walk, ended):
    path = api.post("/api/sessions/s1/requests", json={"prompt": "x", "type": "walk"}).headers["location"]
    assert problem(api.post(f"{path}/retry"))[0] == 409
    stopped = api.post(f"{path}/cancel")
    assert stopped.status_code == 202
    assert ended(path)["status"] == "cancelled"
    walk.set()
    again = api.post(f"{path}/retry")
    assert again.status_code == 202 and again.json()["type"] == "walk" and again.headers["location"] != path
    assert ended(again.headers["location"])["status"] == "completed"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"prompt": ""},
        {"prompt": "  "},
        {"prompt": 7},
        {"prompt": "x" * 10_000},
        {"prompt": "x", "type": "nothing"},
        {"prompt": "x", "more": 1},
        [],
    ],
)
def test_what_is_no_request_is_refused_and_makes_no_session(api, server, walk, body):
    assert problem(api.post("/api/sessions/s1/requests", json=body))[0] == 400
    assert server.runtime.logger.sessions() == []


def test_the_request_types_are_told_with_their_plans(api, walk):
    types = {kind["type"]: kind for kind in api.get("/api/request-types").json()}
    assert types["walk"] == {
        "type": "walk",
        "plan": [{"name": "Stand up", "weight": 1.0}, {"name": "Walk", "weight": 3.0}],
        "examples": ["walk to the sea"],
    }
