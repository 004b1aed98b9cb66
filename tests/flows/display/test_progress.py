"""What a run counts while it goes on."""

from datetime import UTC, datetime

from msgspec.structs import replace

from redraft.flows.display.progress import Tally, counts
from redraft.store.problems import Question
from redraft.store.trajectory import Grade, Role, Stop, Trajectory, Verdict
from redraft.store.unit import Unit

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def path(number: int, role: Role, verdict: Verdict, *, chosen: bool = False) -> tuple[Trajectory, Grade]:
    grown = Trajectory(Question("p", "1+1?", unit="u"), role=role, sample=number).grow(f"It is {number}.", number)
    ended = replace(grown, stop=Stop.ANSWERED, answer=str(number), chosen=chosen)
    return ended, Grade("oracle", ended.trajectory_id, 1, verdict=verdict)


def tally(*judged: tuple[Trajectory, Grade]) -> tuple[int, int, int]:
    paths, grades = zip(*judged, strict=True)
    counted = Tally()
    counted.add(counts(Unit("u", "r", "recipe", "p", "", 1, 2, "done", paths, grades, (), NOW, NOW)))
    return counted.total.drafts, counted.total.decided, counted.total.last_right


def test_independent_samples_are_counted_and_what_was_explored_beside_them_is_not() -> None:
    beside = [path(2, Role.SEARCH, Verdict.RIGHT, chosen=True), path(3, Role.ROLLOUT, Verdict.RIGHT)]
    samples = [path(0, Role.SAMPLE, Verdict.RIGHT), path(1, Role.SAMPLE, Verdict.UNDECIDED)]
    assert tally(*samples, *beside) == (2, 1, 1)


def test_of_a_search_that_draws_no_samples_the_pick_counts() -> None:
    others = [path(0, Role.SEARCH, Verdict.RIGHT), path(1, Role.ROLLOUT, Verdict.RIGHT)]
    assert tally(*others) == (0, 0, 0)
    assert tally(*others, path(2, Role.SEARCH, Verdict.WRONG, chosen=True)) == (1, 1, 0)
