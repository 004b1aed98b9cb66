"""A judge behind a real HTTP server."""

from collections.abc import Callable
from typing import Any

import pytest

from redraft.graders.judge import judge, read
from redraft.graders.oracle import oracle
from redraft.llm.client.client import Client
from redraft.llm.limits import Budget
from redraft.llm.model import ModelError
from redraft.llm.providers.route import route
from redraft.store.problems import Keyring, Kind
from redraft.store.trajectory import Grade, Stop, Trajectory, Verdict

RUBRIC = "It rhymes."
GOOD = '{"reason": "Day and way.", "score": 0.75, "verdict": "right"}'


@pytest.fixture
def essay(solved: Callable[..., Trajectory]) -> Callable[..., Trajectory]:
    def make(answer: str | None, sample: int = 0, **facts: Any) -> Trajectory:
        return solved(answer, sample, kind=Kind.RUBRIC, **facts)

    return make


async def test_a_draft_is_judged_by_the_rubric_and_its_reading_is_remembered(
    openai_server: Any, essay: Callable[..., Trajectory]
) -> None:
    openai_server.write = lambda messages, seed, index: GOOD
    client, keys = Client(route("tiny", openai_server.url)), Keyring({"p1": RUBRIC})
    grades = await judge(client, keys)([essay("Day,\nway.")])
    assert grades == [
        Grade("judge", "u1:0", 1, 0.75, Verdict.RIGHT, reason="Day and way.", grader_model=client.model.name)
    ]
    assert keys.was_opened("u1")
    [asked] = [request for request in openai_server.requests if "rubric" in request["messages"][0]["content"]]
    shown = asked["messages"][0]["content"]
    assert "How many?" in shown
    assert "<<<\nDay,\nway.\n>>>" in shown
    assert RUBRIC in shown
    assert asked["temperature"] == 0
    await client.close()


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("It is fine.", "the judge's reply holds no score from 0 to 1 with a verdict"),
        (
            '{"reason": "", "score": 7, "verdict": "right"}',
            "the judge's reply holds no score from 0 to 1 with a verdict",
        ),
    ],
)
async def test_a_reply_that_cannot_be_read_is_no_score(
    openai_server: Any, essay: Callable[..., Trajectory], reply: str, reason: str
) -> None:
    openai_server.structured = "ignore"
    openai_server.write = lambda messages, seed, index: reply
    client = Client(route("tiny", openai_server.url))
    [grade] = await judge(client, Keyring({"p1": RUBRIC}))([essay("So.")])
    assert (grade.value, grade.verdict, grade.reason) == (None, Verdict.UNDECIDED, reason)
    await client.close()


async def test_a_failure_is_never_a_score_and_what_needs_no_judge_costs_no_call(
    openai_server: Any, essay: Callable[..., Trajectory]
) -> None:
    client = Client(route("tiny", openai_server.url), run_budget=Budget(calls=1))
    known, unknown = judge(client, Keyring({"p1": RUBRIC})), judge(client, Keyring())
    failed = await known([essay("So.", stop=Stop.FAILED)])
    assert [(grade.value, grade.reason) for grade in failed] == [(None, "the trajectory failed: no reason was given")]
    [missing], [keyless] = await known([essay(None)]), await unknown([essay("So.")])
    assert (missing.value, missing.verdict, missing.reason) == (0.0, Verdict.WRONG, "no answer")
    assert (keyless.value, keyless.reason) == (None, "the rubric of this problem is not known")
    assert openai_server.requests == []
    openai_server.write = lambda messages, seed, index: GOOD
    first, second = [await known([essay("So.", sample)]) for sample in range(2)]
    assert first[0].value == 0.75
    assert second[0].value is None
    assert "the judge gave no answer: " in (second[0].reason or "")
    await client.close()


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (GOOD, (0.75, Verdict.RIGHT, "Day and way.")),
        (f"```json\n{GOOD}\n```", (0.75, Verdict.RIGHT, "Day and way.")),
        (f'First {{"score": 0}}, then {GOOD} And that is it {{.', (0.75, Verdict.RIGHT, "Day and way.")),
        ('{"score": 0, "verdict": "wrong"}', (0.0, Verdict.WRONG, "")),
        ('{"score": true, "verdict": "right"}', None),
        ('{"score": NaN, "verdict": "right"}', None),
        ('{"score": 0.5, "verdict": "perhaps"}', None),
        ("", None),
    ],
)
def test_a_judgement_is_read_wherever_it_stands(reply: str, said: tuple[float, Verdict, str] | None) -> None:
    assert read(reply) == said


async def test_the_oracle_repeats_the_judge_and_asks_where_there_was_none(
    openai_server: Any, essay: Callable[..., Trajectory]
) -> None:
    openai_server.write = lambda messages, seed, index: GOOD
    client, keys = Client(route("tiny", openai_server.url)), Keyring({"p1": RUBRIC})
    said = Grade("judge", "u1:0", 1, 0.25, Verdict.WRONG, reason="No rhyme.")
    judged = Trajectory(**{**_fields(essay("So.")), "grades": (said,)})
    measure = oracle(keys, client=client)
    assert await measure([judged]) == [Grade("oracle", "u1:0", 1, 0.0, Verdict.WRONG, reason="No rhyme.")]
    assert openai_server.requests == []
    assert await measure([essay("So.")]) == [Grade("oracle", "u1:0", 1, 1.0, Verdict.RIGHT, reason="Day and way.")]
    [alone] = await oracle(keys)([essay("So.")])
    assert (alone.value, alone.verdict) == (None, Verdict.UNDECIDED)
    await client.close()


async def test_a_fatal_error_of_the_judge_is_raised(openai_server: Any, essay: Callable[..., Trajectory]) -> None:
    openai_server.key = "another"
    client = Client(route("tiny", openai_server.url))
    with pytest.raises(ModelError):
        await judge(client, Keyring({"p1": RUBRIC}))([essay("So.")])
    await client.close()


def _fields(trajectory: Trajectory) -> dict[str, Any]:
    return {name: getattr(trajectory, name) for name in Trajectory.__struct_fields__}
