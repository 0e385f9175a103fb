"""`/api`, by a stock HTTP client over a real socket."""

import json
import threading

import httpx
import pytest

ENTRY = {"step": "Scanning databases", "message": "3 tables", "step_number": 1, "total_steps": 2}


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


def test_a_log_has_the_shape_of_the_specification_and_its_place(api, server):
    server.log("s1", "One", "Two")
    session = server.runtime.logger.session("s1")
    answer = api.get("/api/progress/s1")
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    times = [entry.pop("timestamp") for entry in body["logs"]]
    assert times == sorted(times) and times[0].endswith("+00:00")
    assert body == {
        "session_id": "s1",
        "logs": [
            {
                "step": "One",
                "message": "One…",
                "step_number": 1,
                "total_steps": 2,
                "session_id": "s1",
                "offset": 1,
            },
            {
                "step": "Two",
                "message": "Two…",
                "step_number": 2,
                "total_steps": 2,
                "session_id": "s1",
                "offset": 2,
            },
        ],
        "last_offset": 2,
        "more": False,
        "epoch": session.epoch,
    }


def test_since_and_limit_page_through_a_log(api, server):
    server.log("s1", *"abcde")
    pages, since = [], 0
    while True:
        body = api.get("/api/progress/s1", params={"since": since, "limit": 2}).json()
        pages.append(([entry["step"] for entry in body["logs"]], body["last_offset"], body["more"]))
        if not body["more"]:
            break
        since = body["logs"][-1]["offset"]
    assert pages == [(["a", "b"], 5, True), (["c", "d"], 5, True), (["e"], 5, False)]


def test_a_log_that_did_not_change_is_not_sent_again(api, server):
    server.log("s1", "One")
    first = api.get("/api/progress/s1")
    same = api.get("/api/progress/s1", headers={"If-None-Match": first.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")
    server.log("s1", "Two")
    assert api.get("/api/progress/s1", headers={"If-None-Match": first.headers["etag"]}).status_code == 200


def test_a_held_poll_comes_back_with_what_comes(api, server, until):
    server.log("s1", "One")
    hub = server.runtime.logger.hub
    answers = []
    poll = threading.Thread(
        target=lambda: answers.append(httpx.get(f"{server.url}/api/progress/s1?since=1&wait=30", timeout=40))
    )
    poll.start()
    until(lambda: hub.watched("s1"))
    server.log("s1", "Two")
    poll.join(10)
    assert [entry["step"] for entry in answers[0].json()["logs"]] == ["Two"]
    assert not hub.watched("s1")


def test_a_held_poll_ends_empty_when_nothing_comes(api, server):
    server.log("s1", "One")
    body = api.get("/api/progress/s1?since=1&wait=1").json()
    assert (body["logs"], body["last_offset"], body["more"]) == ([], 1, False)


@pytest.mark.parametrize("query", ["since=3", "since=1&epoch=another", "epoch=another", "since=3&wait=5"])
def test_a_reader_of_another_log_is_told_the_present_epoch(api, server, query):
    server.log("s1", "One", "Two")
    answer = api.get(f"/api/progress/s1?{query}")
    assert problem(answer)[0] == 409
    assert answer.json()["epoch"] == server.runtime.logger.session("s1").epoch


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("since=-1", "since"),
        ("since=x", "since"),
        ("since=", "since"),
        ("since=1.0", "since"),
        ("since=99999999999999999999", "since"),
        ("since=٣", "since"),
        ("limit=0", "limit"),
        ("limit=5001", "limit"),
        ("wait=31", "wait"),
        ("wait=-1", "wait"),
    ],
)
def test_a_bad_parameter_is_named_with_what_is_allowed(api, server, query, name):
    server.log("s1", "One")
    status, detail = problem(api.get(f"/api/progress/s1?{query}"))
    assert status == 400 and detail.startswith(f"{name} is ") and "allowed: a whole number from" in detail


BAD_IDS = [
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e",
    "a%00b",
    "a%0a",
    "-a",
    "_a",
    "a.b",
    "a b",
    "ä",
    "%ff",
    "CON",
    "nul",
    "x" * 129,
    "a%5cb",
    "a;b",
    "a%3Fb",
]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/progress/{}"),
        ("POST", "/api/progress/{}"),
        ("GET", "/api/sessions/{}"),
        ("PATCH", "/api/sessions/{}"),
        ("DELETE", "/api/sessions/{}"),
        ("POST", "/api/sessions/{}/mark-read"),
        ("POST", "/api/sessions/{}/requests"),
    ],
)
def test_what_is_no_session_id_is_refused_everywhere(api, server, method, path):
    body = ENTRY if "progress" in path else {"prompt": "hello"} if "requests" in path else {}
    answers = {
        session_id: problem(
            api.request(method, path.format(session_id), json=None if method == "GET" else body)
        )[0]
        for session_id in BAD_IDS
    }
    assert answers == dict.fromkeys(BAD_IDS, 400)
    assert server.runtime.logger.sessions() == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/progress/nobody"),
        ("GET", "/api/progress/nobody?wait=5"),
        ("GET", "/api/sessions/nobody"),
        ("PATCH", "/api/sessions/nobody"),
        ("DELETE", "/api/sessions/nobody"),
        ("GET", "/api/runs/nobody.0a0a0a0a"),
        ("POST", "/api/sessions/nobody/mark-read"),
        ("POST", "/api/runs/nobody.0a0a0a0a/cancel"),
        ("POST", "/api/runs/nobody.0a0a0a0a/retry"),
        ("GET", "/api/runs/x"),
        ("GET", "/api/runs/..%2fx"),
        ("GET", f"/api/artifacts/{'0' * 32}"),
        ("GET", "/api/artifacts/..%2f..%2fetc"),
    ],
)
def test_what_is_not_there_is_not_found(api, method, path):
    assert problem(api.request(method, path, json={"title": "x"} if method == "PATCH" else None))[0] == 404


def test_entries_are_logged_one_or_many_at_a_time(api, server):
    one = api.post("/api/progress/s1", json=ENTRY)
    many = api.post("/api/progress/s1", json=[ENTRY | {"fraction": 0.5}, ENTRY | {"status": "completed"}])
    assert [(a.status_code, a.json()) for a in (one, many)] == [(201, {"offset": 1}), (201, {"offset": 3})]
    logged = server.runtime.logger.get_progress_logs("s1")
    assert [(e.offset, e.fraction, e.status) for e in logged] == [
        (1, None, "running"),
        (2, 0.5, "running"),
        (3, None, "completed"),
    ]


def test_the_same_idempotency_key_logs_once(api, server):
    answers = [
        api.post("/api/progress/s1", json=body, headers={"Idempotency-Key": key})
        for key, body in [("a", ENTRY), ("a", ENTRY), ("b", [ENTRY, ENTRY]), ("b", [ENTRY, ENTRY])]
    ]
    assert [answer.json()["offset"] for answer in answers] == [1, 1, 3, 3]
    assert server.runtime.logger.session("s1").last_offset == 3


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"7",
        b'"x"',
        b"\xff\xfe",
        b'{"step": "a"}',
        b"[[]]",
        b"{}" * 2,
        json.dumps(ENTRY | {"step": ""}).encode(),
        json.dumps(ENTRY | {"step_number": 3}).encode(),
        json.dumps(ENTRY | {"step_number": "1"}).encode(),
        json.dumps(ENTRY | {"step_number": 1.5}).encode(),
        json.dumps(ENTRY | {"status": "done"}).encode(),
        json.dumps(ENTRY | {"fraction": 2}).encode(),
        json.dumps(ENTRY | {"data": []}).encode(),
        json.dumps(ENTRY | {"data": {"x": "y" * 17_000}}).encode(),
        json.dumps(ENTRY | {"run_id": "../x"}).encode(),
        json.dumps(ENTRY | {"offset": 7}).encode(),
        json.dumps(ENTRY | {"message": "m" * 8_193}).encode(),
        json.dumps([ENTRY, ENTRY | {"step": ""}]).encode(),
        json.dumps([dict.fromkeys(ENTRY, 1)] * 1001).encode(),
        b"[" * 30_000,
    ],
)
def test_a_body_that_is_no_entry_is_refused_and_nothing_is_logged(api, server, body):
    answer = api.post("/api/progress/s1", content=body, headers={"Content-Type": "application/json"})
    assert problem(answer)[0] == 400
    assert server.runtime.logger.sessions() == []


@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
@pytest.mark.parametrize("path", ["/api/progress/s1", "/api/sessions", "/api/sessions/s1/requests"])
def test_a_body_that_is_not_json_is_refused(api, path, media_type):
    answer = api.post(path, content=b'{"title": "x"}', headers={"Content-Type": media_type})
    assert problem(answer)[0] == 415


@pytest.mark.parametrize("size", [64 * 1024 + 1, 20_000_000])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large_is_refused(api, server, size, chunked):
    content = (b" " * 50_000 for _ in range(size // 50_000 + 1)) if chunked else b" " * size
    answer = api.post("/api/progress/s1", content=content, headers={"Content-Type": "application/json"})
    assert problem(answer) == (413, "the body is too large; allowed: 65536 bytes")
    assert api.get("/healthz").status_code == 200


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


def test_another_method_is_answered_with_those_that_are_allowed(api):
    for method in ("PUT", "DELETE", "PATCH", "BREW"):
        answer = api.request(method, "/api/progress/s1")
        assert (problem(answer)[0], answer.headers["allow"]) == (405, "GET, POST, HEAD, OPTIONS")
    answer = api.get("/api/sessions/s1/mark-read")
    assert (problem(answer)[0], answer.headers["allow"]) == (405, "POST, OPTIONS")
    assert api.options("/api/sessions").headers["allow"] == "GET, POST, HEAD, OPTIONS"


def test_head_is_get_without_the_body(api, server):
    server.log("s1", "One")
    get, head = api.get("/api/progress/s1"), api.head("/api/progress/s1")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"]


def test_health_tells_one_start_from_another(serving):
    told = []
    for _ in range(2):
        with serving() as running:
            told.append(httpx.get(f"{running.url}/healthz").json())
            ready = httpx.get(f"{running.url}/readyz")
            assert (ready.status_code, ready.json()["status"]) == (200, "ready")
    assert [body["status"] for body in told] == ["ok", "ok"]
    assert told[0]["boot_id"] != told[1]["boot_id"]


def test_an_error_of_ours_keeps_its_text_to_itself(api, server, caplog):
    server.runtime.logger.close()  # now the store fails
    answer = api.post("/api/progress/s1", json=ENTRY)
    body = answer.json()
    assert answer.status_code == 503
    assert body == {"title": "Service Unavailable", "status": 503, "error_id": body["error_id"]}
    assert body["error_id"] in caplog.text and "StoreClosed" in caplog.text
    assert api.get("/healthz").status_code == 200
    assert api.get("/readyz").status_code == 503
