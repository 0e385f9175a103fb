"""What all routes of `/api` share: methods, health, and errors of ours."""

import httpx
import pytest

ENTRY = {"step": "One", "message": "", "step_number": 1, "total_steps": 1}


@pytest.fixture
def api(server):
    with httpx.Client(base_url=server.url, timeout=30) as client:
        yield client


def test_another_method_is_answered_with_those_that_are_allowed(api):
    for method in ("PUT", "DELETE", "PATCH", "BREW"):
        answer = api.request(method, "/api/progress/s1")
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST, HEAD, OPTIONS")
        assert (answer.headers.get("connection") == "close") == (method == "BREW")
    answer = api.get("/api/sessions/s1/mark-read")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST, OPTIONS")
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
    assert body["error_id"] in caplog.text and "the store is closed" in caplog.text
    assert api.get("/healthz").status_code == 200
    assert api.get("/readyz").status_code == 503


def test_a_body_that_is_nested_too_deeply_is_refused(api):
    body = b'{"step": "s", "message": "", "step_number": 1, "total_steps": 1, "data": ' + b'{"a":' * 5000
    answer = api.post("/api/progress/s1", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/api/request-types"])
def test_what_can_be_got_can_be_asked_about(api, path):
    answer = api.head(path)
    assert (answer.status_code, answer.content) == (200, b"")
