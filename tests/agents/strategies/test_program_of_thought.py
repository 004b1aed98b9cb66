"""Programs of thought: what is computed is the answer, and what can't run says why."""

from typing import Any

import pytest

from redraft.agents import build
from redraft.graders.programs.program_runner import apart, computed, spelled
from redraft.llm.client.client import Client
from redraft.llm.model import Choice, Finish, ModelError, Request
from redraft.llm.scripted import Scripted
from redraft.store.errors import PartError
from redraft.store.trajectory import Stop, Trajectory
from world import QUESTION


def fenced(code: str) -> str:
    return f"We compute it.\n\n```python\n{code}\n```\n"


@pytest.mark.parametrize(
    ("code", "answer", "said"),
    [
        ("boxes = 3\nans = boxes * 4", "12", "It computes 12."),
        ("def solution():\n    return 7 / 2", "3.5", "It computes 3.5."),
        ("ans = 0.1 + 0.2", "0.3", "It computes 0.3."),
        ("ans = 49 ** 0.5 + 1e-9", "7", "It computes 7."),
        ("2 + 3", "5", "It computes 5."),
        ("print('so')\nprint(6 * 7)", "42", "It computes 42."),
        ("ans = [1, 2.0]", "1, 2", "It computes 1, 2."),
        ("x = 1", None, "It computes nothing."),
        ("ans = {'a': 1}", None, "What it computes is no answer: {'a': 1}"),
        ("ans = float('nan')", None, "What it computes is no answer: nan"),
        ("ans = 1 / 0", None, "ZeroDivisionError: division by zero"),
        ("ans = (", None, None),
        ("ans = input()", None, "The sandbox lacks the name 'input'."),
        ("import heapq\nans = 1", None, "The sandbox lacks the module 'heapq'."),
        ("while True:\n    pass\nans = 1", None, None),
        ("ans = open('/etc/passwd').read()", None, None),
    ],
)
async def test_what_a_program_computes_is_the_answer_or_there_is_a_reason(
    code: str, answer: str | None, said: str | None
) -> None:
    got, reason = await computed(fenced(code), 0.3)
    assert got == answer
    assert reason == said or (said is None and "Error" in reason)


async def test_a_text_without_a_program_says_so() -> None:
    assert await computed(" ", 0.3) == (None, "There is no program in it.")
    assert (await computed("The answer is 4.", 0.3))[0] is None


@pytest.mark.parametrize(
    ("value", "answer"),
    [
        (True, "True"), (10**30, "1" + "0" * 30), (1e-9, "1e-09"), (5.5e-17, "0"), (2.9999999, "3"), (" a ", "a"),
        ([], None), ([3.0], "3"), ([1, None], None), (None, None), ("", None), (float("inf"), None),
    ],
)  # fmt: skip
def test_values_are_spelled_as_answers(value: Any, answer: str | None) -> None:
    assert spelled(value) == answer


def test_the_program_is_a_piece_of_its_own() -> None:
    text = "First.\n\n```python\nans = 1\n```\nDone.\n"
    assert apart(text) == ["First.\n\n", "```python\nans = 1\n```", "\nDone.\n"]
    assert apart("```\nans = 1\n```\n") == ["```\nans = 1\n```\n"]
    assert apart("ans = 1") == ["ans = 1"]
    assert "".join(apart("a\n```sh\nls\n```\n\n```py\n1\n```\n b")) == "a\n```sh\nls\n```\n\n```py\n1\n```\n b"


def client(*replies: str | ModelError | Choice) -> Client:
    def script(request: Request, index: int) -> str | Choice:
        asked = request.messages[-1].content
        if "variable named ans" not in asked:
            return "Six and six, so \\boxed{12}"
        reply = replies[index]
        if isinstance(reply, ModelError):
            raise reply
        return reply

    return Client(Scripted(script))


async def solve(model: Client, **arguments: Any) -> list[Trajectory]:
    return await build("program_of_thought", model, **{"limit_s": 0.5, **arguments})(QUESTION)


async def test_programs_vote_with_what_they_compute() -> None:
    cut = Choice("```python\nans = 99", Finish.LENGTH, 5)
    model = client(fenced("ans = 5"), fenced("ans = 3 * 4"), fenced("ans = 1 / 0"), fenced("ans = 24 / 2"), cut)
    trajectories = await solve(model, samples=5)
    told = {t.sample: (t.answer, t.stop, t.score, t.reason, t.chosen) for t in trajectories}
    assert told == {
        0: ("5", Stop.ANSWERED, 0.2, None, False),
        1: ("12", Stop.ANSWERED, 0.4, None, True),
        2: (None, Stop.ANSWERED, None, "ZeroDivisionError: division by zero", False),
        3: ("12", Stop.ANSWERED, 0.4, None, False),
        4: (None, Stop.LENGTH, None, "It was cut off before its program had ended.", False),
    }
    [first] = [trajectory for trajectory in trajectories if trajectory.sample == 1]
    assert [step.text for step in first.steps] == ["We compute it.\n\n", "```python\nans = 3 * 4\n```\n"]
    [ran] = first.grades
    assert (ran.grader, ran.value, ran.reason, ran.step_id) == ("sandbox", None, "It computes 12.", "u/1.0")


async def test_words_stand_in_for_programs_that_fail_if_asked_for() -> None:
    replies = fenced("ans = 1 / 0"), fenced("ans = 5"), fenced("oh")
    trajectories = await solve(client(*replies), samples=3, fallback=True)
    assert {t.sample: t.answer for t in trajectories} == {0: None, 1: "5", 2: None, 3: "12", 4: "12"}
    assert [(trajectory.answer, trajectory.sample) for trajectory in trajectories if trajectory.chosen] == [("12", 3)]
    plain = await solve(client(*replies), samples=3)
    assert [(trajectory.answer, trajectory.sample) for trajectory in plain if trajectory.chosen] == [("5", 1)]


async def test_a_failed_call_is_no_answer() -> None:
    trajectories = await solve(client(ModelError("The line is dead.")), fallback=True)
    assert [(t.stop, t.reason, t.answer, t.grades) for t in trajectories] == [
        (Stop.FAILED, "The line is dead.", None, ())
    ]


async def test_no_samples_are_too_few() -> None:
    with pytest.raises(PartError, match="samples=0 is too few"):
        await solve(client(), samples=0)
