"""Request types: which one a prompt means, how they are told on the wire, and types that users register."""

import asyncio
import threading

import pytest

import headway
from headway.artifacts import Artifacts
from headway.logger import ProgressLogger
from headway.requests import REQUESTS, describe, recognise
from headway.runs import Runs

PLANS = {
    "chart": [
        "Scanning databases",
        "Analyzing data",
        "Fetching relevant data",
        "Generating visualization",
        "Preparing response",
    ],
    "file": [
        "Scanning databases",
        "Fetching relevant data",
        "Processing data",
        "Generating file",
        "Preparing download",
    ],
    "text": [
        "Scanning databases",
        "Analyzing patterns",
        "Fetching insights",
        "Generating analysis",
        "Preparing response",
    ],
}


async def last_entry(folder, prompt):
    logger = ProgressLogger("memory:")
    runs = Runs(logger, Artifacts(folder))
    await runs.start("s", prompt)
    async for entry in logger.tail("s"):
        if entry.terminal:
            await runs.close()
            logger.close()
            return entry


@pytest.mark.parametrize(
    ("prompt", "kind"),
    [
        ("Monthly revenue by region as a line chart", "chart"),
        ("How did revenue develop?", "chart"),
        ("Orders per month in 2023", "chart"),
        ("How many orders per month?", "chart"),
        ("Top 10 products by revenue", "chart"),
        ("Average order value by channel", "chart"),
        ("revenue", "chart"),
        ("Export orders of 2023 to Excel", "file"),
        ("Revenue by category in 2024 as parquet", "file"),
        ("save the line chart data as csv", "file"),
        ("What stands out in returns?", "text"),
        ("How many customers are there?", "text"),
        ("Which region has the highest revenue?", "text"),
        ("Why did revenue change in 2024?", "text"),
        ("What changed in March?", "text"),
        ("What changed by region in Q2 2024?", "text"),
        ("What changed in March as a chart", "chart"),
        ("Analyse orders by channel", "text"),
    ],
)
def test_the_type_is_recognised_from_the_prompt(prompt, kind):
    assert recognise(prompt) == kind


def test_the_types_are_described_for_the_wire():
    told = {row["type"]: [step["name"] for step in row["plan"]] for row in describe()}
    assert {name: told[name] for name in PLANS} == PLANS
    for row in describe():
        assert all(step["weight"] > 0 for step in row["plan"])


def test_other_examples_take_the_place_of_a_types_own():
    told = {row["type"]: row["examples"] for row in describe({"chart": ("Members by city",)})}
    assert told == {name: list(request.examples) for name, request in REQUESTS.items()} | {
        "chart": ["Members by city"]
    }


@pytest.fixture
def registered():
    before = dict(REQUESTS)
    yield REQUESTS
    REQUESTS.clear()
    REQUESTS.update(before)


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_request_type_of_ones_own_runs_like_ours(tmp_path, registered, asynchronous):
    threads = []

    if asynchronous:

        @headway.request_type("forecast", steps=["Think", ("Tell", 2.0)], words=["predict"])
        async def forecast(prompt, run):
            run.step("Think", prompt)
            await asyncio.sleep(0)
            run.finish("Sunny")
            threads.append(threading.current_thread().name)

    else:

        @headway.request_type("forecast", steps=["Think", ("Tell", 2.0)], words=["predict"])
        def forecast(prompt, run):
            run.step("Think", prompt)
            run.finish("Sunny")
            threads.append(threading.current_thread().name)

    assert recognise("predict revenue by month") == recognise("a forecast chart") == "forecast"
    entry = asyncio.run(last_entry(tmp_path, "predict revenue"))
    assert (entry.status, entry.message, entry.total_steps) == ("completed", "Sunny", 2)
    assert threads[0].startswith("headway-run")


def test_a_name_that_is_taken_is_refused(registered):
    with pytest.raises(
        ValueError, match="the request type 'chart' is there already; known: chart, file, text"
    ):
        headway.request_type("chart", steps=["A"])(lambda prompt, run: None)
    with pytest.raises(ValueError, match="has no steps"):
        headway.request_type("other", steps=[])(lambda prompt, run: None)
    assert set(registered) == {"chart", "file", "text"}
