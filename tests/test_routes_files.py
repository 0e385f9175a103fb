"""Artifacts and the files of the views."""

from pathlib import Path

import httpx
import pytest

from headway.dashboard.routes.files import FOLDERS, disposition

TEXT = b"region,revenue\nNorth,1\nSouth,2\n"


@pytest.fixture
def file(server):
    """Give the address of an artifact and its server."""
    with server.runtime.artifacts.write('Umsätze "2023".csv') as (artifact_id, path):
        path.write_bytes(TEXT)
    return f"{server.url}/api/artifacts/{artifact_id}"


def test_an_artifact_is_saved_under_its_name(file):
    answer = httpx.get(file)
    assert (answer.status_code, answer.content) == (200, TEXT)
    assert answer.headers["content-type"] == "text/csv"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"] == (
        "attachment; filename=\"Ums_tze _2023_.csv\"; filename*=UTF-8''Ums%C3%A4tze%20%222023%22.csv"
    )


@pytest.mark.parametrize("name", ["a.csv", "日本.csv", 'a"b\\c.csv', "a\r\nX-Evil: 1.csv", "%41.csv"])
def test_no_name_breaks_out_of_its_header(name):
    value = disposition(name)
    assert value.isascii() and value.isprintable() and value.count('"') == 2


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [("bytes=0-4", 0, 5), ("bytes=5-", 5, None), ("bytes=-3", -3, None), ("bytes=1-9999", 1, None)],
)
def test_a_part_of_an_artifact_is_sent(file, asked, start, end):
    answer = httpx.get(file, headers={"Range": asked})
    part = TEXT[start:end]
    first = TEXT.index(part)
    assert (answer.status_code, answer.content) == (206, part)
    assert answer.headers["content-range"] == f"bytes {first}-{first + len(part) - 1}/{len(TEXT)}"


def test_a_part_that_is_not_there_is_told_the_size(file):
    answer = httpx.get(file, headers={"Range": "bytes=9999-"})
    assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{len(TEXT)}")


@pytest.mark.parametrize("asked", ["bytes=0-1,3-4", "lines=1-2", "bytes=x", "bytes=4-1"])
def test_a_range_that_says_nothing_is_passed_over_or_refused(file, asked):
    answer = httpx.get(file, headers={"Range": asked})
    assert (answer.status_code, answer.content) in [(200, TEXT), (416, b"")]


def test_conditions_are_kept(file):
    etag = httpx.get(file).headers["etag"]
    same = httpx.get(file, headers={"If-None-Match": etag})
    assert (same.status_code, same.content) == (304, b"")
    part = httpx.get(file, headers={"Range": "bytes=0-4", "If-Range": etag})
    whole = httpx.get(file, headers={"Range": "bytes=0-4", "If-Range": '"another"'})
    assert (part.status_code, whole.status_code, whole.content) == (206, 200, TEXT)


def test_head_tells_the_size(file):
    answer = httpx.head(file)
    assert (answer.status_code, answer.headers["content-length"], answer.content) == (
        200,
        str(len(TEXT)),
        b"",
    )


def test_the_files_of_the_views_are_served_with_their_types(server):
    assert {path.suffix for folder in FOLDERS for path in folder.iterdir()} >= {".js", ".py"}
    for folder in FOLDERS:
        for path in folder.iterdir():
            answer = httpx.get(f"{server.url}/headway/{path.name}")
            if path.suffix in (".js", ".css"):
                assert (answer.status_code, answer.content) == (200, path.read_bytes())
                assert answer.headers["content-type"] in ("text/javascript", "text/css")
                again = httpx.get(answer.url, headers={"If-None-Match": answer.headers["etag"]})
                assert again.status_code == 304
            else:
                assert answer.status_code == 404


@pytest.mark.parametrize("folder", ["/headway/", "/api/artifacts/", "/static/", "/components/", "/"])
@pytest.mark.parametrize(
    "path",
    [
        "../../../../etc/passwd",
        "..%2f..%2f..%2f..%2fetc%2fpasswd",
        "%2e%2e/%2e%2e/server.py",
        "....//server.py",
        "..%5c..%5cserver.py",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "progress.js%00.py",
        "progress.js/",
        "~root",
        "..;/server.py",
        "%c0%ae%c0%ae/server.py",
        "__init__.py",
        "views/progress.js",
    ],
)
def test_no_path_leads_out(server, folder, path):
    import socket
    from urllib.parse import urlsplit

    # By hand: a client library would tidy the path up.
    with socket.create_connection(("127.0.0.1", urlsplit(server.url).port)) as connection:
        request = f"GET {folder}{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        connection.sendall(request.encode())
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    status = int(answer.split()[1])
    assert status in (400, 403, 404) and b"root:" not in answer and b"import" not in answer


def test_the_folders_are_where_the_files_are():
    assert [Path(folder).name for folder in FOLDERS] == ["views", "components"]
