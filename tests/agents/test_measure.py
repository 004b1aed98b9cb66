from collections.abc import Sequence

from redraft.agents.correction.drafts import cut_to_turn
from redraft.agents.measure import grade_drafts
from redraft.store.problems import Question
from redraft.store.trajectory import Grade, Role, Stop, Trajectory


def two_turns(role: Role = Role.SAMPLE) -> Trajectory:
    first = Trajectory(Question("p", "1+1?", unit="u"), role=role).grow("It is 3.", 0, tokens=4, logprob=-2.0)
    ended = Trajectory(first.question, first.steps, role=role, stop=Stop.ANSWERED, answer="3")
    second = ended.respond("Wrong.", "oracle").grow("It is 2.", 0, tokens=4, logprob=-1.0)
    return Trajectory(
        second.question, second.steps, role=role, stop=Stop.LENGTH, stops=second.stops, answer="2",
        answers=second.answers, reason="r",
    )  # fmt: skip


async def answers(trajectories: Sequence[Trajectory]) -> list[Grade]:
    return [Grade("g", t.trajectory_id, t.turn, reason=f"{t.answer} {t.stop}") for t in trajectories]


def test_a_path_can_be_seen_as_it_stood_after_each_turn() -> None:
    trajectory = two_turns()
    assert cut_to_turn(trajectory, 2) == trajectory
    first = cut_to_turn(trajectory, 1)
    assert (first.text(), first.answer, first.stop, first.turn, first.answers, first.reason) == (
        "It is 3.", "3", Stop.ANSWERED, 1, (), None,
    )  # fmt: skip


async def test_every_turn_is_graded_under_the_id_of_the_whole_path() -> None:
    trajectory = two_turns(Role.SEARCH)
    grades = await grade_drafts([answers, answers], [trajectory])
    assert [(grade.trajectory_id, grade.turn, grade.reason) for grade in grades[:2]] == [
        (trajectory.trajectory_id, 1, "3 answered"),
        (trajectory.trajectory_id, 2, "2 length"),
    ]
    assert grades[2:] == grades[:2]


async def test_a_turn_that_failed_has_no_grade_and_those_before_it_have() -> None:
    trajectory = two_turns()
    failed = Trajectory(
        trajectory.question, trajectory.steps, stop=Stop.FAILED, stops=trajectory.stops, answers=trajectory.answers
    )
    assert [grade.turn for grade in await grade_drafts([answers], [failed])] == [1]
