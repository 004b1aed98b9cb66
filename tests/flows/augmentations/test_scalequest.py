"""ScaleQuest's parts: questions out of nothing, rewrites as pairs of questions, the strategy's pick."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from redraft.flows.augment import augment
from redraft.flows.augmentation.replies import read_verdict
from redraft.flows.export import export
from redraft.flows.filter import filter
from redraft.flows.generate import generate
from redraft.llm.model import Message, ModelError, Request, UnsupportedRequest
from redraft.llm.prompts.prompts import Prompts
from redraft.llm.providers.openai_server.model import ServerModel
from redraft.llm.providers.via_litellm.route import litellm_model
from redraft.llm.scripted import Scripted
from redraft.store import Problem, Store

SEEDS = [Problem("Seed one?", "1", source="seeds", split="train"), Problem("Seed two?", "2", split="train")]
TEMPLATE = (
    "<s>{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
BARE = "<s><|user|>"
DRAWN = ("What is 2 + 3?", "Combien font 2 et 3, cher ami é?", "I like cats.", "What is the age of the captain?")


def write(messages: Sequence[Mapping[str, Any]], seed: int, sample: int) -> str:
    """A raw prompt comes as one message: the bare beginning, the judge's question, or a problem."""
    text = str(messages[-1]["content"])
    if text == BARE:
        return DRAWN[sample % len(DRAWN)]
    if "yes or no" in text:
        return "Is it yes? The captain has no age here: no" if "captain" in text else "Everything is there. Yes."
    return "2 + 3 = 5\n\\boxed{5}"


async def written(openai_server: Any, store: Store, **arguments: Any) -> list[tuple[Any, ...]]:
    openai_server.write = write
    named = {f"question_writer.{name}": value for name, value in arguments.items()}
    await augment(
        SEEDS[:1], db=store, model="writer", api_base=openai_server.url, methods=["question_writer"], samples=2,
        arguments=named, prompts=Prompts(chat_template=TEMPLATE),
    )  # fmt: skip
    return store.query("SELECT question, answer, accepted, refused FROM rewrites ORDER BY number").rows


async def test_questions_come_from_the_bare_beginning_of_a_users_message(openai_server: Any, tmp_path: Path) -> None:
    store = Store(tmp_path / "redraft.duckdb")
    assert await written(openai_server, store, questions=5) == [
        ("What is 2 + 3?", "5", True, None),
        (DRAWN[1], None, False, "another language: it has characters that are not ASCII"),
        (DRAWN[2], None, False, "the reply asks nothing"),
        (DRAWN[3], None, False, "unsolvable: Is it yes? The captain has no age here: no"),
        ("What is 2 + 3?", None, False, "repeats another rewrite"),
    ]
    [asked] = [request for request in openai_server.requests if request["prompt"] == BARE]
    assert asked["n"] == 5
    made = "SELECT question, answer, parent_id, augmentation, split FROM problems WHERE augmentation IS NOT NULL"
    assert store.query(made).rows == [("What is 2 + 3?", "5", None, "question_writer", "train")]


async def test_the_share_that_fails_is_stored_and_chooses_questions(openai_server: Any, tmp_path: Path) -> None:
    """ScaleQuest's label of difficulty: the share of samples that miss the answer."""

    def varied(messages: Sequence[Mapping[str, Any]], seed: int, sample: int) -> str:
        text = str(messages[-1]["content"])
        if text == BARE:
            return f"What is 2 + {3 + sample}?"
        asked = re.search(r"2 \+ (\d)", text)
        right = int(asked[1]) + 2 if asked else 0  # else the server is met for the first time
        return "\\boxed{1}" if right == 6 and sample == 0 else f"\\boxed{{{right}}}"

    store = Store(tmp_path / "redraft.duckdb")
    openai_server.write = varied
    given: dict[str, Any] = {
        "db": store, "model": "writer", "api_base": openai_server.url, "samples": 4,
        "prompts": Prompts(chat_template=TEMPLATE),
    }  # fmt: skip
    arguments = {"question_writer.questions": 2, "question_writer.judged": False}
    await augment(SEEDS[:1], methods=["question_writer"], arguments=arguments, **given)
    label = "SELECT question, 1 - (meta ->> 'confidence')::DOUBLE AS fails FROM problems WHERE augmentation IS NOT NULL"
    assert store.query(f"{label} ORDER BY ALL").rows == [("What is 2 + 3?", 0.0), ("What is 2 + 4?", 0.25)]
    await generate("augmented:question_writer", strategy="best_of_n", **given)
    file = tmp_path / "rows.jsonl"
    await export(file, db=store, filters=["correct", "unaided", "difficulty least=0.01 most=0.9"])
    kept = {json.loads(line)["prompt"][-1]["content"] for line in file.read_text().splitlines()}
    assert len(kept) == 1
    assert "What is 2 + 4?" in kept.pop()


async def test_filters_of_the_writer_can_be_switched_off(openai_server: Any, tmp_path: Path) -> None:
    store = Store(tmp_path / "redraft.duckdb")
    found = await written(openai_server, store, questions=4, ascii="false", judged="false")
    assert [accepted for _, _, accepted, _ in found] == [True, True, False, True]
    assert not [request for request in openai_server.requests if "yes or no" in request["prompt"]]


@pytest.mark.parametrize("way", ["tokenize", "apply-template"])
async def test_a_server_that_renders_prompts_needs_no_template(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """vLLM and llama.cpp show the prompt of messages; what precedes the user's text is the bare beginning."""
    from redraft.llm.providers.openai_server import prompts

    async def shown(endpoint: Any, address: Any, asked: str, messages: list[dict[str, str]]) -> str | None:
        return f"<sys>Help.</sys><user>{messages[0]['content']}</user><bot>" if asked == way else None

    monkeypatch.setattr(prompts, "server_prompt", shown)
    model = ServerModel("writer", ("http://127.0.0.1:9/v1",))
    try:
        renderer = model._renderer
        assert await renderer.prompt(Request(messages=()), model._facts) == ("<sys>Help.</sys><user>", False)
        monkeypatch.setattr(prompts, "server_prompt", _nothing)
        renderer._cache.clear()
        with pytest.raises(UnsupportedRequest, match="shows no prompt up to where the user's message begins"):
            await renderer.prompt(Request(messages=()), model._facts)
    finally:
        await model.close()


async def _nothing(*_: Any) -> None:
    return None


async def test_a_model_that_writes_no_users_message_says_so(tmp_path: Path) -> None:
    model = litellm_model("openai/some-model")
    with pytest.raises(ModelError, match="openai/some-model writes no message of a user"):
        await model.complete(Request(messages=()))
    await model.close()
    assert Message("user", "") != Message("assistant", "")


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [("yes", True), ("No.", False), ("Yes? No!", False), ("<think>no</think>Yes", True), ("noted, eyes", None)],
)
def test_the_last_yes_or_no_is_the_verdict(reply: str, verdict: bool | None) -> None:
    assert read_verdict(reply) is verdict


class Optimiser(Scripted):
    """Mends and hardens, and answers 7."""

    def __init__(self) -> None:
        super().__init__(self.write, name="optimiser")

    def write(self, request: Request, index: int) -> str:
        text = request.messages[-1].content
        if text.startswith("Rewrite this question"):
            return "Mended: " + text.split("\n\n")[-1]
        if text.startswith("Write a new question"):
            return "Harder: " + text.split("\n\n")[-1]
        return "\\boxed{7}"


async def test_rewrites_and_their_parents_are_pairs_of_questions(tmp_path: Path) -> None:
    store = Store(tmp_path / "redraft.duckdb")
    methods = ["solvable", "harder", "fractions"]
    await augment(SEEDS, db=store, model=Optimiser(), methods=methods, samples=2)
    arguments = {"prefix": "<user>", "end": "</user>"}
    found = await export(tmp_path / "pairs.jsonl", db=store, format="question_pairs", arguments=arguments)
    rows = [json.loads(line) for line in (tmp_path / "pairs.jsonl").read_text().splitlines()]
    assert sorted(rows, key=lambda row: row["chosen"]) == [
        {
            "prompt": "<user>",
            "chosen": f"{word}: {seed.question}</user>",
            "rejected": f"{seed.question}</user>",
            "kind": kind,
        }
        for word, kind in (("Harder", "harder"), ("Mended", "solvable"))
        for seed in SEEDS
    ]
    assert found.dropped == {"no rewrite of the kinds harder, solvable": 4}
    mended = {"kinds": "solvable"}
    found = await export(tmp_path / "mended.jsonl", db=store, format="question_pairs", arguments=mended)
    assert found.kept == 2


async def test_rows_of_questions_tune_a_writer(tmp_path: Path) -> None:
    store = Store(tmp_path / "redraft.duckdb")
    await generate(SEEDS, db=store, model=Optimiser(), strategy="best_of_n", samples=2)
    arguments = {"prefix": "<user>", "end": "</user>"}
    await export(tmp_path / "questions.jsonl", db=store, format="questions", arguments=arguments)
    rows = [json.loads(line) for line in (tmp_path / "questions.jsonl").read_text().splitlines()]
    expected = [{"prompt": "<user>", "completion": f"{seed.question}</user>"} for seed in SEEDS]
    assert sorted(rows, key=lambda row: row["completion"]) == expected


async def test_the_pick_of_the_strategy_stays(tmp_path: Path) -> None:
    store = Store(tmp_path / "redraft.duckdb")
    model = Scripted(lambda request, index: f"\\boxed{{{index}}}", name="counter")
    await generate(SEEDS, db=store, model=model, strategy="self_consistency", samples=3)
    found = await filter(db=store, filters=["chosen"])
    assert (found.kept, found.dropped) == (2, {"not the strategy's pick": 4})


async def test_questions_out_of_nothing_are_made_only_if_they_are_named(tmp_path: Path) -> None:
    found = await augment(SEEDS, db=tmp_path / "redraft.duckdb", model=Optimiser(), samples=1)
    assert found.left_out == {"question_writer": "its questions come from nothing: name it with --method"}
    assert {"solvable", "harder"} <= {method.method for method in found.methods}
