"""`redraft augment`: new questions, tested, stored with their lineage, refused with a reason, made once."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from redraft.flows.augment import augment
from redraft.flows.augmentation.result import sum_of_augment_tries
from redraft.flows.augmentations.metamath.self_verification import final_clause
from redraft.flows.export import EmptyExport, export
from redraft.flows.generate import generate
from redraft.flows.settings import SettingsError
from redraft.llm.limits import Budget
from redraft.llm.model import Cause, ModelError, Request
from redraft.llm.scripted import Scripted
from redraft.store import Problem, Store
from redraft.store.errors import PartError
from redraft.store.problems import Kind

PARENT = Problem(
    "Ann has 3 bags with 4 pens each. How many pens does she have?",
    "12",
    source="tests",
    split="train",
    level=2,
    subject="pens",
)
REWRITE = "There are 4 pens in each of Ann's 3 bags. What is the number of her pens?"
METAMATH = ("rephrase", "fobar", "self_verification", "answers")


class Teacher(Scripted):
    """Rewrites as it is told, and solves what is asked about products of two numbers."""

    def __init__(self, reply: Callable[[str, int], str] | None = None, **named: Any) -> None:
        self.reply = reply or (lambda text, index: REWRITE)
        super().__init__(self.write, name="teacher", **named)

    def write(self, request: Request, index: int) -> str:
        text = request.messages[-1].content
        if text.endswith("Statement:"):
            return "She has 12 pens."
        if not text.startswith("Solve this problem."):
            return self.reply(text, index)
        asked = text.split("\n\n")[1]
        numbers = [int(number) for number in re.findall(r"\d+", asked)]
        unknown = re.search(r"\bx\b", asked)
        return f"\\boxed{{{max(numbers) // min(numbers) if unknown else numbers[0] * numbers[1]}}}"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "redraft.duckdb")


def rows(store: Store, sql: str) -> list[tuple[Any, ...]]:
    return store.query(sql).rows


async def test_metamath_makes_its_four_kinds_with_their_lineage(store: Store) -> None:
    found = await augment([PARENT], db=store, model=Teacher(), methods=METAMATH, samples=2)
    assert [(each.method, each.rewrites, each.accepted, each.refused) for each in found.methods] == [
        ("rephrase", 1, 1, {}),
        ("fobar", 2, 2, {}),
        ("self_verification", 2, 2, {}),
        ("answers", 1, 1, {}),
    ]
    made = rows(
        store,
        "SELECT augmentation, question, answer, source, split, level, subject, parent_id FROM problems"
        " WHERE augmentation IS NOT NULL ORDER BY ALL",
    )
    backward = "If we know the answer to the above question is 12, what is the value of unknown variable x?"
    facts, ask = "Ann has {} bags with {} pens each.", "How many pens does she have?"
    stated = "She has 12 pens. What is the value of unknown variable x?"
    lineage = ("tests", "train", None, "pens", PARENT.problem_id)
    assert made == [
        ("fobar", f"{facts.format(3, 'x')} {ask}\n{backward}", "4", *lineage),
        ("fobar", f"{facts.format('x', 4)} {ask}\n{backward}", "3", *lineage),
        ("rephrase", REWRITE, "12", "tests", "train", 2, "pens", PARENT.problem_id),
        ("self_verification", f"{facts.format(3, 'x')} {stated}", "4", *lineage),
        ("self_verification", f"{facts.format('x', 4)} {stated}", "3", *lineage),
    ]
    drawn = "SELECT count(*), count(*) FILTER (correct), bool_or(oracle_used) FROM samples"
    assert rows(store, drawn) == [(12, 12, False)]
    assert rows(store, "SELECT count(*) FROM samples JOIN problems USING (problem_id)") == [(12,)]
    assert rows(store, "SELECT count(*) FROM steps ANTI JOIN calls USING (call_id)") == [(0,)]
    purposes = "SELECT purpose, sum(n)::INTEGER FROM calls GROUP BY ALL ORDER BY ALL"
    assert rows(store, purposes) == [("propose", 12), ("rewrite", 3)]
    assert rows(store, "SELECT stage, strategy, status FROM runs ORDER BY started_at, run_id") == [
        ("augment", method, "finished") for method in METAMATH
    ]


async def test_a_wrong_rewrite_is_refused_with_its_reason_and_leaves_no_problem(store: Store) -> None:
    wrong = "Ann has 5 bags with 4 pens each. How many pens are there?"
    replies = [REWRITE, wrong, "", "The answer is 12.", REWRITE, PARENT.question]
    model = Teacher(lambda text, index: replies[index])
    arguments = {"rephrase.rewrites": 6}
    found = await augment([PARENT], db=store, model=model, methods=["rephrase"], samples=2, arguments=arguments)
    assert rows(store, "SELECT number, accepted, refused, answers, agreed FROM rewrites ORDER BY number") == [
        (0, True, None, 2, 2),
        (1, False, "other answer: 0 of 2 samples give 12", 2, 0),
        (2, False, "empty reply", 0, 0),
        (3, False, "the reply answers instead of asking", 0, 0),
        (4, False, "repeats another rewrite", 0, 0),
        (5, False, "the same question again", 0, 0),
    ]
    assert rows(store, "SELECT question FROM problems WHERE augmentation IS NOT NULL") == [(REWRITE,)]
    assert rows(store, "SELECT rewrites, accepted, acceptance, confidence FROM augmentations") == [(6, 1, 1 / 6, 1.0)]
    assert str(found).startswith("rephrase: 1 of 6 rewrites accepted (1 other answer, 1 empty reply, ")
    assert rows(store, "SELECT count(*) FROM samples") == [(2,)]


async def test_what_is_done_is_not_done_again_and_a_new_key_is_tested_anew(store: Store) -> None:
    settings: dict[str, Any] = {"db": store, "methods": ["rephrase", "fobar"], "samples": 2}
    first, second = Teacher(), Teacher()
    await augment([PARENT], model=first, **settings)
    again = await augment([PARENT], model=second, **settings)
    assert (len(first.requests), second.requests) == (4, [])
    assert [method.known for method in again.methods] == [1, 1]
    assert rows(store, "SELECT count(*) FROM rewrites") == [(3,)]
    await augment([PARENT], model=second, replicate="anew", **settings)
    assert len(second.requests) == 4
    changed = Problem(PARENT.question, "13", source="tests")
    anew = await augment([changed], model=Teacher(), **settings)
    assert [method.accepted for method in anew.methods] == [0, 2]
    assert anew.methods[0].refused == {"other answer": 1}


async def test_a_failed_call_is_tried_again_without_repeating_the_others(store: Store) -> None:
    fails = True

    def write(request: Request, index: int) -> str:
        if fails and "with x pens" in request.messages[-1].content:
            raise ModelError("The model is away.", cause=Cause.REQUEST)
        return teacher.write(request, index)

    teacher = Teacher()
    model = Scripted(write, name="teacher")
    settings: dict[str, Any] = {"db": store, "model": model, "methods": ["fobar"], "samples": 2}
    first = await augment([PARENT], **settings)
    assert (first.failed, first.accepted, first.methods[0].rewrites) == (1, 0, 0)
    assert rows(store, "SELECT accepted, refused FROM rewrites ORDER BY number") == [
        (True, None),
        (False, "not tested: The model is away."),
    ]
    asked, fails = len(model.requests), False
    second = await augment([PARENT], **settings)
    assert (second.failed, second.accepted, len(model.requests)) == (0, 2, asked + 1)
    assert rows(store, "SELECT count(*), count(*) FILTER (accepted) FROM rewrites") == [(2, 2)]
    assert rows(store, "SELECT count(*) FROM samples") == [(4,)]
    both = sum_of_augment_tries([first, second])
    assert (both.accepted, both.failed, both.methods[0].problems) == (2, 0, 1)


async def test_a_provider_that_ends_the_run_in_its_second_method_leaves_the_first(store: Store) -> None:
    paid = True

    def write(request: Request, index: int) -> str:
        if not paid and "unknown variable x" in request.messages[-1].content:
            raise ModelError("No money is left.", cure="Pay.", fatal=True)
        return teacher.write(request, index)

    teacher, paid = Teacher(), False
    model = Scripted(write, name="teacher")
    settings: dict[str, Any] = {"db": store, "model": model, "methods": ["rephrase", "fobar"], "samples": 2}
    with pytest.raises(ModelError, match=r"^No money is left\. Pay\.$"):
        await augment([PARENT], **settings)
    kept = "SELECT augmentation, count(*) FILTER (accepted) FROM rewrites GROUP BY ALL"
    assert rows(store, kept) == [("rephrase", 1)]
    told = "SELECT strategy, status FROM runs ORDER BY started_at, run_id"
    assert rows(store, told) == [("rephrase", "finished"), ("fobar", "failed")]
    asked, paid = len(model.requests), True
    again = await augment([PARENT], **settings)
    assert [(method.known, method.accepted) for method in again.methods] == [(1, 0), (0, 2)]
    assert not any("Rephrase" in request.messages[-1].content for request in model.requests[asked:])


async def test_a_budget_stops_the_run_and_the_same_command_goes_on(store: Store) -> None:
    problems = [
        Problem(f"Ann has {number} bags with 40 pens each. How many pens does she have?", str(40 * number))
        for number in range(2, 12)
    ]
    settings: dict[str, Any] = {"db": store, "methods": ["fobar", "answers"], "samples": 1, "concurrency": 1}
    cut = await augment(problems, model=Teacher(), budget=Budget(calls=8), **settings)
    assert cut.spent
    assert cut.used is not None
    assert cut.used.calls == 8
    rest = Teacher()
    whole = await augment(problems, model=rest, **settings)
    assert [method.known + method.problems for method in whole.methods] == [10, 10]
    assert len(rest.requests) == 30 - 8
    assert rows(store, "SELECT count(*) FILTER (accepted) FROM rewrites") == [(30,)]


async def test_without_methods_a_line_says_what_the_embedded_model_leaves_out(store: Store) -> None:
    found = await augment("builtin", db=store, limit=2, samples=2)
    assert [method.method for method in found.methods] == ["answers", "fobar", "rephrase"]
    assert {"self_verification", "change_numbers", "evolve"} <= found.left_out.keys()
    assert set(found.left_out.values()) == {"the embedded model was not trained for it: name another with --model"}
    [(asked,)] = rows(store, "SELECT question FROM rewrites WHERE augmentation = 'fobar' ORDER BY ALL LIMIT 1")
    assert re.search(r" The answer is \d+\. What is x\?$", asked)


async def test_questions_that_the_embedded_model_was_not_trained_on_are_told(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    told = "the embedded model was trained on builtin problems alone: expect little of it here"
    await augment([PARENT], db=store, samples=1, methods=["answers"])
    assert told in capsys.readouterr().err
    await augment("builtin", db=store, samples=1, limit=1, methods=["answers"])
    assert told not in capsys.readouterr().err


async def test_the_embedded_model_is_asked_for_the_unknown_that_stands_in_latex(store: Store) -> None:
    await augment([Problem("What is $20$ percent of 30?", "6")], db=store, samples=1, methods=["fobar"])
    for (asked,) in rows(store, "SELECT question FROM rewrites"):
        assert "$X$" in asked
        assert asked.endswith(" The answer is 6. What is X?")


async def test_a_method_that_cannot_be_is_refused_in_a_line(store: Store) -> None:
    with pytest.raises(PartError, match="method 'self_verification' is not possible: the embedded model was not"):
        await augment("builtin", db=store, limit=1, methods=["self_verification"])
    with pytest.raises(PartError, match="method 'fobar' is not possible: no problem has a known answer"):
        await augment([Problem("What is 3 * 4?")], db=store, model=Teacher(), methods=["fobar"])
    with pytest.raises(
        PartError, match=r"no method is possible: .*; answers, fobar, rephrase \(no problem has a known"
    ):
        await augment([Problem("What is 3 * 4?")], db=store)
    with pytest.raises(PartError, match="no augmentation 'rephras'"):
        await augment("builtin", db=store, methods=["rephras"])
    with pytest.raises(PartError, match=r"rephrase.rewrites.* is an argument of the method 'rephrase', which is not"):
        await augment("builtin", db=store, methods=["fobar"], arguments={"rephrase.rewrites": 2})
    with pytest.raises(PartError, match="has no argument 'many'"):
        await augment("builtin", db=store, methods=["fobar"], arguments={"fobar.many": 2})
    with pytest.raises(SettingsError, match="samples=0 must be at least 1"):
        await augment("builtin", db=store, samples=0)


async def test_methods_that_are_named_and_impossible_may_be_left_out(store: Store) -> None:
    settings: dict[str, Any] = {"db": store, "limit": 1, "samples": 2, "skip_impossible": True}
    found = await augment("builtin", methods=["self_verification", "fobar", "evolve"], **settings)
    assert ([method.method for method in found.methods], [*found.left_out]) == (
        ["fobar"], ["self_verification", "evolve"]
    )  # fmt: skip
    with pytest.raises(
        PartError, match=r"no method is possible: evolve, harder \(the embedded model was not trained f"
    ):
        await augment("builtin", methods=["evolve", "harder"], **settings)


async def test_nothing_to_hide_no_mathematics_and_no_answer_are_rows_with_a_reason(store: Store) -> None:
    problems = [
        Problem("How many legs has a cat?", "4"),
        Problem("Ann has x boxes of 5. What is x, if she has 20?", "4"),
        Problem("Which has 4 legs? A: cat B: bird", "A", kind=Kind.CHOICE),
        Problem("What is 3 + 4?", None),
    ]
    found = await augment(problems, db=store, model=Teacher(), methods=["fobar"])
    told = "SELECT question, refused FROM rewrites ORDER BY refused"
    assert rows(store, told) == [
        (None, "already has an unknown: x"),
        (None, "no known answer"),
        (None, "no mathematics: the kind is choice"),
        (None, "no number to hide"),
    ]
    assert "No rewrite was accepted" in str(found)


def test_the_last_clause_follows_a_mark_that_ends_a_word() -> None:
    assert final_clause("A pen costs $2.50. If she buys x, how much is it?") == (
        "A pen costs $2.50. If she buys x,",
        "how much is it?",
    )
    assert final_clause("What is 1,000 minus x?") == ("", "What is 1,000 minus x?")


async def test_answers_that_nobody_knows_have_to_agree(store: Store) -> None:
    def write(request: Request, index: int) -> str:
        text = request.messages[-1].content
        if not text.startswith("Solve this problem."):
            return ["Is 7 * 8 even? How much is it?", "What is it of 6 * 9?"][index]
        return "\\boxed{" + (str(index) if "6 * 9" in text else ["56", "56.0", "56", "0"][index]) + "}"

    arguments = {"change_numbers.rewrites": 2}
    model = Scripted(write, name="teacher")
    parent = Problem("What is 3 * 4?", None, source="tests")
    await augment([parent], db=store, model=model, methods=["change_numbers"], arguments=arguments)
    assert rows(store, "SELECT answer, accepted, refused, confidence FROM rewrites ORDER BY number") == [
        ("56", True, None, 0.75),
        ("0", False, "no agreement: 1 of 4 samples give 0", 0.25),
    ]
    made = "SELECT answer, (meta ->> 'confidence')::DOUBLE FROM problems WHERE augmentation = 'change_numbers'"
    assert rows(store, made) == [("56", 0.75)]
    assert rows(store, "SELECT count(*), count(correct) FROM samples") == [(4, 0)]


async def test_a_users_own_method_is_a_function_and_its_mistakes_are_a_line(tmp_path: Path, store: Store) -> None:
    own = tmp_path / "own.py"
    own.write_text(
        "from redraft.flows import Augmentation\n\n\n"
        "def shout(*, times: int = 1) -> Augmentation:\n"
        "    async def make(problem, workshop):\n"
        "        question = problem.question.upper() + '!' * times\n"
        "        return [await workshop.test(problem, 0, question, problem.answer)]\n\n"
        "    return Augmentation(make)\n\n\n"
        "def broken() -> Augmentation:\n"
        "    async def make(problem, workshop):\n"
        "        return 1 / 0\n\n"
        "    return Augmentation(make)\n"
    )
    settings: dict[str, Any] = {"db": store, "model": Teacher()}
    await augment([PARENT], methods=[f"{own}:shout"], arguments={"shout.times": "2"}, **settings)
    asked = PARENT.question.upper() + "!!"
    assert rows(store, "SELECT augmentation, question, accepted FROM rewrites") == [("shout", asked, True)]
    with pytest.raises(PartError, match=r"method 'broken'.*ZeroDivisionError"):
        await augment([PARENT], methods=[f"{own}:broken"], **settings)
    with pytest.raises(PartError, match="it must return an Augmentation"):
        await augment([PARENT], methods=[lambda: 3], **settings)


async def test_the_questions_that_are_rewritten_decide_nothing_by_their_order(tmp_path: Path) -> None:
    """The same questions at any concurrency and in any order give the same rewrites, on the embedded model."""
    found = []
    for name, width in (("narrow", 1), ("wide", 16)):
        store = Store(tmp_path / f"{name}.duckdb")
        await augment("builtin:levels=1-2", db=store, limit=6, methods=["rephrase"], samples=2, concurrency=width)
        found.append(rows(store, "SELECT parent_id, question, refused, agreed FROM rewrites ORDER BY ALL"))
    assert found[0] == found[1]
    assert len(found[0]) == 6


def test_the_command_prints_counts_and_json(redraft: Callable[..., Any]) -> None:
    command = ("augment", "builtin:levels=1", "--limit", "3", "--samples", "2", "--method", "fobar")
    done = redraft(*command)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^fobar: \d+ of \d+ rewrites accepted", done.stdout)
    again = json.loads(redraft(*command, "--json").stdout)
    assert (again["methods"][0]["known"], again["methods"][0]["problems"]) == (3, 0)
    refused = redraft("augment", "--method", "evolve", "--limit", "1")
    assert (refused.returncode, len(refused.stderr.strip().splitlines())) == (2, 1)


async def test_what_augment_kept_is_exported_and_solved_again_by_any_strategy(tmp_path: Path, store: Store) -> None:
    """The answers that tested a rewrite are training data, and its question is a problem as any other."""
    await augment([PARENT], db=store, model=Teacher(), methods=["rephrase", "fobar"], samples=2)
    file = tmp_path / "rows.jsonl"
    await export(file, db=store)
    rows_written = [json.loads(line) for line in file.read_text().splitlines()]
    asked = {json.dumps(row["prompt"]) for row in rows_written}
    assert len(asked) == 3
    assert any(REWRITE in prompt for prompt in asked)
    assert not any(PARENT.question in prompt and "x" not in prompt for prompt in asked)
    new = [problem for problem in store.problems() if problem.augmentation]
    assert len(new) == 3
    summary = await generate(new, db=store, model=Teacher(), strategy="best_of_n", samples=3)
    assert (summary.problems, summary.right) == (3, 9)
    again = await augment(new, db=store, model=Teacher(), methods=["answers"], samples=1)
    assert (again.methods[0].problems, again.accepted) == (3, 3)


async def test_held_out_questions_have_held_out_rewrites(tmp_path: Path, store: Store) -> None:
    held_out = Problem(PARENT.question, "12", source="tests", split="test")
    await augment([held_out], db=store, model=Teacher(), methods=["rephrase", "fobar"], samples=2)
    assert rows(store, "SELECT DISTINCT split FROM problems") == [("test",)]
    with pytest.raises(EmptyExport) as none:
        await export(tmp_path / "none.jsonl", db=store)
    assert (none.value.result.kept, none.value.result.held_out) == (0, 6)


async def test_a_budget_of_a_problem_cuts_its_rewrites(store: Store) -> None:
    settings: dict[str, Any] = {"db": store, "methods": ["fobar"], "samples": 1}
    found = await augment([PARENT], model=Teacher(), problem_budget=Budget(calls=1), **settings)
    assert (found.failed, found.accepted) == (0, 1)
    [(untested,)] = rows(store, "SELECT refused FROM rewrites WHERE NOT accepted")
    assert untested.startswith("not tested: ")
