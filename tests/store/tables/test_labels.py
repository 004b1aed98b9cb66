"""Labels by people: which of them count, what they are as grades, and how far people and graders agree."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import product

import pytest
from msgspec.structs import replace

from redraft.store import Grade, Store, Verdict
from redraft.store.tables.labels import Label
from redraft.store.unit import Unit, unit_id

MakeUnit = Callable[..., Unit]

UNIT = unit_id("r", "p", "")
COUNTED = "SELECT person, verdict, current, run_id FROM labels ORDER BY labelled_at, person, verdict"


def key(store: Store, sample: int = 0, turn: int = 1) -> str:
    place = f"trajectory_id = '{UNIT}:{sample}' AND t.turn = {turn}"
    sql = f"SELECT prefix_key FROM turns t JOIN steps s ON s.step_id = t.leaf_step_id WHERE {place}"
    [(found,)] = store.query(sql).rows
    return found


def label(store: Store, verdict: str = "right", *, person: str = "ann", sample: int = 0, **facts: object) -> Label:
    given = {"first_wrong_step": None, "remark": None, "draft_key": key(store, sample)}
    return Label(f"{UNIT}:{sample}", 1, person, verdict, **(given | facts))  # pyright: ignore[reportArgumentType]


def test_a_label_outlives_another_attempt_at_its_unit_but_not_another_text(store: Store, make_unit: MakeUnit) -> None:
    store.publish([make_unit([[("1", True)]])])
    store.label([label(store, remark="Short.")])
    store.publish([make_unit([[("1", True)], [("2", False)]], attempt=2)])
    assert store.query(COUNTED).rows == [("ann", "right", True, "run")]
    human = "SELECT grader_model, verdict, value, reason, step_id FROM grades WHERE grader = 'human' ORDER BY step_id"
    assert store.query(human).rows == [
        ("ann", "right", 1.0, None, f"{UNIT}/0"),
        ("ann", "right", None, "Short.", None),
    ]
    store.publish([make_unit([[("1", True)]], attempt=3, texts=["Another text."])])
    assert store.query(COUNTED).rows == [("ann", "right", False, None)]
    assert store.query(human).rows == []


def test_of_a_persons_labels_the_last_counts_and_a_skip_is_no_judgement(store: Store, make_unit: MakeUnit) -> None:
    store.publish([make_unit([[("1", True)]])])
    store.label([label(store), label(store, "wrong", first_wrong_step=1), label(store, "right", person="bob")])
    assert store.query(COUNTED).rows == [
        ("ann", "right", False, "run"),
        ("ann", "wrong", True, "run"),
        ("bob", "right", True, "run"),
    ]
    human = "SELECT grader_model, verdict FROM grades WHERE grader = 'human' AND step_id IS NULL ORDER BY ALL"
    assert store.query(human).rows == [("ann", "wrong"), ("bob", "right")]
    store.label([label(store, "skip")])
    assert store.query(human).rows == [("bob", "right")]


def stepped(unit: Unit, steps: int) -> Unit:
    """The unit with drafts of so many steps."""
    paths = unit.trajectories
    for _ in range(steps - 1):
        paths = tuple(replace(path.grow("More.", 0), stop=path.stop, answer=path.answer) for path in paths)
    return replace(unit, trajectories=paths)


@pytest.mark.parametrize(
    ("verdict", "wrong", "expected"),
    [
        ("right", None, [("right", 1.0), ("right", 1.0), ("right", 1.0)]),
        ("wrong", 1, [("wrong", 0.0)]),
        ("wrong", 3, [("right", 1.0), ("right", 1.0), ("wrong", 0.0)]),
        ("wrong", None, []),
        ("skip", None, []),
    ],
)
def test_steps_up_to_the_first_wrong_one_are_graded(
    store: Store, make_unit: MakeUnit, verdict: str, wrong: int | None, expected: list[tuple[str, float]]
) -> None:
    store.publish([stepped(make_unit([[("1", True)]]), 3)])
    store.label([label(store, verdict, first_wrong_step=wrong)])
    sql = "SELECT g.verdict, g.value FROM grades g JOIN steps USING (step_id) WHERE grader = 'human' ORDER BY depth"
    assert store.query(sql).rows == expected
    assert store.query("SELECT correct FROM trajectories").rows == [(True,)]  # a label is no verdict of the oracle


def kappa(pairs: Sequence[tuple[str, str]]) -> float | None:
    """Cohen's kappa by its definition: chance is every verdict of the one beside every verdict of the other."""
    agreed = sum(a == b for a, b in pairs) / len(pairs)
    chance = sum(a == b for (a, _), (_, b) in product(pairs, pairs)) / len(pairs) ** 2
    return None if chance == 1 else (agreed - chance) / (1 - chance)


def test_agreement_equals_brute_force(store: Store, make_unit: MakeUnit) -> None:
    rng = random.Random(3)
    n = 40
    oracle = [rng.choice([True, False, None]) for _ in range(n)]
    said = {person: [rng.choice(["right", "wrong", "skip"]) for _ in range(n)] for person in ("ann", "bob")}
    unit = make_unit([[("1", correct)] for correct in oracle])
    judge = [Grade("judge", f"{UNIT}:{i}", 1, verdict=Verdict.RIGHT, grader_model="big") for i in range(n)]
    store.publish([replace(unit, grades=(*unit.grades, *judge))])
    keys = {i: key(store, i) for i in range(n)}
    store.label(
        [label(store, v, person=p, sample=i, draft_key=keys[i]) for p, all in said.items() for i, v in enumerate(all)]
    )
    names = {True: "right", False: "wrong", None: "undecided"}
    others = {
        ("human", "ann"): said["ann"],
        ("human", "bob"): said["bob"],
        ("judge", "big"): ["right"] * n,
        ("oracle", None): [names[correct] for correct in oracle],
    }
    expected = []
    for person, (grader, model) in product(said, others):
        if (grader, model) == ("human", person):
            continue
        both = [(a, b) for a, b in zip(said[person], others[grader, model], strict=True) if "skip" not in (a, b)]
        decided = [pair for pair in both if pair[1] != "undecided"]
        count = Counter(decided)
        expected.append((
            person, grader, model, False, len(decided), pytest.approx(sum(a == b for a, b in decided) / len(decided)),
            pytest.approx(kappa(decided)), count["right", "right"], count["wrong", "wrong"], count["right", "wrong"],
            count["wrong", "right"], len(both) - len(decided),
        ))  # fmt: skip
    found = store.query("SELECT * EXCLUDE (part) FROM label_agreement WHERE part = 'draft'")
    assert found.rows == expected
    assert found.columns[5:7] == ["agreement", "kappa"]


def test_a_label_made_with_the_key_in_sight_is_apart_and_one_verdict_has_no_kappa(
    store: Store, make_unit: MakeUnit
) -> None:
    store.publish([make_unit([[("1", True)], [("1", True)], [("2", False)]])])
    store.label([label(store), label(store, sample=1, key_shown=True), label(store, "wrong", sample=2, key_shown=True)])
    sql = "SELECT key_shown, judged, agreement, kappa FROM label_agreement WHERE part = 'draft'"
    assert store.query(sql).rows == [(False, 1, 1.0, None), (True, 2, 1.0, 1.0)]


def test_people_are_compared_step_by_step(store: Store, make_unit: MakeUnit) -> None:
    store.publish([stepped(make_unit([[("1", False)]]), 4)])
    wrong = {"ann": 3, "bob": 2}
    store.label([label(store, "wrong", person=person, first_wrong_step=step) for person, step in wrong.items()])
    sql = "SELECT person, grader_model, judged, agreement, person_right FROM label_agreement WHERE part = 'step'"
    assert store.query(sql).rows == [("ann", "bob", 2, 0.5, 1), ("bob", "ann", 2, 0.5, 0)]
