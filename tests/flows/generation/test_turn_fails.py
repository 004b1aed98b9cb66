"""A turn that fails ends its trajectory with the reason; the draft that was there stays, and is mended from there."""

from pathlib import Path
from typing import Any

import pytest

from openai_protocol.prompts import BadRequest
from redraft.flows.generate import generate
from redraft.flows.summary.summary import Summary
from redraft.llm.limits import Limits
from redraft.store import Problem, Store

KEYS = {f"What is {i} + {i}?": str(2 * i) for i in (1, 2, 3)}
SAMPLES = 2


class Writer:
    """Adds, wrongly in the first sample. It reads `most` messages, and refuses any more with HTTP status 400 where they
    are `about` something."""

    def __init__(self, most: int, about: str = "") -> None:
        self.most, self.about = most, about

    def __call__(self, messages: list[dict[str, Any]], seed: int, index: int) -> str:
        if len(messages) > self.most and self.about in messages[0]["content"]:
            raise BadRequest(f"At most {self.most} messages are read.")
        key = next(key for question, key in KEYS.items() if question in messages[0]["content"])
        return f"I add.\n\nThe answer is \\boxed{{{int(key) + (index == 0)}}}"


@pytest.mark.parametrize("pick", ["last", "best", "majority"])
async def test_a_draft_outlives_the_failure_of_its_redraft(openai_server: Any, tmp_path: Path, pick: str) -> None:
    """Both drafts of each problem are in the tables, graded, and one of them is picked, though no redraft is read."""
    openai_server.write = Writer(most=2)
    done = await _run(openai_server, tmp_path, pick)
    assert (done.problems, done.failed) == (3, 3 * SAMPLES)
    with Store(tmp_path / "redraft.duckdb") as store:
        ended = "SELECT DISTINCT role, stop, reason LIKE '%At most 2 messages are read.%' FROM trajectories"
        assert store.query(f"{ended} WHERE role = 'sample'").rows == [("sample", "failed", True)]
        drafts = store.query(DRAFTS).rows
        assert drafts == [(question, sample, str(int(key) + 1 - sample), sample == 1)
                          for question, key in KEYS.items() for sample in range(SAMPLES)]  # fmt: skip
        assert store.query(UNGRADED).rows == [(0,)]
        chosen = store.query("SELECT role, turns, stop, text FROM trajectories WHERE chosen ORDER BY ALL").rows
        assert [(role, turns, stop) for role, turns, stop, _ in chosen] == [("search", 1, "answered")] * 3
        assert all(text.startswith("I add.") for *_, text in chosen)


async def test_a_first_draft_counts_as_a_sample_whatever_failed_after_it(openai_server: Any, tmp_path: Path) -> None:
    """It is in pass@k, as are the first drafts of others; what turns change is measured over whole trajectories."""
    openai_server.write = Writer(most=2, about="What is 1 + 1?")
    done = await _run(openai_server, tmp_path, "last")
    assert (done.failed, done.graded_problems, done.right_to_wrong) == (SAMPLES, 2, 2)
    assert done.first is not None
    assert done.last is not None
    assert done.gain is not None
    assert (done.first.estimate, done.last.estimate, done.gain.estimate) == (0.5, 0.0, -0.5)
    assert (done.pass_at_1, done.pass_at_k) == (0.5, 1.0)
    with Store(tmp_path / "redraft.duckdb") as store:
        passed = store.query("SELECT draft, k, pass_at_k, problems, samples FROM pass_at_k ORDER BY ALL").rows
        assert passed == [
            ("first", 1, 0.5, 3, 6),
            ("first", 2, 1.0, 3, 6),
            ("last", 1, 0.0, 2, 4),
            ("last", 2, 0.0, 2, 4),
        ]
        turned = store.query("SELECT turn, trajectories, accuracy, right_to_wrong FROM corrections ORDER BY turn").rows
        assert turned == [(1, 4, 0.5, 0), (2, 4, 0.0, 2), (3, 4, 0.0, 0)]


async def test_the_same_command_mends_the_failed_turn_alone(openai_server: Any, tmp_path: Path) -> None:
    openai_server.write = Writer(most=2)
    await _run(openai_server, tmp_path, "last")
    asked = _sent(openai_server)
    assert {len(messages) for messages in asked} == {1, 3}
    with Store(tmp_path / "redraft.duckdb") as store:
        before = store.query(DRAFTS).rows
    openai_server.write = Writer(most=99)
    mended = await _run(openai_server, tmp_path, "last")
    assert (mended.problems, mended.failed) == (3, 0)
    again = _sent(openai_server)[len(asked) :]
    assert sorted(len(messages) for messages in again) == [3] * 3 * SAMPLES + [5] * 3 * SAMPLES
    with Store(tmp_path / "redraft.duckdb") as store:
        assert store.query(DRAFTS).rows == before
        ended = store.query("SELECT role, stop, turns, reason, count(*) FROM trajectories GROUP BY ALL").rows
        assert ended == [("sample", "answered", 3, "The limit of turns=3 is reached.", 3 * SAMPLES)]
    assert (await _run(openai_server, tmp_path, "last")).failed == 0
    assert len(_sent(openai_server)) == len(asked) + len(again)


async def _run(server: Any, folder: Path, pick: str) -> Summary:
    problems = [Problem(question, answer, source="sums") for question, answer in KEYS.items()]
    arguments = {"feedback": "fixed", "turns": 3, "pick": pick}
    return await generate(
        problems, db=folder / "redraft.duckdb", model="tiny", api_base=server.url, grader="likelihood",
        arguments=arguments, samples=SAMPLES, limits=Limits(wait_s=0.01, tries=2),
    )  # fmt: skip


def _sent(server: Any) -> list[list[Any]]:
    """The messages of each call about a question, in order."""
    return [body["messages"] for body in server.requests if "What is" in str(body["messages"])]


DRAFTS = """
SELECT p.question, t.sample, d.answer, d.correct FROM turns d JOIN trajectories t USING (trajectory_id)
JOIN problems p USING (problem_id) WHERE d.turn = 1 AND t.role = 'sample' ORDER BY ALL"""
UNGRADED = """
SELECT count(*) FROM turns d JOIN trajectories t USING (trajectory_id), (VALUES ('oracle'), ('likelihood')) g(name)
WHERE d.turn = 1 AND NOT EXISTS (SELECT 1 FROM grades WHERE trajectory_id = d.trajectory_id AND turn = 1
                                 AND step_id IS NULL AND grader = g.name AND (verdict IS NOT NULL OR value IS NOT NULL))
"""
