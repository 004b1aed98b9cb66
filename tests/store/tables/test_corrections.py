"""What the views say of corrections, against what Python counts on random trajectories."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise
from statistics import mean
from typing import Any

import pytest
from msgspec.structs import replace

from redraft.store import Question, Role, Stop, Store, Trajectory
from redraft.store.trajectory import Grade, Verdict
from redraft.store.unit import Unit

Draft = tuple[str | None, str, int]
"""The answer of a draft, its text and its tokens. 1 is right."""


@pytest.fixture
def publish(store: Store, make_unit: Callable[..., Unit]) -> Callable[[Sequence[Sequence[Draft]]], None]:
    """Keeps trajectories of one problem with these drafts."""

    def keep(samples: Sequence[Sequence[Draft]]) -> None:
        unit = make_unit([])
        paths = [_path(unit.unit_id, number, drafts) for number, drafts in enumerate(samples)]
        grades = [
            Grade("oracle", path.trajectory_id, turn, None, Verdict.RIGHT if answer == "1" else Verdict.WRONG)
            for path, drafts in zip(paths, samples, strict=True)
            for turn, (answer, _, _) in enumerate(drafts, start=1)
        ]
        store.publish([replace(unit, trajectories=tuple(paths), grades=tuple(grades), samples=len(paths))])

    return keep


def _path(unit: str, number: int, drafts: Sequence[Draft]) -> Trajectory:
    path = Trajectory(Question("p", "What?", unit=unit), sample=number, role=Role.SAMPLE)
    for turn, (answer, text, tokens) in enumerate(drafts, start=1):
        path = path.respond("Again.", "none") if turn > 1 else path
        path = path.grow(text, number if turn == 1 else 0, tokens=tokens, final=True)
        path = Trajectory(
            path.question, path.steps, number, stop=Stop.ANSWERED, stops=path.stops, answer=answer,
            answers=path.answers,
        )  # fmt: skip
    return path


def rows(store: Store, sql: str) -> list[dict[str, Any]]:
    table = store.query(sql)
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def at(drafts: list[Draft], turn: int) -> Draft:
    """What a trajectory says after a turn: it keeps its last draft."""
    return drafts[min(turn, len(drafts)) - 1]


def vote(drafts: list[Draft], turn: int) -> float:
    counts = Counter(answer for answer, _, _ in drafts[:turn] if answer is not None)
    leading = [answer for answer, count in counts.items() if count == max(counts.values())]
    return mean(answer == "1" for answer in leading) if leading else 0.0


def distance(a: str, b: str) -> int:
    """Levenshtein's, by its recursion."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, start=1):
        before, row[0] = row[0], i
        for j, y in enumerate(b, start=1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (x != y))
    return row[-1]


def test_every_measure_of_a_turn_equals_what_python_counts(
    store: Store, publish: Callable[[Sequence[Sequence[Draft]]], None]
) -> None:
    rng = random.Random(4)
    texts = ["one", "one and two", "two", "something else"]
    samples: list[list[Draft]] = [
        [(rng.choice(["1", "2", "3", None]), rng.choice(texts), rng.randint(1, 9)) for _ in range(rng.randint(1, 4))]
        for _ in range(60)
    ]
    publish(samples)
    found = rows(store, "FROM corrections")
    assert [row["turn"] for row in found] == [1, 2, 3, 4]
    for row in found:
        turn = row["turn"]
        right = [at(drafts, turn)[0] == "1" for drafts in samples]
        redrafts = [(d[turn - 2][1], d[turn - 1][1]) for d in samples if len(d) >= turn > 1]
        changes = [distance(a, b) / max(len(a), len(b)) for a, b in redrafts]
        assert row["correct"] == sum(right)
        assert row["majority"] == pytest.approx(mean(vote(drafts, turn) for drafts in samples))
        assert row["any_turn"] == pytest.approx(mean(any(a == "1" for a, _, _ in d[:turn]) for d in samples))
        assert row["tokens"] == pytest.approx(mean(sum(n for _, _, n in drafts[:turn]) for drafts in samples))
        assert row["text_change"] == (pytest.approx(mean(changes)) if changes else None)
        assert row["same_text"] == (pytest.approx(mean(a == b for a, b in redrafts)) if changes else None)
        assert row["no_answer"] == sum(at(drafts, turn)[0] is None for drafts in samples)


def test_the_transitions_add_up_to_the_change_in_whole_numbers(
    store: Store, publish: Callable[[Sequence[Sequence[Draft]]], None]
) -> None:
    rng = random.Random(5)
    publish([[(rng.choice(["1", "2", None]), "text", 1) for _ in range(rng.randint(1, 5))] for _ in range(47)])
    found = rows(store, "FROM corrections")
    for before, row in pairwise(found):
        assert row["correct"] - before["correct"] == row["wrong_to_right"] - row["right_to_wrong"]
        assert row["change"] == (row["correct"] - before["correct"]) / 47
        assert row["change_from_first"] == (row["correct"] - found[0]["correct"]) / 47
        changed = row["right_to_wrong"] + row["wrong_to_right"] + row["wrong_to_other_wrong"]
        assert changed + row["unchanged"] == row["trajectories"] == 47
    assert (found[0]["change"], found[0]["change_from_first"], found[0]["unchanged"]) == (None, 0.0, 0)


def test_a_model_that_repeats_itself_is_seen(
    store: Store, publish: Callable[[Sequence[Sequence[Draft]]], None]
) -> None:
    """Of four redrafts three are the same to the letter, and one is another text of the same length by a quarter."""
    publish([[("1", "abcd", 1), ("1", "abcd", 1)]] * 3 + [[("1", "abcd", 1), ("1", "abce", 1)]])
    assert rows(store, "SELECT turn, above, up_to, redrafts, share FROM text_changes") == [
        {"turn": 2, "above": 0.0, "up_to": 0.0, "redrafts": 3, "share": 0.75},
        {"turn": 2, "above": 0.2, "up_to": 0.3, "redrafts": 1, "share": 0.25},
    ]
    assert rows(store, "SELECT same_text, text_change FROM corrections WHERE turn = 2") == [
        {"same_text": 0.75, "text_change": 0.0625}
    ]


def test_beyond_200_redrafts_of_a_turn_none_is_compared(
    store: Store, publish: Callable[[Sequence[Sequence[Draft]]], None]
) -> None:
    publish([[("1", "ab", 1), ("1", "ac", 1)]] * 230)
    assert rows(store, "SELECT redrafts, up_to FROM text_changes") == [{"redrafts": 200, "up_to": 0.5}]
    assert rows(store, "SELECT same_text, text_change FROM corrections WHERE turn = 2") == [
        {"same_text": 0.0, "text_change": 0.5}
    ]
