from collections.abc import Sequence

from redraft.agents.correction.drafts import cut
from redraft.agents.measures import judge
from redraft.store.records import Grade, Question, Role, Stop, Trajectory


def two_turns(role: Role = Role.SAMPLE) -> Trajectory:
    first = Trajectory(Question("p", "1+1?", unit="u"), role=role).grow("It is 3.", 0, tokens=4, logprob=-2.0)
    ended = Trajectory(first.question, first.steps, role=role, stop=Stop.ANSWERED, answer="3")
    second = ended.respond("Wrong.", "oracle").grow("It is 2.", 0, tokens=4, logprob=-1.0)
    return Trajectory(
        second.question, second.steps, role=role, stop=Stop.LENGTH, stops=second.stops, answer="2",
        answers=second.answers, reason="r",
    )  # fmt: skip


async def answers(trajectories: Sequence[Trajectory]) -> list[Grade]:
    return [Grade("g", path.trajectory_id, path.turn, reason=f"{path.answer} {path.stop}") for path in trajectories]


def test_a_path_can_be_seen_as_it_stood_after_each_turn() -> None:
    path = two_turns()
    assert cut(path, 2) == path
    first = cut(path, 1)
    assert (first.text(), first.answer, first.stop, first.turn, first.answers, first.reason) == (
        "It is 3.", "3", Stop.ANSWERED, 1, (), None,
    )  # fmt: skip


async def test_every_turn_is_graded_under_the_id_of_the_whole_path() -> None:
    path = two_turns(Role.SEARCH)
    grades = await judge([answers, answers], [path])
    assert [(grade.trajectory_id, grade.turn, grade.reason) for grade in grades[:2]] == [
        (path.trajectory_id, 1, "3 answered"),
        (path.trajectory_id, 2, "2 length"),
    ]
    assert grades[2:] == grades[:2]


async def test_a_turn_that_failed_has_no_grade_and_those_before_it_have() -> None:
    path = two_turns()
    failed = Trajectory(path.question, path.steps, stop=Stop.FAILED, stops=path.stops, answers=path.answers)
    assert [grade.turn for grade in await judge([answers], [failed])] == [1]
