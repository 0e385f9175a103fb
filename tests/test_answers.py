"""Answers: each caller gets its own, a loop gets those of one commit in one call, and the gone get none."""

import asyncio
import threading
from concurrent.futures import Future

import pytest

from headway.answers import answer, wanted
from headway.errors import StoreError

SECONDS = 10


def in_a_thread(answers) -> None:
    """Answer as the recorder does: from a thread that has no event loop."""
    thread = threading.Thread(target=answer, args=(answers,))
    thread.start()
    thread.join(SECONDS)


def test_each_gets_its_own_outcome_in_a_thread_and_in_a_loop():
    error = StoreError("no")
    threads = [Future(), Future()]

    async def scenario():
        loops = [asyncio.get_running_loop().create_future() for _ in range(2)]
        in_a_thread([(loops[0], 1), (threads[0], 2), (None, 3), (threads[1], error), (loops[1], error)])
        return await asyncio.gather(*loops, return_exceptions=True)

    assert asyncio.run(scenario()) == [1, error]
    assert (threads[0].result(0), threads[1].exception(0)) == (2, error)


def test_the_answers_of_one_commit_reach_each_loop_in_one_call():
    def calls_of(loop: asyncio.AbstractEventLoop, calls: list) -> None:
        plain = loop.call_soon_threadsafe
        loop.call_soon_threadsafe = lambda *args: (calls.append(loop), plain(*args))[1]

    calls: list[asyncio.AbstractEventLoop] = []
    loops = [asyncio.new_event_loop() for _ in range(2)]
    for loop in loops:
        calls_of(loop, calls)
    waiting = [loops[n % 2].create_future() for n in range(1_000)]
    in_a_thread([(future, n) for n, future in enumerate(waiting)])
    assert calls == loops
    for loop in loops:
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
    assert [future.result() for future in waiting] == list(range(1_000))


@pytest.mark.parametrize("outcome", [1, StoreError("no")])
def test_who_gave_up_meanwhile_gets_nothing_and_the_others_get_theirs(outcome):
    async def scenario():
        complaints = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda loop, context: complaints.append(context))
        gone, there = loop.create_future(), loop.create_future()
        in_a_thread([(gone, outcome), (there, "there")])
        gone.cancel()  # after the answer has left, before it is there
        return await there, gone.cancelled(), complaints

    assert asyncio.run(scenario()) == ("there", True, [])


def test_a_loop_that_is_closed_hinders_no_other():
    closed = asyncio.new_event_loop()
    gone = closed.create_future()
    closed.close()
    waiting = Future()

    async def scenario():
        there = asyncio.get_running_loop().create_future()
        in_a_thread([(gone, 1), (there, 2), (waiting, 3)])
        return await there

    assert (asyncio.run(scenario()), waiting.result(0), gone.done()) == (2, 3, False)


def test_work_is_wanted_until_its_caller_gives_up_and_begun_work_is_not_given_up():
    begun, given_up = Future(), Future()
    given_up.cancel()
    assert (wanted(begun), wanted(given_up), wanted(None)) == (True, False, True)
    assert not begun.cancel()

    async def scenario():
        waiting, gone = (asyncio.get_running_loop().create_future() for _ in range(2))
        gone.cancel()
        return wanted(waiting), wanted(gone)

    assert asyncio.run(scenario()) == (True, False)
