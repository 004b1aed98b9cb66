"""Units of work for the benchmarks of the store: samples, redrafts and searched trees, with the grades of two graders.

Every unit is a function of its number, so a store of the same size is identical on every machine.
"""

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from redraft.store import Problem, replace
from redraft.store.calls import Call
from redraft.store.trajectory import Grade, Role, Stop, Trajectory, Verdict
from redraft.store.unit import Unit, unit_id

SAMPLES = 8  # trajectories per problem
THINGS = ("pens", "apples", "tickets", "marbles", "stamps", "coins")
SAID = ("So there are", "That makes", "This gives", "Together we have", "Adding up, we get")
RUN = "20260101T000000-00000000"
START = datetime(2026, 1, 1, tzinfo=UTC)


def problem(number: int) -> Problem:
    """Returns a problem of three lines. One in twenty is in a held-out split."""
    thing = THINGS[number % len(THINGS)]
    text = (
        f"Problem {number}. A shop packs {thing} in boxes of {number % 17 + 3}. In the morning it packs"
        f" {number % 23 + 5} boxes, and in the afternoon {number % 7 + 2} more. It sells a third of the {thing} on the"
        f" same day, and gives {number % 5} of the others away. How many {thing} does it have in the evening?"
    )
    split = "test" if number % 20 == 0 else "train"
    return Problem(text, str(number % 1000), problem_id=f"{number * 2654435761 % 2**32:08x}", source="b", split=split)


def units(problems: int, first: int = 0) -> Iterator[tuple[Problem, Unit]]:
    """Yields each problem, from the problem number `first` on, and its unit of SAMPLES trajectories. Of eight units,
    six have independent samples with one draft, one has samples with up to three drafts, and one has a searched
    tree."""
    for number in range(first, first + problems):
        chance, asked = random.Random(number), problem(number)
        kind = ("tree", "turns")[number % 8] if number % 8 < 2 else "samples"
        made = _tree(chance, asked, kind) if kind == "tree" else list(_samples(chance, asked, kind))
        key = str(number % 1000)
        grades = tuple(grade for trajectory in made for grade in _grades(chance, trajectory, key))
        unit = unit_id(kind, asked.problem_id, "")
        prompt = {"messages": [{"role": "user", "content": asked.question}]}
        facts = {"model": "m", "prompt_hash": unit, "params": {"temperature": 1.0}, "completion_tokens": 900}
        call = Call(f"{unit}-0", unit, asked.problem_id, "propose", f"{unit}/", 0, SAMPLES, **facts)  # type: ignore[arg-type]
        at = START + timedelta(seconds=number)
        answered = [{"text": trajectory.text()} for trajectory in made]
        facts = (kind, asked.problem_id, "", 1, SAMPLES, "done", tuple(made), grades, ((call, answered),))
        yield asked, Unit(unit, RUN, *facts, at, at + timedelta(seconds=30), prompts={unit: prompt})


def _samples(chance: random.Random, asked: Problem, kind: str) -> Iterator[Trajectory]:
    question = asked.ask(unit_id(kind, asked.problem_id, ""))
    right, texts = chance.random(), [chance.random() for _ in range(2 * SAMPLES)]
    for sample in range(SAMPLES):
        drawn = Trajectory(question, sample=sample)
        for turn in range(1, (chance.randint(1, 3) if kind == "turns" else 1) + 1):
            if turn > 1:
                drawn = drawn.respond("Look at your second step again.", chance.choice(["review", "fixed"]))
            drawn = _drafted(random.Random(chance.choice(texts)), drawn, sample, right, asked.answer or "")
        if chance.random() < 0.02:
            drawn = replace(drawn, stop=Stop.FAILED, reason="The provider is down.")
        yield replace(drawn, chosen=sample == 0)


def _tree(chance: random.Random, asked: Problem, kind: str) -> list[Trajectory]:
    """Returns a binary tree of three levels, whose eight leaves are drafts."""
    question = asked.ask(unit_id(kind, asked.problem_id, ""))
    level = [Trajectory(question, role=Role.SEARCH)]
    for depth in range(3):
        level = [
            path.grow(_step(chance, depth), sibling, tokens=chance.randint(8, 40))
            for path in level
            for sibling in (0, 1)
        ]
    return [_drafted(chance, path, 0, 0.5, asked.answer or "") for path in level]


def _drafted(chance: random.Random, path: Trajectory, first: int, right: float, key: str) -> Trajectory:
    for number in range(chance.randint(6, 14) if path.turn == 1 else 4):
        sibling = first if not path.steps else 0
        path = path.grow(_step(chance, number), sibling, tokens=chance.randint(8, 40), logprob=-1.5)
    answer = key if chance.random() < right else str(chance.randint(0, 9))
    path = path.grow(f"#### {answer}", 0, tokens=4, final=True)
    return replace(path, answer=answer, stop=Stop.LENGTH if chance.random() < 0.03 else Stop.ANSWERED)


def _step(chance: random.Random, number: int) -> str:
    a, b = chance.randint(2, 4 if number else 30), chance.randint(2, 4 if number else 30)
    result = a * b + (chance.random() < 0.01)
    return f"{chance.choice(SAID)} {a} x {b} = {result} {THINGS[number % len(THINGS)]} in step {number + 1}.\n\n"


def _grades(chance: random.Random, path: Trajectory, key: str) -> Sequence[Grade]:
    """Returns the oracle's verdict on each draft, and a reward model's values of the drafts and their steps."""
    grades: list[Grade] = []
    for turn, answer in enumerate((*path.answers, path.answer), start=1):
        sure = chance.random() > 0.02
        verdict = (Verdict.RIGHT if answer == key else Verdict.WRONG) if sure else Verdict.UNDECIDED
        grades.append(Grade("oracle", path.trajectory_id, turn, None, verdict))
        values = tuple(chance.random() for _ in path.draft(turn))
        grades.append(Grade("prm", path.trajectory_id, turn, min(values), steps=values, grader_model="m"))
    return grades
