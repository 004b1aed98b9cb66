"""`redraft label`: a person at a terminal, or a file, and what the store has afterwards."""

import json
import re
import subprocess
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from redraft.agents.human_label import DraftView, Judgement, Quit
from redraft.flows.generate import generate
from redraft.flows.label import label, label_from
from redraft.llm.scripted import Scripted
from redraft.store import Problem, Store, Unit, replace
from redraft.store.errors import QueryError, SourceError
from redraft.store.trajectory import Trajectory

Sums = Callable[..., list[Problem]]
Adder = Callable[..., Scripted]
Redraft = Callable[..., subprocess.CompletedProcess[str]]
Mistake = Callable[..., str]
Typed = Callable[..., tuple[int, str]]

ASKED = "[r/w/s/q]: "
KEPT = "SELECT person, verdict, first_wrong_step, remark, key_shown FROM labels ORDER BY labelled_at, trajectory_id"


@pytest.fixture
async def store(tmp_path: Path, sums: Sums, adder: Adder) -> Store:
    """Three questions, of which the model answers the first rightly; each draft has two steps."""
    store = Store(tmp_path / "redraft.duckdb")
    model = adder(lambda number, sample, turn: number == 1)
    await generate(sums(3), db=store, model=model, strategy="greedy", seed=1)
    return store


def paths(store: Store) -> dict[str, str]:
    """The trajectory of each question."""
    sql = "SELECT question, trajectory_id FROM trajectories JOIN problems USING (problem_id)"
    return dict(store.query(sql).rows)


class Person:
    """Says the same of each draft, `most` times, and remembers what was shown."""

    def __init__(self, verdict: str = "right", most: int = 99) -> None:
        self.said, self.most = Judgement(verdict), most
        self.shown: list[DraftView] = []
        self.notes: list[str] = []

    async def __call__(self, shown: DraftView, verdicts: Sequence[str], note: str) -> Judgement:
        if len(self.shown) == self.most:
            raise Quit
        self.shown.append(shown)
        self.notes.append(note)
        return self.said

    @property
    def questions(self) -> list[str]:
        return [shown.question for shown in self.shown]


def test_a_person_labels_at_a_terminal_quits_and_goes_on(store: Store, typed: Typed) -> None:
    first = [
        (ASKED, "x\n"),
        (ASKED, "w\n"),
        ("Enter", "7\n"),
        ("Enter", "2\n"),
        ("remark", "Carry it.\n"),
        (ASKED, "q\n"),
    ]
    code, shown = typed(["label", "--by", "ann"], first)
    assert code == 0
    for line in (
        "What is ",
        "  1  I add.\n  2  The answer is ",
        "  → ",
        "draft 1 of 3",
        "'x' is none of right, wrong, skip, quit",
    ):
        assert line in shown
    assert "'7' is no number from 1 to 2" in shown
    assert "1 labelled by ann, 0 skipped, 2 left: kept in redraft.duckdb" in shown
    assert "known answer" not in shown
    assert store.query(KEPT).rows == [("ann", "wrong", 2, "Carry it.", False)]

    code, shown = typed(["label", "--by", "ann", "--show-key"], [(ASKED, "s\n"), (ASKED, "\x03")])
    assert code == 130
    assert "stopped; every label so far is kept in redraft.duckdb" in shown
    assert "known answer: " in shown
    assert "oracle: " in shown
    assert store.query(KEPT).rows[1:] == [("ann", "skip", None, None, True)]

    code, shown = typed(["label", "--by", "ann"], [("draft 1 of 1", ""), (ASKED, "right\n"), ("remark", "\n")])
    assert (code, "1 labelled by ann, 0 skipped: kept" in shown) == (0, True)
    assert store.query("SELECT count(DISTINCT trajectory_id) FROM labels").rows == [(3,)]


async def test_nobody_sees_a_draft_twice_and_what_nobody_has_labelled_comes_first(store: Store) -> None:
    ann, bob, again = Person(most=1), Person("wrong"), Person(most=1)
    found = await label(ann, by="ann", db=store)
    assert (found.labels, found.skipped, found.left, ann.notes) == (1, 0, 2, ["draft 1 of 3"])
    found = await label(bob, by="bob", db=store)
    assert (found.labels, found.left) == (3, 0)
    assert bob.questions[2] == ann.questions[0]
    rest = Person()
    await label(rest, by="ann", db=store)
    assert sorted(ann.questions + rest.questions) == [f"What is {i} + {i}?" for i in (1, 2, 3)]
    assert rest.questions == bob.questions[:2]
    await label(again, by="ann", db=store, again=True)
    assert again.questions == ann.questions
    agreement = "SELECT judged, agreement, kappa FROM label_agreement WHERE part = 'draft' AND grader = 'oracle'"
    assert store.query(f"{agreement} ORDER BY person").rows == [
        (3, pytest.approx(1 / 3), 0.0),
        (3, pytest.approx(2 / 3), 0.0),
    ]


async def test_the_order_is_the_seeds_alone(store: Store) -> None:
    orders = {}
    for seed in (0, 0, 1, 2, 3):
        person = Person("skip")
        await label(person, by=f"{seed} {len(orders)}", db=Store(store.path), seed=seed, where="true", limit=3)
        orders.setdefault(seed, set()).add(tuple(person.questions))
    assert all(len(order) == 1 for order in orders.values())
    assert len(set.union(*orders.values())) > 1


async def test_a_text_that_was_drawn_again_takes_the_label_that_it_has(
    tmp_path: Path, sums: Sums, adder: Adder
) -> None:
    store = Store(tmp_path / "same.duckdb")
    model = adder(lambda number, sample, turn: sample < 3)
    await generate(sums(1), db=store, model=model, strategy="best_of_n", samples=4)
    person = Person("wrong")
    found = await label(person, by="ann", db=store)
    assert (found.labels, [shown.answer for shown in person.shown]) in [(4, ["2", "3"]), (4, ["3", "2"])]
    assert store.query("SELECT count(*), count(DISTINCT draft_key) FROM labels").rows == [(4, 2)]
    assert (found.left, person.notes) == (0, ["draft 1 of 2", "draft 2 of 2"])
    await generate(sums(1), db=store, model=model, strategy="self_consistency", samples=3)
    again = Person()
    found = await label(again, by="ann", db=store)
    assert (found.labels, found.left, again.shown) == (3, 0, [])
    found = await label(again, by="ann", db=store, again=True, limit=1)  # another label of a text replaces all of it
    assert (found.labels in (1, 6), found.left, len(again.shown)) == (True, 1, 1)
    current = store.query("SELECT draft_key, list(DISTINCT verdict) FROM labels WHERE current GROUP BY 1").rows
    assert sorted(verdicts for _, verdicts in current) == [["right"], ["wrong"]]


async def test_a_draft_that_ended_without_an_answer_is_not_asked_about(tmp_path: Path, sums: Sums) -> None:
    store = Store(tmp_path / "open.duckdb")
    [problem] = sums(1)
    run_id = store.start_run("generate", "r", "mcts", "m", {"source": "x"})
    first = Trajectory(problem.ask("u")).grow("I add.\n", 0)
    paths = (
        replace(first.grow("The answer is 2.", 0, final=True), answer="2", role="search", stop="answered"),
        replace(first.grow("I am lost.", 1, final=True), role="search", stop="dead_end"),
        replace(first.grow("And", 2), role="search"),
    )
    now = datetime.now(UTC)
    store.add([problem])
    store.publish([Unit("u", run_id, "r", problem.problem_id, "", 1, 1, "done", paths, (), (), now, now)])
    person = Person()
    found = await label(person, by="ann", db=store)
    assert (found.labels, found.left, [shown.answer for shown in person.shown]) == (1, 0, ["2"])


async def test_a_condition_chooses_drafts_and_a_wrong_one_is_told(store: Store) -> None:
    person = Person()
    found = await label(person, by="ann", db=store, where="NOT correct AND turn = 1 -- wrong ones", limit=1)
    assert (found.labels, found.left, person.notes) == (1, 1, ["draft 1 of 1"])
    assert person.shown[0].answer in ("5", "7")
    with pytest.raises(QueryError, match=r"^where='no_such = 1': Binder Error: .*no_such"):
        await label(person, by="ann", db=store, where="no_such = 1")
    with pytest.raises(QueryError, match=r"^where=.*one statement at a time|^where="):
        await label(person, by="ann", db=store, where="true); DROP TABLE raw.labels; --")
    assert store.query("SELECT count(*) FROM labels").rows == [(1,)]


def test_labels_come_from_a_file(store: Store, redraft: Redraft, tmp_path: Path) -> None:
    path = paths(store)
    lines: list[dict[str, Any]] = [
        {"trajectory_id": path["What is 1 + 1?"], "turn": 1, "verdict": "right"},
        {
            "trajectory_id": path["What is 2 + 2?"],
            "turn": 1,
            "verdict": "wrong",
            "first_wrong_step": 2,
            "remark": "Four.",
        },
        {"trajectory_id": path["What is 3 + 3?"], "turn": 1, "verdict": "skip", "first_wrong_step": None},
    ]
    (tmp_path / "labels.jsonl").write_text("\n\n".join(json.dumps(line) for line in lines) + "\n")
    done = redraft("label", "--from", "labels.jsonl", "--by", "bob", "--json")
    assert json.loads(done.stdout) == {"db": "redraft.duckdb", "person": "bob", "labels": 2, "skipped": 1, "left": 0}
    grades = "SELECT trajectory_id, step_id IS NULL, verdict, value, reason FROM grades WHERE grader = 'human'"
    assert sorted(store.query(grades).rows, key=str) == sorted(
        [
            (path["What is 1 + 1?"], True, "right", None, None),
            (path["What is 1 + 1?"], False, "right", 1.0, None),
            (path["What is 1 + 1?"], False, "right", 1.0, None),
            (path["What is 2 + 2?"], True, "wrong", None, "Four."),
            (path["What is 2 + 2?"], False, "right", 1.0, None),
            (path["What is 2 + 2?"], False, "wrong", 0.0, None),
        ],
        key=str,
    )


async def test_a_label_that_stands_already_is_skipped(store: Store, tmp_path: Path) -> None:
    draft = {"trajectory_id": paths(store)["What is 2 + 2?"], "turn": 1}
    other = {"trajectory_id": paths(store)["What is 1 + 1?"], "turn": 1, "verdict": "right"}
    file = tmp_path / "labels.jsonl"
    wrong, right = {**draft, "verdict": "wrong"}, {**draft, "verdict": "right"}
    for lines, told, there in (
        ([wrong], (1, 0), 1),
        ([wrong], (0, 1), 1),
        ([wrong, other, other], (1, 2), 2),
        ([{**wrong, "remark": "Four."}], (1, 0), 3),
        ([wrong, right, wrong], (3, 0), 6),
        ([{**draft, "verdict": "skip"}], (0, 1), 7),
    ):
        file.write_text("\n".join(map(json.dumps, lines)))
        found = await label_from(file, by="ann", db=store)
        assert (found.labels, found.skipped) == told
        assert store.query("SELECT count(*) FROM raw.labels").rows == [(there,)]
    file.write_text(json.dumps(other))
    assert (await label_from(file, by="bob", db=store)).labels == 1


async def test_a_mistake_in_a_file_is_told_by_its_line_and_nothing_is_kept(store: Store, tmp_path: Path) -> None:
    path = paths(store)["What is 2 + 2?"]
    good = {"trajectory_id": path, "turn": 1, "verdict": "wrong"}
    for bad, told in {
        "{": "no JSON (",
        "[1]": "no JSON object: give one a line, with trajectory_id, turn, verdict, first_wrong_step, remark",
        json.dumps({**good, "step": 2}): "no field 'step'; there are trajectory_id, turn, verdict",
        json.dumps({**good, "turn": "1"}): "turn='1' is not a whole number",
        json.dumps({"turn": 1, "verdict": "right"}): "trajectory_id=None is not a text",
        json.dumps({**good, "turn": 2}): f"no draft 2 of trajectory '{path}' in {store.path}: list them",
        json.dumps({**good, "verdict": "good"}): "verdict 'good' is none of right, wrong, skip",
        json.dumps(
            {**good, "first_wrong_step": 3}
        ): "first_wrong_step=3 is no step of this draft, whose steps are 1 to 2",
        json.dumps({**good, "verdict": "right", "first_wrong_step": 1}): "first_wrong_step=1 of a draft that is right",
        json.dumps({**good, "remark": 5}): "remark 5 is no text",
    }.items():
        file = tmp_path / "labels.jsonl"
        file.write_text(json.dumps(good) + "\n" + bad)
        with pytest.raises(SourceError, match="^" + re.escape(f"{file}, line 2: {told}")):
            await label_from(file, by="ann", db=store)
    with pytest.raises(SourceError, match=r"absent can't be read .*: name a file of JSON lines"):
        await label_from(tmp_path / "absent", by="ann", db=store)
    assert store.query("SELECT count(*) FROM raw.labels").rows == [(0,)]


def test_without_a_terminal_or_a_store_the_cure_is_told(mistake: Mistake) -> None:
    assert "no terminal: give labels with --from FILE" in mistake("label")
    assert "run `redraft generate` or `redraft import` first" in mistake("label", "--from", "labels.jsonl")


QUESTION = "Leo has 4 bags with 6 pens each. Then 5 pens get lost. How many pens does Leo have?"
SOLVE = ("solve", QUESTION, "--set", "feedback=human", "--set", "turns=3")


def test_a_person_is_the_feedback_and_is_never_asked_twice(typed: Typed, redraft: Redraft, tmp_path: Path) -> None:
    ask = "[r/w/q]: "
    code, shown = typed(SOLVE, [(ask, "w\n"), ("first wrong", "1\n"), ("remark", "\n"), (ask, "\x03")])
    assert code == 130
    code, shown = typed(SOLVE, [(ask, "r\n"), ("remark", "\n")])
    assert code == 0
    assert shown.count(ask) == 1
    again = redraft(*SOLVE)
    assert (again.returncode, "Answer: " in again.stdout) == (0, True)
    with Store(tmp_path / "redraft.duckdb") as store:
        said = store.query("SELECT turn, text FROM steps WHERE \"by\" = 'human'").rows
        assert said == [(2, "Line 1 is doubtful. Check it and solve the problem again.")]
        path = store.query("SELECT turns, stop, oracle_used FROM trajectories").rows
        assert path == [(2, "answered", False)]
        calls = "SELECT purpose, attempts, cost_usd, response::JSON->0->>'verdict' FROM calls WHERE model = 'human'"
        assert store.query(f"{calls} ORDER BY ALL").rows == [
            ("feedback", 0, 0.0, "right"),
            ("feedback", 0, 0.0, "wrong"),
        ]


def test_a_person_is_the_feedback_of_a_whole_run(typed: Typed, tmp_path: Path) -> None:
    job = ("generate", "--limit", "2", "--samples", "1", "--set", "feedback=human", "--set", "turns=2")
    code, shown = typed(job, [("[r/w/q]: ", "r\n"), ("remark", "\n")] * 2)
    assert (code, shown.count("[r/w/q]: ")) == (0, 2)
    with Store(tmp_path / "redraft.duckdb") as store:
        assert store.query("SELECT turns, stop FROM trajectories").rows == [(1, "answered")] * 2


def test_nobody_to_ask_is_one_line(mistake: Mistake, typed: Typed) -> None:
    told = mistake(*SOLVE)
    assert told == (
        "redraft: Feedback 'human' has to ask a person, and standard input is no terminal: run it at one, give the"
        " graph a checkpointer, or choose another feedback."
    )
    code, shown = typed(SOLVE, [("[r/w/q]: ", "q\n")])
    assert code == 2
    assert "redraft: Nobody judged the draft; what was said before is kept: run the same command again" in shown
