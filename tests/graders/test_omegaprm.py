"""OmegaPRM's rule by hand, and its search in a world whose first errors are known."""

import math

import pytest
from msgspec.structs import replace

from redraft.graders.answers.checker import Checker
from redraft.graders.omegaprm import omegaprm
from redraft.graders.rewards.monte_carlo import FIRST, RolloutSampler, Tally
from redraft.graders.rewards.omegaprm_search import Rule, Search, State
from redraft.store.errors import PartError
from redraft.store.problems import Keyring, Question
from redraft.store.trajectory import Role, Stop, Trajectory

QUESTION = Question("p1", "How many?", unit="u1")
KEYS = Keyring({"p1": "7"})


class World:
    """Once a step is wrong nothing is right any more; before that every second rollout is, and the others go wrong in
    their first step. Counts what it is asked for."""

    def __init__(self) -> None:
        self.prefixes: list[str] = []
        self.sampled = 0

    async def __call__(self, trajectory: Trajectory, n: int, first: int = 0) -> list[Trajectory]:
        self.prefixes.append(trajectory.text())
        self.sampled += n
        return [self._written(trajectory, number) for number in range(first, first + n)]

    def _written(self, path: Trajectory, number: int) -> Trajectory:
        right = "bad" not in path.text() and (number - FIRST) % 2 == 0
        for text in ("good\n" if right else "bad\n", "so\n", "so\n"):
            path = path.grow(text, number if path.stop is None and text != "so\n" else 0, tokens=10)
        return replace(path, stop=Stop.ANSWERED, answer="7" if right else "8")


def draft(good: int, bad: int, sample: int = 0) -> Trajectory:
    """So many good steps, and then so many bad ones."""
    path = Trajectory(QUESTION, sample=sample)
    for number, text in enumerate(["good\n"] * good + ["bad\n"] * bad):
        path = path.grow(text, 0 if number else sample, tokens=10)
    return replace(path, stop=Stop.ANSWERED, answer="8" if bad else "7")


def test_the_rule_by_hand() -> None:
    rule = Rule()
    assert rule.q(0.25, 100) == pytest.approx(0.5822, abs=5e-5)
    assert rule.u(visits=2, total=9) == 0.125
    assert rule.q(1.0, 0) == 1.0
    assert rule.q(0.5, 500) == pytest.approx(math.sqrt(0.5) * 0.9)
    assert rule.u(visits=0, total=0) == 0.0


@pytest.mark.parametrize(("good", "length"), [(good, length) for length in (1, 2, 8) for good in range(length)])
async def test_the_first_error_is_found_in_log_time(good: int, length: int, checker: Checker) -> None:
    world, path = World(), draft(good, length - good)
    search = Search(RolloutSampler(world, KEYS, checker), Rule(), rollouts=4, most=400)
    await search.begin([path])
    before = world.sampled
    assert before == 3  # the draft is one of the four rollouts of the root
    search.pool = [one for one in search.pool if one[1] is path]
    assert await search.once()
    assert search.errors[path.place] == good
    assert (world.sampled - before) / 4 <= math.ceil(math.log2(length)) if length > 1 else world.sampled == before


async def test_the_grades_of_a_draft(checker: Checker) -> None:
    world, wrong, right = World(), draft(2, 2), draft(4, 0, sample=1)
    grades = await omegaprm(world, KEYS, rollouts=2, searches=1, checker=checker)([wrong, right])
    assert [grade.value for grade in grades] == [0.0, 1.0]
    assert grades[0].reason == "its first wrong step is number 3"
    # middle of steps 1 to 3 is 2, which is right half of the time; then 3, which never is
    assert grades[0].steps == (None, 0.5, 0.0, 0.0)
    assert [detail.n for detail in grades[0].details] == [None, 2, 2, None]
    assert grades[1].steps == (None, None, None, 1.0)
    assert world.prefixes == ["good\ngood\n", "good\ngood\nbad\n"]
    thrown = grades[0].rollouts
    assert len(thrown) == 4
    assert {path.role for path in thrown} == {Role.ROLLOUT}
    assert [grade.grader for grade in thrown[0].grades] == ["oracle", "omegaprm"]
    assert thrown[0].grades[1].value == 1.0
    assert [thrown[0].grades[1].steps[1], thrown[2].grades[1].steps[2]] == [0.5, 0.0]


async def test_what_is_searched_next_has_the_highest_score(checker: Checker) -> None:
    search = Search(RolloutSampler(World(), KEYS, checker), Rule(), rollouts=2, most=400)
    paths = [draft(2, 2), draft(2, 6, sample=1), draft(4, 0, sample=2)]
    await search.begin(paths)
    root = search.states["u1/"]
    assert (root.tally.right, root.tally.n) == (1, 3)
    by_hand = [0.5 ** (2 / 3) * 0.9 ** (40 / 500), 0.5 ** (2 / 3) * 0.9 ** (80 / 500)]
    assert [search.score(*one, total=0) for one in search.pool] == pytest.approx(by_hand)
    assert await search.once()
    assert set(search.errors) == {paths[0].place}  # the shorter one
    assert (root.visits, len(search.pool)) == (1, 2)  # its other one, and the wrong rollout of "good good"
    state, _ = search.pool[1]
    assert (state.prefix.text(), state.tally.mean) == ("good\ngood\n", 0.5)
    scores = [search.score(*one, total=1) for one in search.pool]
    assert scores == pytest.approx([by_hand[1] + 0.125 / 2, 0.5**0.5 * 0.9 ** (30 / 500) + 0.125])
    assert await search.once()
    assert (state.visits, root.visits) == (1, 1)


async def test_nothing_is_searched_where_all_is_right_or_all_is_wrong(checker: Checker) -> None:
    for path in (draft(3, 0), draft(0, 3)):
        world = World()
        [grade] = await omegaprm(world, KEYS, rollouts=1, checker=checker)([path])
        assert (world.sampled, grade.reason) == (0, None)
        assert grade.steps == (None, None, grade.value)
    state = State(draft(1, 0), Tally(0, 0))
    assert not state.open


async def test_the_most_rollouts_are_never_exceeded(checker: Checker) -> None:
    for most in (0, 3, 5, 9, 30):
        world = World()
        await omegaprm(world, KEYS, rollouts=2, searches=50, most=most, checker=checker)(
            [draft(3, 5), draft(2, 6, sample=1), draft(8, 0, sample=2)]
        )
        assert world.sampled <= most


async def test_what_has_no_key_or_no_answer(checker: Checker) -> None:
    [grade] = await omegaprm(World(), Keyring(), checker=checker)([draft(1, 1)])
    assert grade.reason == "the key of this problem is not known"
    failed = Trajectory(QUESTION, stop=Stop.FAILED, reason="gone")
    open_ended = replace(draft(1, 0, sample=1), stop=None, answer=None)
    grades = await omegaprm(World(), KEYS, checker=checker)([failed, open_ended])
    assert [grade.reason for grade in grades] == [
        "the trajectory failed: gone",
        "the draft's own answer could not be judged (it is unfinished)",
    ]
    with pytest.raises(PartError, match="rollouts=0 must be at least 1"):
        omegaprm(World(), KEYS, rollouts=0)
