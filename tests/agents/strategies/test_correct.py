"""Correction in turns: what is asked, who stops it, what is kept when something fails, and replay."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from redraft.agents.critics.critic import Critique, Opinion
from redraft.agents.critics.none import none as no_critic
from redraft.agents.feedback.feedback import Remark
from redraft.agents.feedback.none import none as no_feedback
from redraft.agents.feedback.oracle import oracle
from redraft.agents.policies.policy import whole
from redraft.agents.strategies.correct import correct
from redraft.llm.client.client import Client
from redraft.llm.limits import Budget
from redraft.llm.model import Choice, Finish, ModelError, Request, Sampling
from redraft.llm.scripted import Scripted
from redraft.store.errors import PartError
from redraft.store.journal import Journal
from redraft.store.problems import Keyring, Question
from redraft.store.trajectory import Grade, Role, Stop, Trajectory, Verdict

QUESTION = Question("p", "How much?", unit="u")
WRONG = "The answer is wrong. Solve the problem again."
CHECK = "There may be an error in the solution. Check it and solve the problem again."


def turns(*drafts: Sequence[str]) -> Scripted:
    """Gives sample s of turn t the draft drafts[t - 1][s]; "!" is a call that fails. A revision says "sample s" in its
    first draft, so that it is known whose it is."""

    def script(request: Request, index: int) -> str:
        turn = len(request.messages) // 2
        sample = index if turn == 0 else int(request.messages[1].content.split()[1])
        draft = drafts[turn][sample]
        if draft == "!":
            raise ModelError("The line is dead.")
        return f"sample {sample}\n#### {draft}"

    return Scripted(script)


def facts(trajectories: Sequence[Trajectory]) -> list[tuple[object, ...]]:
    return [(t.trajectory_id, t.answers, t.answer, t.stop, t.chosen) for t in trajectories]


async def by_answer(trajectories: Sequence[Trajectory]) -> list[Grade]:
    return [Grade("by_answer", t.trajectory_id, t.turn, value=float(t.answer or -1)) for t in trajectories]


async def test_each_sample_is_told_that_it_is_wrong_until_the_key_agrees() -> None:
    keys, model, watched = Keyring({"p": "8"}), turns(["8", "7", "5"], ["", "8", "6"], ["", "", "4"]), []
    agent = correct(
        whole(Client(model)),
        feedback=oracle(keys),
        critic=no_critic(),
        samples=3,
        turns=3,
        watch=lambda trajectory: watched.append((trajectory.sample, trajectory.turn, trajectory.answer)),
    )

    trajectories = await agent(QUESTION)

    assert facts(trajectories) == [
        ("u:0", (), "8", Stop.ANSWERED, True),
        ("u:1", ("7",), "8", Stop.ANSWERED, False),
        ("u:2", ("5", "6"), "4", Stop.ANSWERED, False),
    ]
    assert [(s.step_id, s.turn, s.by, s.text) for s in trajectories[1].steps] == [
        ("u/1", 1, "model", "sample 1\n"),
        ("u/1.0", 1, "model", "#### 7"),
        ("u/1.0.0", 2, "oracle", WRONG),
        ("u/1.0.0.0", 2, "model", "sample 1\n"),
        ("u/1.0.0.0.0", 2, "model", "#### 8"),
    ]
    assert trajectories[1].stops == (Stop.ANSWERED,)
    assert watched == [(0, 1, "8"), (1, 1, "7"), (2, 1, "5"), (1, 2, "8"), (2, 2, "6"), (2, 3, "4")]
    assert [request.n for request in model.requests] == [3, 1, 1, 1]
    assert keys.was_opened("u")


async def test_without_any_knowledge_it_goes_on_for_all_its_turns() -> None:
    model = turns(["8"], ["8"], ["7"])
    agent = correct(whole(Client(model)), feedback=no_feedback(), critic=no_critic(), turns=3)

    [trajectory] = await agent(QUESTION)

    assert (trajectory.answers, trajectory.answer, trajectory.turn) == (("8", "8"), "7", 3)
    assert [message.content for message in model.requests[-1].messages[1:]] == [
        "sample 0\n#### 8",
        CHECK,
        "sample 0\n#### 8",
        CHECK,
    ]


@pytest.mark.parametrize("opinion", [Opinion.FINISHED, Opinion.HOPELESS])
async def test_a_critic_ends_the_samples_that_it_calls_finished_or_hopeless(opinion: Opinion) -> None:
    async def critic(trajectory: Trajectory) -> Critique:
        return Critique(opinion, reason="It is eight.") if trajectory.answer == "8" else Critique(Opinion.GO_ON)

    agent = correct(
        whole(Client(turns(["8", "7"], ["", "9"]))), feedback=no_feedback(), critic=critic, samples=2, turns=2
    )

    trajectories = await agent(QUESTION)

    assert facts(trajectories) == [
        ("u:0", (), "8", Stop.CRITIC, True),
        ("u:1", ("7",), "9", Stop.ANSWERED, False),
    ]
    assert trajectories[0].reason == "It is eight."
    said = [(grade.grader, grade.turn, grade.verdict, grade.step_id) for t in trajectories for grade in t.grades]
    verdict = Verdict.RIGHT if opinion is Opinion.FINISHED else Verdict.WRONG
    assert said == [
        ("critic", 1, verdict, trajectories[0].draft(1)[-1].step_id),
        ("critic", 1, Verdict.UNDECIDED, trajectories[1].draft(1)[-1].step_id),
    ]


async def test_a_turn_that_fails_ends_its_sample_and_keeps_the_drafts_before_it() -> None:
    model = turns(["7", "7"], ["!", "7"], ["", "8"])
    agent = correct(whole(Client(model)), feedback=no_feedback(), critic=no_critic(), samples=2, turns=3)

    trajectories = await agent(QUESTION)

    assert facts(trajectories) == [
        ("u:1", ("7", "7"), "8", Stop.ANSWERED, True),
        ("u:0", ("7",), None, Stop.FAILED, False),
    ]
    assert (trajectories[1].reason, trajectories[1].text(1), trajectories[1].steps[-1].text) == (
        "The line is dead.",
        "sample 0\n#### 7",
        CHECK,
    )


async def test_a_failed_critic_or_feedback_is_a_failure_and_the_draft_stands_for_itself() -> None:
    async def no_line(trajectory: object) -> object:
        raise ModelError("The line is dead.")

    policy = whole(Client(turns(["7"])))
    for parts in ({"critic": no_line, "feedback": no_feedback()}, {"critic": no_critic(), "feedback": no_line}):
        trajectories = await correct(policy, **parts)(QUESTION)  # pyright: ignore[reportArgumentType]
        assert [(t.trajectory_id, t.role, t.stop, t.reason, t.answer, t.chosen) for t in trajectories] == [
            ("u/0.0", Role.SEARCH, Stop.ANSWERED, None, "7", True),
            ("u:0", Role.SAMPLE, Stop.FAILED, "The line is dead.", "7", False),
        ]


async def test_a_fatal_error_stops_the_agent() -> None:
    def script(request: Request, index: int) -> str:
        raise ModelError("No key.", fatal=True)

    with pytest.raises(ModelError, match="No key"):
        await correct(whole(Client(Scripted(script))), feedback=no_feedback(), critic=no_critic())(QUESTION)


async def test_drafts_that_were_cut_off_are_not_revised() -> None:
    model = Scripted(lambda request, index: Choice("4 and", Finish.LENGTH, 2))
    [trajectory] = await correct(whole(Client(model)), feedback=no_feedback(), critic=no_critic())(QUESTION)
    assert (trajectory.turn, trajectory.stop, len(model.requests)) == (1, Stop.LENGTH, 1)


async def test_the_last_drafts_vote_where_nothing_grades_them_and_else_the_best_is_picked() -> None:
    drafts = ["1", "1", "1"], ["3", "2", "3"]
    parts = {"feedback": no_feedback(), "critic": no_critic(), "samples": 3, "turns": 2}
    voted = await correct(whole(Client(turns(*drafts))), **parts)(QUESTION)  # pyright: ignore[reportArgumentType]
    assert [(trajectory.sample, trajectory.answer, trajectory.chosen) for trajectory in voted] == [
        (0, "3", True),
        (1, "2", False),
        (2, "3", False),
    ]

    drafts = ["9", "1", "1"], ["3", "4", "2"]
    graded = await correct(whole(Client(turns(*drafts))), grader=by_answer, **parts)(QUESTION)  # pyright: ignore[reportArgumentType]
    assert [(p.sample, p.score, p.chosen) for p in graded] == [(1, 4.0, True), (0, 3.0, False), (2, 2.0, False)]


async def test_the_best_draft_of_all_turns_stands_beside_its_whole_trajectory() -> None:
    policy = whole(Client(turns(["9", "1"], ["3", "4"])))
    agent = correct(
        policy, feedback=no_feedback(), critic=no_critic(), grader=by_answer, samples=2, turns=2, pick="best"
    )

    trajectories = await agent(QUESTION)

    assert [(t.trajectory_id, t.role, t.answer, t.score, t.chosen) for t in trajectories] == [
        ("u/0.0", Role.SEARCH, "9", 9.0, True),
        ("u:1", Role.SAMPLE, "4", 4.0, False),
        ("u:0", Role.SAMPLE, "3", 3.0, False),
    ]
    assert trajectories[0].steps == trajectories[2].steps[:2]


async def test_picking_the_best_needs_a_grader_and_counts_start_at_one() -> None:
    policy = whole(Client(turns(["9"])))
    with pytest.raises(PartError, match="needs a grader"):
        correct(policy, feedback=no_feedback(), critic=no_critic(), pick="best")
    with pytest.raises(PartError, match="turns=0 is too few; it must be at least 1"):
        correct(policy, feedback=no_feedback(), critic=no_critic(), turns=0)


async def test_a_run_is_replayed_from_its_journal_without_a_call(tmp_path: Path) -> None:
    trajectory = tmp_path / "r.jsonl"

    async def run(model: Scripted, samples: int) -> list[Trajectory]:
        journal = Journal(trajectory)
        client = Client(model, journal=journal, sampling=Sampling(seed=1))
        parts = {"feedback": oracle(Keyring({"p": "8"})), "critic": no_critic(), "samples": samples}
        trajectories = await correct(whole(client), turns=3, **parts)(QUESTION)
        journal.close()
        return trajectories

    drafts = ["8", "7", "5"], ["", "8", "6"], ["", "", "4"]
    first, second, third = turns(*drafts), turns(*drafts), turns(*drafts)
    trajectories = await run(first, 3)

    assert await run(second, 3) == trajectories
    assert second.requests == []
    more = await run(third, 4)
    assert [replace(trajectory, chosen=False) for trajectory in more if trajectory.sample < 3] == [
        replace(trajectory, chosen=False) for trajectory in trajectories
    ]
    assert [(request.n, len(request.messages)) for request in third.requests] == [(1, 1)]


async def test_a_remark_carries_the_name_of_whoever_made_it() -> None:
    async def ann(trajectories: Sequence[Trajectory]) -> list[Remark | None]:
        return [Remark("Mind the cats.", "ann") for _ in trajectories]

    [trajectory] = await correct(whole(Client(turns(["7"], ["8"]))), feedback=ann, critic=no_critic(), turns=2)(
        QUESTION
    )
    remark = trajectory.feedback(2)
    assert remark is not None
    assert (remark.by, remark.text, remark.turn) == ("ann", "Mind the cats.", 2)


async def test_twenty_turns_stay_within_the_graphs_limit() -> None:
    drafts = [["7"]] * 20
    [trajectory] = await correct(whole(Client(turns(*drafts))), feedback=no_feedback(), critic=no_critic(), turns=20)(
        QUESTION
    )
    assert trajectory.turn == 20


async def test_a_redraft_that_a_budget_does_not_reach_leaves_the_draft_before_it() -> None:
    model = turns(["7", "5"], ["8", "6"])
    client = Client(model, problem_budget=Budget(calls=2))  # one for both first drafts, one for a redraft
    agent = correct(whole(client), feedback=no_feedback(), critic=no_critic(), samples=2, turns=2)

    trajectories = await agent(QUESTION)

    assert facts(trajectories) == [
        ("u:0", ("7",), "8", Stop.ANSWERED, True),
        ("u:1", (), "5", Stop.BUDGET, False),
    ]
    assert trajectories[1].reason == "The problem's budget of 2 calls is used up."
    assert trajectories[1].text() == "sample 1\n#### 5"
