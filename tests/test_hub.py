"""The hub: bells that wake readers, from any thread, and carry nothing."""

import asyncio
import threading

import pytest

from headway.hub import Hub


@pytest.fixture
def hub() -> Hub:
    return Hub()


async def rung(bell) -> bool:
    """Tell whether the bell rings when all that was scheduled has run."""
    for _ in range(3):
        await asyncio.sleep(0)
    waiting = asyncio.ensure_future(bell.wait())
    await asyncio.sleep(0)
    done = waiting.done()
    waiting.cancel()
    return done


async def test_of_rings(hub: Hub, listen: str | None, ring: str) -> bool:
    with hub.listen(listen) as bell:
        hub.ring(ring)
        return await rung(bell)


test_of_rings.__test__ = False  # a helper


@pytest.mark.parametrize(
    ("listen", "ring", "heard"), [("a", "a", True), ("a", "b", False), (None, "a", True), ("a", "A", False)]
)
def test_a_bell_rings_for_its_session_and_the_bell_of_none_for_every_one(hub, listen, ring, heard):
    assert asyncio.run(test_of_rings(hub, listen, ring)) is heard


def test_a_ring_from_another_thread_wakes_the_reader(hub):
    async def scenario():
        with hub.listen("a") as bell:
            threading.Thread(target=hub.ring, args=["a"]).start()
            async with asyncio.timeout(10):
                await bell.wait()

    asyncio.run(scenario())


def test_a_ring_before_the_wait_is_kept_and_one_before_the_clear_is_not(hub):
    async def scenario():
        with hub.listen("a") as bell:
            hub.ring("a")
            kept = await rung(bell)
            bell.clear()
            gone = await rung(bell)
            hub.ring("a")
            return kept, gone, await rung(bell)

    assert asyncio.run(scenario()) == (True, False, True)


def test_rings_without_an_answer_are_one_call_into_the_loop(hub):
    async def scenario():
        loop = asyncio.get_running_loop()
        calls = []
        plain = loop.call_soon_threadsafe
        loop.call_soon_threadsafe = lambda *args: (calls.append(args), plain(*args))[1]
        with hub.listen("a"):
            for _ in range(1_000):
                hub.ring("a")
        return len(calls)

    assert asyncio.run(scenario()) == 1


def test_every_listener_of_a_session_has_a_bell_of_its_own(hub):
    async def scenario():
        with hub.listen("a") as one, hub.listen("a") as two:
            hub.ring("a")
            one.clear()
            return await rung(two)

    assert asyncio.run(scenario())


def test_a_session_is_watched_while_somebody_listens_to_it_and_only_to_it(hub):
    async def scenario():
        seen = [hub.watched("a")]
        with hub.listen(None):
            seen.append(hub.watched("a"))
            with hub.listen("a"), hub.listen("a"):
                seen.append(hub.watched("a"))
        return [*seen, hub.watched("a")]

    assert asyncio.run(scenario()) == [False, False, True, False]


def test_a_listener_whose_loop_is_closed_does_not_hinder_the_others(hub):
    async def forget():
        listening = hub.listen("a")
        listening.__enter__()
        return listening  # kept, so that the bell stays

    kept = asyncio.run(forget())

    async def scenario():
        with hub.listen("a") as bell:
            hub.ring("a")
            return await rung(bell)

    assert asyncio.run(scenario())
    kept.__exit__(None, None, None)
    assert not hub.watched("a")


def test_the_bell_of_every_session_tells_whose_rang_and_nothing_else(hub):
    async def scene():
        with hub.listen(None) as bell:
            hub.ring("a", "b")
            hub.ring("a")
            first = bell.clear()
            hub.ring_all()
            return first, bell.clear(), bell.clear()

    assert asyncio.run(scene()) == ({"a", "b"}, {None}, set())


def test_whoever_reads_for_nobody_listens_and_does_not_watch(hub):
    async def scenario():
        seen = []
        with hub.listen("a", watching=False) as bell:
            hub.ring("a")
            seen.append((await rung(bell), hub.watched("a")))
            with hub.listen("a"):
                seen.append(hub.watched("a"))
            seen.append(hub.watched("a"))
        return seen

    assert asyncio.run(scenario()) == [(True, False), True, False]


def test_a_ring_for_all_wakes_everybody_and_says_that_it_may_be_any(hub):
    async def scenario():
        with hub.listen("a") as one, hub.listen("b") as two, hub.listen(None) as every:
            hub.ring_all()
            heard = [await rung(bell) for bell in (one, two, every)]
            return heard, [bell.clear() for bell in (one, two, every)]

    assert asyncio.run(scenario()) == ([True] * 3, [{None}] * 3)


def test_a_bell_tells_whose_rings_it_had_since_it_was_cleared(hub):
    async def scenario():
        with hub.listen(None) as every, hub.listen("a") as one:
            told = [every.clear()]
            hub.ring("a", "b")
            hub.ring("b")
            told += [every.clear(), every.clear(), one.clear()]
            hub.ring("c")
            return [*told, every.clear(), one.clear()]

    assert asyncio.run(scenario()) == [set(), {"a", "b"}, set(), {"a"}, {"c"}, set()]


def test_those_who_leave_leave_nothing_behind(hub):
    async def scenario():
        for n in range(3):
            with hub.listen(f"s{n}"), hub.listen(None):
                hub.ring("s0", "s1", "s2")
            with pytest.raises(ZeroDivisionError), hub.listen(f"s{n}", watching=False):
                1 / 0  # noqa: B018

    asyncio.run(scenario())
    assert (dict(hub._bells), dict(hub._watching)) == ({}, {})
