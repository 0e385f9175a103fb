"""`GET /api/request-types`: examples that work on the very database that the server asks."""

import sqlite3

import httpx
import pytest

from headway.requests import REQUESTS, recognise


@pytest.fixture
def club(tmp_path):
    path = tmp_path / "club.sqlite"
    connection = sqlite3.connect(path)
    connection.execute(
        "CREATE TABLE members (member_id INTEGER PRIMARY KEY, name TEXT, city TEXT, joined_on DATE)"
    )
    cities = ["Bonn", "Lyon", "Rome"]
    rows = [(n, f"Member {n}", cities[n % 3], f"202{n % 3 + 1}-{1 + n % 12:02}-01") for n in range(1, 100)]
    connection.executemany("INSERT INTO members VALUES (?, ?, ?, ?)", rows)
    connection.commit()
    connection.close()
    return path


def examples_of(api):
    return {row["type"]: row["examples"] for row in api.get("/api/request-types").json()}


def test_a_database_of_ones_own_has_examples_of_its_own_and_they_work(serving, club, until):
    with serving(database=str(club)) as server, httpx.Client(base_url=server.url, timeout=30) as api:
        told = examples_of(api)
        assert told == {
            "chart": [
                "Number of members per month by city as a line chart",
                "Number of members by city as a bar chart",
            ],
            "file": ["Export members of 2022 to Excel", "Export members to Excel"],
            "text": ["What stands out in members?", "What changed in members in 2023?"],
        }
        for kind, prompts in told.items():
            for number, prompt in enumerate(prompts):
                assert recognise(prompt) == kind
                session = f"{kind}-{number}"
                api.post(f"/api/sessions/{session}/requests", json={"prompt": prompt}).raise_for_status()
                until(lambda session=session: server.runtime.logger.session(session).status != "processing")
                (*_, last) = server.runtime.logger.get_progress_logs(session)
                assert (last.status, last.data.get("ignored")) == ("completed", None), prompt


def test_the_sample_shop_has_the_types_own_examples_and_is_not_made_for_them(server, tmp_path):
    with httpx.Client(base_url=server.url, timeout=30) as api:
        assert examples_of(api) == {name: list(request.examples) for name, request in REQUESTS.items()}
    assert server.runtime.database._opened is None


def test_a_database_that_cannot_be_read_now_has_none_until_it_can(serving, club):
    kept = club.rename(club.with_suffix(".away"))
    with serving(database=str(club)) as server, httpx.Client(base_url=server.url, timeout=30) as api:
        assert examples_of(api)["file"] == list(REQUESTS["file"].examples)
        kept.rename(club)
        assert examples_of(api)["file"] == ["Export members of 2022 to Excel", "Export members to Excel"]
