"""Live progress: complete after a reload in the middle, in every browser, over what still gets through."""

from __future__ import annotations

from collections.abc import Callable

from driving import Headway, Tab, steps
from playwright.sync_api import expect


def test_a_run_of_100_steps_is_complete_after_a_reload_in_its_middle(
    server: Headway, tab: Callable[..., Tab], session_id: str
) -> None:
    run_id = f"{session_id}.00000001"
    server.post(session_id, *steps(run_id, range(1, 41), 100, prompt="A hundred steps"))
    page = tab().open(session_id)
    expect(page.locator(".run-time")).to_contain_text("40 of 100")
    page.reload()
    server.post(session_id, *steps(run_id, range(41, 61), 100))
    expect(page.locator(".run-time")).to_contain_text("60 of 100")
    server.post(session_id, *steps(run_id, range(61, 101), 100, status="completed"))
    expect(page.locator(".run-title")).to_have_text("Completed")
    assert page.locator(".row .name").all_text_contents() == [f"Step {number}" for number in range(1, 101)]
    assert page.locator(".row .message").all_text_contents() == [f"message {n}" for n in range(1, 101)]
    assert page.locator(".row[data-status=done]").count() == 100


def test_two_browsers_see_the_same_steps_live(
    server: Headway, tab: Callable[..., Tab], session_id: str
) -> None:
    server.post(session_id, *steps(f"{session_id}.1", range(1, 2), 5, prompt="For two"))
    pages = [tab().open(session_id), tab().open(session_id)]
    server.post(session_id, *steps(f"{session_id}.1", range(2, 4), 5))
    for page in pages:
        expect(page.locator(".row[aria-current=step] .name")).to_have_text("Step 3")
        expect(page.locator(".bubble")).to_have_text("You asked: For two")
        assert page.locator(".row").evaluate_all("rows => rows.map(row => row.dataset.status)") == [
            "done", "done", "running", "pending", "pending",
        ]  # fmt: skip


def test_the_bar_of_a_step_follows_its_fraction_and_its_counts_are_shown(
    server: Headway, tab: Callable[..., Tab], session_id: str
) -> None:
    entries = steps(f"{session_id}.1", range(1, 2), 2, prompt="Counting")
    server.post(session_id, *entries)
    page = tab().open(session_id)
    counted = {"current": 30_000, "total": 40_000, "unit": "rows"}
    server.post(session_id, entries[0] | {"fraction": 0.75, "data": counted})
    expect(page.locator(".row[aria-current=step] .meta")).to_have_text("30,000 / 40,000 rows")
    bar = page.locator(".row[aria-current=step] .bar")
    assert bar.evaluate("bar => bar.style.getPropertyValue('--at')") == "0.75"
    expect(page.locator(".run > .bar")).to_have_attribute("aria-valuenow", "37")


def test_updates_faster_than_anybody_sees_come_thinned_and_show_the_same_in_the_end(
    server: Headway, tab: Callable[..., Tab], session_id: str
) -> None:
    """What is shown live, without most of 600 updates, is what a reload shows from the whole log."""
    entries = steps(f"{session_id}.1", range(1, 3), 3, prompt="Quick")
    server.post(session_id, entries[0])
    page, told = tab().page, []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: told.append(str(frame))))
    page.goto(f"{server.url}/?session={session_id}")
    expect(page.locator(".link").first).to_have_attribute("data-state", "live")
    for step in entries:
        counts = [{"current": n, "total": 300, "unit": "rows"} for n in range(301)]
        server.post(session_id, *(step | {"fraction": n / 300, "data": counts[n]} for n in range(301)))
    expect(page.locator(".row[aria-current=step] .meta")).to_have_text("300 / 300 rows")
    assert sum(frame.count('"offset"') for frame in told) < 100
    live = page.locator(".row").all_inner_texts()
    page.reload()
    expect(page.locator(".row[aria-current=step] .meta")).to_have_text("300 / 300 rows")
    assert page.locator(".row").all_inner_texts() == live


def test_work_goes_on_in_one_session_while_another_is_looked_at(
    server: Headway, tab: Callable[..., Tab], session_id: str
) -> None:
    other = f"{session_id}-other"
    server.post(session_id, *steps(f"{session_id}.1", range(1, 2), 3, prompt="First chat"))
    server.post(other, *steps(f"{other}.1", range(1, 3), 3, prompt="Second chat", status="completed"))
    page = tab().open(session_id)
    page.get_by_role("button", name="Second chat").first.click()
    expect(page.locator(".bubble")).to_contain_text("Second chat")
    assert page.locator(".turn").count() == 1
    server.post(session_id, *steps(f"{session_id}.1", range(2, 4), 3))
    page.get_by_role("button", name="First chat").first.click()
    expect(page.locator(".run-time")).to_contain_text("3 of 3")
    expect(page).to_have_url(f"{server.url}/?session={session_id}")


def test_ten_thousand_steps_keep_the_page_small(
    server: Headway, tab: Callable[..., Tab], session_id: str
) -> None:
    for first in range(1, 10_001, 400):
        server.post(session_id, *steps(f"{session_id}.1", range(first, first + 400), 10_000))
    page = tab().open(session_id)
    expect(page.locator(".run-time")).to_contain_text("10,000 of 10,000")
    expect(page.locator(".row[aria-current=step] .name")).to_have_text("Step 10000")
    assert page.locator(".row").count() < 100
    page.locator(".steps").evaluate("steps => steps.scrollTop = 0")
    expect(page.locator(".row").first).to_be_visible()
    expect(page.get_by_text("Step 1", exact=True)).to_be_visible()
    server.post(session_id, *steps(f"{session_id}.1", range(9_999, 10_000), 10_000))
    expect(page.get_by_text("Step 1", exact=True)).to_be_visible()  # the reader is left where they are


def test_each_step_is_announced_once_and_what_is_old_is_not(
    server: Headway, tab: Callable[..., Tab], session_id: str
) -> None:
    entries = steps(f"{session_id}.1", range(1, 3), 4, prompt="Spoken")
    server.post(session_id, *entries)
    page = tab().open(session_id)
    expect(page.locator(".run-time")).to_contain_text("2 of 4")
    for percent in range(10):
        server.post(session_id, entries[1] | {"fraction": percent / 10})
    server.post(session_id, *steps(f"{session_id}.1", range(3, 4), 4))
    server.post(session_id, *steps(f"{session_id}.1", range(4, 5), 4, status="completed"))
    log = page.locator("[role=log] p")
    expect(log.last).to_have_text("Completed: message 4")
    assert log.all_text_contents() == ["Step 3 of 4: Step 3", "Step 4 of 4: Step 4", "Completed: message 4"]


def test_entries_without_a_run_are_shown_as_one_run(
    server: Headway, tab: Callable[..., Tab], session_id: str
) -> None:
    waiting = tab()
    page = waiting.open(session_id)
    expect(page.get_by_role("heading", name="Nothing here yet")).to_be_visible()
    waiting.forgive("404")
    server.post(session_id, *steps(None, range(1, 4), 3))
    expect(page.locator(".run-title")).to_have_text("Completed")
    assert page.locator(".row .name").all_text_contents() == ["Step 1", "Step 2", "Step 3"]
    assert page.locator(".run").count() == 1


def test_where_websockets_are_blocked_the_page_polls(
    server: Headway, tab: Callable[..., Tab], session_id: str
) -> None:
    blocked = tab()
    blocked.page.route_web_socket(lambda url: "/ws/" in url, lambda socket: socket.close())
    server.post(session_id, *steps(f"{session_id}.1", range(1, 2), 3, prompt="Behind a proxy"))
    page = blocked.open(session_id)
    expect(page.locator(".link")).to_have_attribute("data-state", "polling")
    expect(page.locator(".banner")).to_contain_text("Live updates are blocked")
    server.post(session_id, *steps(f"{session_id}.1", range(2, 4), 3, status="completed"))
    expect(page.locator(".run-title")).to_have_text("Completed")
    expect(page.get_by_role("button", name="Behind a proxy").first).to_be_visible()  # the list, by its 5 s


# How many animations are on show in an element, and how many of them move.
MOVING = """element => {
  const all = element.getAnimations({subtree: true}).filter(each => each instanceof CSSAnimation)
  return [all.length > 0, all.some(each => each.playState === "running")]
}"""


def test_offline_is_said_and_over_by_itself(
    server: Headway, tab: Callable[..., Tab], session_id: str
) -> None:
    cut = tab()
    server.post(session_id, *steps(f"{session_id}.1", range(1, 2), 3, prompt="In a tunnel"))
    sockets: list[object] = []
    cut.page.route_web_socket(
        lambda url: "/ws/" in url, lambda socket: sockets.append((socket, socket.connect_to_server()))
    )
    page = cut.open(session_id)
    expect(page.locator(".link")).to_have_attribute("data-state", "live")
    run, row = page.locator(".run"), page.locator(".session.selected")
    assert [run.evaluate(MOVING), row.evaluate(MOVING)] == [[True, True]] * 2
    page.context.set_offline(True)
    for socket, _ in sockets:
        socket.close(code=1001)
    page.get_by_label("Prompt").fill("typed while offline")
    expect(page.locator(".banner")).to_contain_text("cannot be reached")
    expect(page.get_by_role("button", name="Send")).to_be_disabled()
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_disabled()
    expect(page.locator(".sessions.offline")).to_be_visible()
    assert [run.evaluate(MOVING), row.evaluate(MOVING)] == [[True, False]] * 2
    expect(row).to_contain_text("Working…")
    server.post(session_id, *steps(f"{session_id}.1", range(2, 3), 3))
    page.context.set_offline(False)
    expect(page.locator(".run-time")).to_contain_text("2 of 3")
    expect(page.locator(".banner")).to_be_hidden()
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_enabled()
    expect(page.get_by_label("Prompt")).to_have_value("typed while offline")
    cut.forgive("ERR_INTERNET_DISCONNECTED")
