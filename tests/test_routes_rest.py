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


def test_a_held_poll_is_answered_when_the_server_goes(serving, until):
    answers = []
    with serving() as running:
        running.log("s1", "One")
        url = f"{running.url}/api/progress/s1?since=1&wait=30"
        poll = threading.Thread(target=lambda: answers.append(httpx.get(url, timeout=40)))
        poll.start()
        until(lambda: running.runtime.logger.hub.watched("s1"))
    poll.join(10)
    assert (answers[0].status_code, answers[0].json()["logs"]) == (200, [])


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


def test_a_key_that_comes_again_with_another_entry_is_refused(api, server):
    first = api.post("/api/progress/s1", json=ENTRY, headers={"Idempotency-Key": "a"})
    other = api.post("/api/progress/s1", json=ENTRY | {"step": "Other"}, headers={"Idempotency-Key": "a"})
    assert (first.status_code, other.status_code) == (201, 409)
    assert "'a' stands for another entry" in problem(other)[1]
    assert server.runtime.logger.session("s1").last_offset == 1


def test_a_cursor_that_is_none_is_refused(api):
    assert problem(api.get("/api/sessions?before=zzz"))[0] == 400


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
