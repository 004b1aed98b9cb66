"""Makes the rows of raw.turns: one row for each draft of a trajectory, with the facts that filters need about every
draft."""

import unicodedata
from collections.abc import Iterator, Mapping
from functools import lru_cache
from hashlib import blake2b, md5
from typing import Any

from redraft.store.tables.rows.equations import equations, signature
from redraft.store.trajectory import Step, Trajectory, Verdict


@lru_cache(maxsize=1024)  # a unit asks for each of its trajectories several times
def path_id(trajectory_id: str) -> int:
    """Returns the number of a trajectory, which equals the result of the SQL macro raw.path_id."""
    digest = md5(trajectory_id.encode("utf-8", "replace"), usedforsecurity=False).digest()
    return int.from_bytes(digest[8:], "little")


def turn_rows(trajectory: Trajectory, verdicts: Mapping[tuple[str, int], Verdict | None]) -> Iterator[tuple[Any, ...]]:
    """Yields the rows of a trajectory's drafts, without their commit. `verdicts` are the oracle's, by (trajectory id,
    turn)."""
    trajectory_id, turns = trajectory.trajectory_id, trajectory.turn
    whole = (
        turns, trajectory.sample, trajectory.role, trajectory.chosen, trajectory.oracle_used, trajectory.score,
        trajectory.stop, trajectory.steps[-1].step_id if trajectory.steps else None, trajectory.tokens,
        trajectory.reason,
    )  # fmt: skip
    answers, stops = (*trajectory.answers, trajectory.answer), (*trajectory.stops, trajectory.stop)
    number, before = path_id(trajectory_id), None
    for turn, steps in enumerate(_by_turn(trajectory), start=1):
        draft = [step for step in steps if step.by == "model"]
        leaf = draft[-1].step_id if draft else None
        text, answer = "".join([step.text for step in draft]), _value(answers, turn)
        yield (
            number, trajectory_id, turn, *whole, leaf, text, answer, _value(stops, turn),
            next((step.text for step in steps if step.by != "model"), None), verdicts.get((trajectory_id, turn)),
            len(draft), sum([step.tokens for step in draft]), sum([step.tokens for step in steps]) if draft else None,
            any(step.by == "review" and step.step_id != leaf for step in steps) if draft else False,
            None if before is None else text == before, *draft_facts(text, answer),
        )  # fmt: skip
        before = text


def draft_facts(text: str, answer: str | None) -> tuple[int | None, bool, str | None]:
    """Returns a triple of facts about a draft that the filters `duplicates` and `equations` need.

    The first value is a 64-bit hash, which is the same for two drafts if they have the same equations and the same
    answer. A draft without equations is compared by its text, ignoring case and spaces. The hash is None if the text is
    blank. The second value is whether equations were compared. The third is the first equation that is false, or None.
    """
    found = signature(text)
    wrong = next((equation for equation, holds in equations(text) if not holds), None)
    if found:
        return _hash("\0".join((*found, f"={answer}" if answer is not None else ""))), True, wrong
    plain = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return _hash(plain) if text.strip() else None, False, wrong


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "replace"), digest_size=8).digest())


def _by_turn(trajectory: Trajectory) -> list[list[Step]]:
    turns: list[list[Step]] = [[] for _ in range(trajectory.turn)]
    for step in trajectory.steps:
        if 1 <= step.turn <= len(turns):
            turns[step.turn - 1].append(step)
    return turns


def _value(values: tuple[Any, ...], turn: int) -> Any:
    """Returns the value of a turn; None if the turn has no value yet."""
    return values[turn - 1] if turn <= len(values) else None
