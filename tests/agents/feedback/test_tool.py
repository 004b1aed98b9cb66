"""Feedback that tries what a draft says: equations are recomputed, programs are run."""

from typing import Any

import pytest

from redraft.agents import build
from redraft.agents.feedback import tests as by_tests
from redraft.agents.feedback.feedback import Remark
from redraft.agents.feedback.tool import tool
from redraft.llm.client.client import Client
from redraft.llm.model import ModelError, Request
from redraft.llm.prompts.program_templates import PROGRAM_FAILS, REFLECT, SOLVE_CODE, TRY_AGAIN, WRITE_TESTS
from redraft.llm.prompts.templates import fill
from redraft.llm.providers.route import route
from redraft.llm.scripted import Scripted
from redraft.store.errors import PartError
from redraft.store.problems import Keyring, Kind, Question
from redraft.store.trajectory import Stop, Trajectory

SUMS = Question("p", "How much?", unit="u")
CODE = Question("p", "Write add.", Kind.CODE, "u", tests=("assert add(1, 2) == 3", "assert add(2, 2) == 4"))
HIDDEN = "assert add(1, 2) == 3\nassert add(0, 0) == 0\nassert add(-5, 5) == 0"
GOOD = "def add(a, b):\n    return a + b"
BAD = "def add(a, b):\n    return a * b + 1"
REPORT = "assert add(2, 2) == 4: AssertionError: it is 5"


def drafted(question: Question, *steps: str, answer: str | None = None) -> Trajectory:
    trajectory = Trajectory(question)
    for step in steps:
        trajectory = trajectory.grow(step, 0)
    return Trajectory(question, trajectory.steps, stop=Stop.ANSWERED, answer=answer)


async def test_the_first_equation_that_does_not_hold_is_named() -> None:
    good = drafted(SUMS, "2*3=6\n\n", "6+1=7")
    bad = drafted(SUMS, "2*3=6\n5-1=4\n\n", "Then 6+1=7 and\n7*7=48\n\n", "1+1=3")
    said = "Line 4 does not hold: 7*7=48. Solve the problem again."
    assert await tool()([good, bad]) == [None, Remark(said, "tool")]
    assert await tool(keep=True)([bad]) == [Remark(said, "tool", keep=1)]
    assert await tool(keep=True)([drafted(SUMS, "1+1=3")]) == [
        Remark("Line 1 does not hold: 1+1=3. Solve the problem again.", "tool")
    ]


async def test_a_program_is_run_on_the_tests_that_its_question_shows() -> None:
    trajectories = [drafted(CODE, code or "?", answer=code) for code in (GOOD, BAD, "1 / 0", "import heapq", None)]
    assert await tool()(trajectories) == [
        None,
        Remark(fill(PROGRAM_FAILS, report=REPORT), "tool"),
        Remark(fill(PROGRAM_FAILS, report="ZeroDivisionError: division by zero"), "tool"),
        None,
        Remark(fill(PROGRAM_FAILS, report="There is no program in it."), "tool"),
    ]


async def test_reflexion_tells_the_writer_what_failed_and_what_it_said_of_it(openai_server: Any) -> None:
    """Over HTTP: draft, reflection, redraft; the visible tests decide when it ends, and no hidden one is ever sent."""

    def write(messages: list[dict[str, Any]], seed: int, index: int) -> str:
        last = messages[-1]["content"]
        if "Write no program yet" in last:
            return "I multiply where I should add."
        return f"So:\n\n```python\n{GOOD if 'I multiply' in last else BAD}\n```"

    openai_server.write = write
    client, keys = Client(route("tiny", openai_server.url)), Keyring({"p": HIDDEN})
    agent = build("correct", client, keys=keys, feedback="tests", samples=1, turns=3)
    [trajectory] = await agent(CODE)
    assert (trajectory.answers, trajectory.answer) == ((BAD,), GOOD)
    told = trajectory.feedback(2)
    assert told is not None
    assert (told.by, told.text) == (
        "tests",
        fill(TRY_AGAIN, report=REPORT, reflection="I multiply where I should add."),
    )
    assert not keys.was_opened("u")
    sent = [[m["content"] for m in request["messages"]] for request in openai_server.requests]
    ask, draft = fill(SOLVE_CODE, question="Write add."), f"So:\n\n```python\n{BAD}\n```"
    assert [ask, draft, fill(REFLECT, report=REPORT)] in sent
    assert [ask, draft, told.text] in sent
    assert "add(-5, 5)" not in str(sent)
    await client.close()


async def test_without_reflection_the_failed_tests_alone_are_told() -> None:
    client = Client(Scripted(lambda request, index: "never asked"))
    remark = by_tests.tests(client, reflect=False)
    assert await remark([drafted(CODE, BAD, answer=BAD), drafted(CODE, GOOD, answer=GOOD)]) == [
        Remark(fill(PROGRAM_FAILS, report=REPORT), "tests"),
        None,
    ]
    assert await remark([]) == []


async def test_where_no_tests_are_shown_the_model_writes_some_once() -> None:
    def script(request: Request, index: int) -> str:
        return "Here:\n```python\nimport os\nassert add(2, 2) == 4\nassert add(1, 1) == 2\n```"

    model = Scripted(script)
    bare = Question("p", "Write add.", Kind.CODE, "u")
    remark = by_tests.tests(Client(model), reflect=False)
    said = await remark([drafted(bare, code, answer=code) for code in (BAD, GOOD)])
    assert said == [Remark(fill(PROGRAM_FAILS, report=REPORT), "tests"), None]
    [request] = model.requests
    assert [message.content for message in request.messages] == [fill(WRITE_TESTS, question="Write add.")]


async def test_a_model_that_writes_no_tests_is_no_verdict() -> None:
    bare = Question("p", "Write add.", Kind.CODE, "u")
    remark = by_tests.tests(Client(Scripted(lambda request, index: "I can't.")))
    with pytest.raises(ModelError, match="was asked for tests and wrote none"):
        await remark([drafted(bare, BAD, answer=BAD)])


async def test_tests_are_for_programs() -> None:
    remark = by_tests.tests(Client(Scripted(lambda request, index: "?")))
    with pytest.raises(PartError, match="this problem is of kind math"):
        await remark([drafted(SUMS, "1+1=2")])
