"""`redraft diversity`: gains by hand, kinds that are refused, embeddings that are paid for once."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from redraft.flows.augment import augment
from redraft.flows.embedding import embeddings
from redraft.flows.embedding.diversity import diversity
from redraft.flows.filter import filter
from redraft.flows.generate import generate
from redraft.flows.plots.accuracy import PlotError
from redraft.llm.limits import Limits
from redraft.llm.model import ModelError, Request
from redraft.llm.scripted import Scripted
from redraft.store import Problem, Store
from redraft.store.errors import PartError, SourceError, StoreError

BASE = [Problem("What is 2 + 3?", "5"), Problem("What is 4 + 5?", "9")]
REWRITES = {"What is 2 + 3?": "How much is 2 and 3?", "What is 4 + 5?": "How much is 4 and 5?"}
PLACES = {
    "What is 2 + 3?": (3.0, 0.0),
    "What is 4 + 5?": (0.0, 2.0),
    "How much is 2 and 3?": (0.6, 0.8),
    "How much is 4 and 5?": (0.0, 5.0),
}
"""Embeddings, of any length. The nearest of the two base vectors (1, 0) and (0, 1) is at a squared distance of 0.4 from
(0.6, 0.8), and at 0 from (0, 1)."""


def place(text: str) -> tuple[float, float]:
    return PLACES.get(text, (-1.0, 0.0))  # the backward questions: at a squared distance of 2 from (0, 1)


def write(request: Request, index: int) -> str:
    text = request.messages[-1].content
    if text.startswith("Rephrase"):
        return REWRITES[text.split("\n\n")[-1]]
    numbers = [int(number) for number in re.findall(r"\d+", text.split("\n\n")[1])]
    known = "unknown variable x" in text
    return f"\\boxed{{{numbers[1] - numbers[0] if known else sum(numbers)}}}"


@pytest.fixture
async def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "redraft.duckdb")
    model = Scripted(write, name="teacher")
    await augment(BASE, db=store, model=model, methods=["rephrase", "answers", "fobar"], samples=1)
    return store


@pytest.fixture
async def embedder(openai_protocol: Any) -> Any:
    server = await openai_protocol.OpenAIServer(embed=place).start()
    yield server
    await server.stop()


def measured(store: Store) -> list[tuple[Any, ...]]:
    columns = "augmentation, base, questions, gain, near, acceptance, refused"
    return store.query(f"SELECT {columns} FROM question_diversity").rows


async def test_the_gain_is_the_mean_squared_distance_from_the_nearest_base_question(
    store: Store, embedder: Any
) -> None:
    found = await diversity(db=store, embedder="openai/small", api_base=embedder.url)
    fobar, accepted = 4, store.query("SELECT count(*) FROM problems WHERE augmentation = 'fobar'").rows[0][0]
    assert accepted == fobar
    assert [(row[0], *row[1:3], pytest.approx(row[3]), *row[4:]) for row in measured(store)] == [
        ("answers", 2, 2, 0.0, 1.0, 1.0, None),
        ("fobar", 2, 4, 2.0, 0.0, 1.0, None),
        ("rephrase", 2, 2, 0.2, 0.5, 1.0, None),
    ]
    assert [kind.augmentation for kind in found.kinds] == ["answers", "fobar", "rephrase"]
    nearest = "SELECT p.question, b.question FROM raw.distances d JOIN problems p USING (problem_id) JOIN problems b ON"
    pairs = store.query(f"{nearest} b.problem_id = nearest_id WHERE d.augmentation = 'rephrase' ORDER BY ALL").rows
    assert pairs == [
        ("How much is 2 and 3?", "What is 4 + 5?"),
        ("How much is 4 and 5?", "What is 4 + 5?"),
    ]
    assert store.query("SELECT stage, status FROM runs WHERE stage = 'diversity'").rows == [("diversity", "finished")]


async def test_answers_to_rewrites_are_no_new_questions_either(store: Store, embedder: Any) -> None:
    """The questions that got more answers are rewrites, at a distance from the base set."""
    made = [problem for problem in store.problems() if problem.augmentation == "rephrase"]
    model = Scripted(write, name="teacher")
    await augment(made, db=store, model=model, methods=["answers"], samples=1)
    found = await diversity(db=store, embedder="openai/small", api_base=embedder.url)
    answers = found.kinds[0]
    assert (answers.augmentation, answers.questions, answers.gain, answers.near) == ("answers", 4, 0.0, 1.0)


async def test_an_embedding_is_paid_for_once(store: Store, embedder: Any) -> None:
    first = await diversity(db=store, embedder="openai/small", api_base=embedder.url)
    again = await diversity(db=store, embedder="openai/small", api_base=embedder.url)
    assert len(embedder.requests) == 1
    assert (first.tokens > 0, again.tokens) == (True, 0)
    assert [kind.gain for kind in again.kinds] == [kind.gain for kind in first.kinds]
    assert store.query("SELECT count(*), count(DISTINCT text_hash) FROM raw.embeddings").rows == [(8, 8)]
    await diversity(db=store, embedder="openai/large", api_base=embedder.url)
    assert len(embedder.requests) == 2
    assert len(measured(store)) == 6


async def test_an_embedder_that_dies_in_the_middle_leaves_what_it_gave(
    store: Store, embedder: Any, openai_protocol: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embeddings, "BATCH", 2)
    monkeypatch.setattr(embeddings, "CALLS", 1)
    embedder.faults = [None, None, openai_protocol.Fault(401, {"error": {"message": "no money left"}})]
    settings: dict[str, Any] = {"db": store, "embedder": "openai/small", "api_base": embedder.url}
    told = r"no money left.* 4 of 8 questions are embedded and stored: the same command goes on from there\.$"
    with pytest.raises(ModelError, match=told):
        await diversity(**settings)
    assert store.query("SELECT count(*) FROM raw.embeddings").rows == [(4,)]
    assert store.query("SELECT status FROM runs WHERE stage = 'diversity'").rows == [("failed",)]
    assert measured(store) == []
    await diversity(**settings)
    assert [len(request["input"]) for request in embedder.requests] == [2] * 5
    assert len(measured(store)) == 3


async def test_faults_that_pass_are_borne(store: Store, embedder: Any, openai_protocol: Any) -> None:
    embedder.faults = [openai_protocol.Fault(429), openai_protocol.Fault(500), openai_protocol.Fault("drop")]
    limits = Limits(wait_s=0.01)
    await diversity(db=store, embedder="openai/small", api_base=embedder.url, limits=limits)
    assert len(embedder.requests) == 4


async def test_nonsense_in_the_place_of_embeddings_is_a_line(store: Store, embedder: Any) -> None:
    embedder.embed = lambda text: [1.0] * (2 if "2" in text else 3)
    limits = Limits(wait_s=0.0, tries=2)
    with pytest.raises(ModelError, match=r"gave no embeddings of 8 texts: 8 vectors, of \[2, 3\] numbers"):
        await diversity(db=store, embedder="openai/small", api_base=embedder.url, limits=limits)


def test_no_key_is_a_line(store: Store, mistake: Callable[..., str]) -> None:
    line = mistake("diversity", "--embedder", "openai/text-embedding-3-small", env={"OPENAI_API_KEY": ""})
    assert "OPENAI_API_KEY" in line
    assert "0 of 8 questions are embedded and stored" in line


async def test_a_kind_below_a_threshold_is_refused_and_left_out(store: Store, embedder: Any) -> None:
    settings: dict[str, Any] = {"db": store, "embedder": "openai/small", "api_base": embedder.url}
    found = await diversity(**settings, least_gain=0.5)
    assert found.refused == {"rephrase": "gain 0.200 is not 0.5 or more"}
    assert "refused: gain 0.200 is not 0.5 or more" in str(found)
    kept = await filter(db=store, filters=["diversity"])
    assert (kept.kept, kept.dropped) == (6, {"refused kind": 2})
    model = Scripted(write, name="teacher")
    summary = await generate("augmented", db=store, model=model, strategy="best_of_n", samples=1)
    assert summary.problems == 4
    named = await generate("augmented:rephrase", db=store, model=model, strategy="best_of_n", samples=1)
    assert named.problems == 2
    await diversity(**settings)
    assert (await filter(db=store, filters=["diversity"])).kept == 8 + 4 + 2


async def test_too_few_accepted_rewrites_refuse_a_kind(tmp_path: Path, embedder: Any) -> None:
    store = Store(tmp_path / "poor.duckdb")
    model = Scripted(lambda request, index: "\\boxed{0}", name="teacher")
    await augment(BASE, db=store, model=model, methods=["fobar"], samples=1)
    least: dict[str, Any] = {"least_gain": 0.1, "least_acceptance": 0.5}
    found = await diversity(db=store, embedder="openai/small", api_base=embedder.url, **least)
    assert found.refused == {"fobar": "gain unknown is not 0.1 or more; acceptance 0.000 is not 0.5 or more"}
    with pytest.raises(SourceError, match="has no accepted new question"):
        await generate("augmented", db=store, model=model)


async def test_what_cannot_be_measured_is_a_line(tmp_path: Path, store: Store) -> None:
    empty = Store(tmp_path / "empty.duckdb")
    with pytest.raises(StoreError, match="has no rewrites to measure: `redraft augment` makes them"):
        await diversity(db=empty)
    with pytest.raises(StoreError):
        await diversity(db=tmp_path / "nowhere.duckdb")
    with pytest.raises(PartError, match="has no measurement: `redraft diversity` makes one"):
        await filter(db=store, filters=["diversity"])
    with pytest.raises(SourceError, match="no accepted question of kind 'fobr'; there are fobar, rephrase"):
        await generate("augmented:fobr", db=store)
    with pytest.raises(PlotError, match=r"a\.txt is no picture that can be drawn"):
        await diversity(db=store, plot=str(tmp_path / "a.txt"))
    assert store.query("FROM runs WHERE stage = 'diversity'").rows == []


async def test_the_offline_embedder_finds_a_paraphrase_nearer_than_another_subject(tmp_path: Path) -> None:
    store = Store(tmp_path / "offline.duckdb")
    near, far = "Ann purchases 2 apples and 3 pears. How many fruits has she?", "How fast do 2 and 3 trains go?"
    replies = iter((near, far))
    model = Scripted(
        lambda r, i: next(replies) if r.messages[-1].content.startswith("Reph") else "\\boxed{5}", name="t"
    )
    parent = Problem("Ann buys 2 apples and 3 pears. How many fruits does she have?", "5")
    arguments = {"rephrase.rewrites": 2}
    await augment([parent], db=store, model=model, methods=["rephrase"], samples=1, arguments=arguments, concurrency=1)
    await diversity(db=store)
    told = "SELECT p.question FROM raw.distances JOIN problems p USING (problem_id) ORDER BY distance"
    assert [text for (text,) in store.query(told).rows] == [near, far]
    assert store.query("FROM raw.embeddings").rows == []


def test_the_command_prints_measures_draws_and_prints_json(
    store: Store, redraft: Callable[..., Any], tmp_path: Path
) -> None:
    done = redraft("diversity", "--plot", "questions.svg")
    assert done.returncode == 0, done.stderr
    assert re.search(
        r"^rephrase: gain 0\.\d+, median 0\.\d+, \d+% near duplicates; 2 of 2 accepted$", done.stdout, re.M
    )
    picture = (tmp_path / "questions.svg").read_text()
    assert all(f">{name}<" in picture for name in ("base set, 2 questions", "rephrase, 2 questions"))
    done = redraft("diversity", "--plot", "questions.png", "--projection", "tsne")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "questions.png").read_bytes().startswith(b"\x89PNG")
    found = json.loads(redraft("diversity", "--json", "--least-gain", "3").stdout)
    assert [kind["augmentation"] for kind in found["kinds"] if kind["refused"]] == ["fobar", "rephrase"]


def test_the_progress_is_said_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(embeddings, "SAY_S", 0.0)
    embeddings.Meter(said.append, "compared", 2000).report(1000)
    assert said == ["compared 1,000 of 2,000 questions"]
    monkeypatch.setattr(embeddings, "SAY_S", 60.0)
    embeddings.Meter(said.append, "compared", 2000).report(1500)
    assert len(said) == 1
