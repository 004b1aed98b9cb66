"""A writer's own reviews in the store and in what is exported."""

import json
from collections.abc import Callable
from pathlib import Path

from redraft.flows.export import export
from redraft.flows.generate import generate
from redraft.llm.model import Request
from redraft.llm.prompts.templates import IMPROVE, REVIEW
from redraft.llm.scripted import Scripted
from redraft.store import Problem, Store

DRAFTS = [f"I add.\n\nThe answer is \\boxed{{{total}}}" for total in (3, 4, 2)]
REVIEWS = ["One was added twice.", "Worse: 1 + 1 is not 4."]


def writes(request: Request, index: int) -> str:
    texts = [message.content for message in request.messages]
    if texts[-1] == REVIEW:
        return REVIEWS[sum(text in REVIEWS for text in texts)]
    return DRAFTS[sum(text in DRAFTS for text in texts)]


async def test_a_review_is_stored_and_exported_as_the_writers_own_message(
    tmp_path: Path, sums: Callable[..., list[Problem]]
) -> None:
    store = Store(tmp_path / "redraft.duckdb")
    arguments = {"feedback": "none", "feedback.style": "huang", "turns": 3}
    await generate(sums(1), db=store, model=Scripted(writes), samples=1, arguments=arguments)
    said = store.query('SELECT turn, "by", text FROM steps WHERE "by" <> \'model\' ORDER BY turn').rows
    assert said == [(2, "review", REVIEWS[0]), (3, "review", REVIEWS[1])]
    assert store.query("SELECT purpose, count(*) FROM calls GROUP BY ALL ORDER BY ALL").rows == [
        ("feedback", 2), ("propose", 1), ("revise", 2),
    ]  # fmt: skip
    await export(tmp_path / "rows.jsonl", db=store, format="messages", filters=[])
    [row] = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert [message["content"] for message in row["messages"]] == [
        "What is 1 + 1?", DRAFTS[0], REVIEW, REVIEWS[0], IMPROVE, DRAFTS[1], REVIEW, REVIEWS[1], IMPROVE, DRAFTS[2],
    ]  # fmt: skip
    assert [message["role"] for message in row["messages"]] == ["user", "assistant"] * 5
