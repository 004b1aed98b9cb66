"""Debate: who is shown what, who stays in it, how it ends, and replay."""

from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from redraft.agents import build
from redraft.agents.feedback.peers import peers
from redraft.agents.policies.policy import whole
from redraft.agents.strategies.debate import debate
from redraft.llm.client.client import Client
from redraft.llm.model import Message, ModelError, Request
from redraft.llm.prompts.prompts import Prompts
from redraft.llm.providers.embedded.prompts import DOUBTFUL
from redraft.llm.scripted import Scripted
from redraft.store.errors import PartError
from redraft.store.journal import Journal
from redraft.store.problems import Question
from redraft.store.trajectory import Stop, Trajectory

QUESTION = Question("p", "How much?", unit="u")


def said(*rounds: Sequence[str]) -> Scripted:
    """Gives writer w of round r the answer rounds[r][w]; "!" is a call that fails. A draft names its writer and its
    round."""

    def script(request: Request, index: int) -> str:
        number = len(request.messages) // 2
        writer = index if number == 0 else int(request.messages[1].content.split()[1])
        if (answer := rounds[number][writer]) == "!":
            raise ModelError("The line is dead.")
        return f"writer {writer} round {number}\n#### {answer}"

    return Scripted(script)


def agent(model: Scripted, **arguments: Any) -> Any:
    client = Client(model)
    return debate(whole(client), feedback=peers(client), **arguments)


async def test_each_writer_is_shown_the_latest_drafts_of_the_others_and_the_last_ones_vote() -> None:
    model = said(["1", "2", "3"], ["4", "5", "6"], ["7", "8", "8"])
    watched: list[tuple[int, int]] = []
    trajectories = await agent(model, watch=lambda trajectory: watched.append((trajectory.sample, trajectory.turn)))(
        QUESTION
    )

    assert sum(request.n for request in model.requests) == 9
    assert [(t.sample, t.answer, t.answers, t.score, t.chosen) for t in trajectories] == [
        (1, "8", ("2", "5"), 2 / 3, True),
        (2, "8", ("3", "6"), 2 / 3, False),
        (0, "7", ("1", "4"), 1 / 3, False),
    ]
    assert {t.stop for t in trajectories} == {Stop.ANSWERED}
    assert {t.reason for t in trajectories} == {"The limit of rounds=2 is reached."}
    assert watched == [(s, t) for t in (1, 2, 3) for s in (0, 1, 2)]
    shown = {
        (number, request.messages[1].content.split()[1]): [m.content for m in request.messages[2::2]]
        for request in model.requests
        if (number := len(request.messages) // 2)
    }
    assert len(shown) == 6
    for (number, writer), remarks in shown.items():
        for earlier, remark in enumerate(remarks):
            for other in "012":
                assert (f"writer {other} round {earlier}\n" in remark) == (other != writer), (number, writer)
        assert len(remarks) == number
    assert [step.by for step in trajectories[0].steps if step.by != "model"] == ["peers", "peers"]


async def test_a_draft_that_failed_is_neither_shown_nor_revised() -> None:
    model = said(["1", "2", "3"], ["4", "!", "4"], ["5", "-", "6"])
    trajectories = await agent(model)(QUESTION)
    assert [(t.sample, t.stop, t.chosen) for t in trajectories] == [
        (0, Stop.ANSWERED, True),
        (2, Stop.ANSWERED, False),
        (1, Stop.FAILED, False),
    ]
    last = [request.messages[-1].content for request in model.requests if len(request.messages) == 5]
    assert len(last) == 2
    assert not any("writer 1" in remark for remark in last)


async def test_one_draft_that_is_left_has_nobody_to_debate_with() -> None:
    model = said(["1", "2"], ["!", "3"], ["-", "-"])
    trajectories = await agent(model, agents=2)(QUESTION)
    assert len(model.requests) == 3
    assert (trajectories[0].answer, trajectories[0].turn, trajectories[0].chosen) == ("3", 2, True)
    alone = said(["1"])
    [trajectory] = await agent(alone, agents=1)(QUESTION)
    assert (len(alone.requests), trajectory.answer) == (1, "1")


@pytest.mark.parametrize("count", ["agents", "rounds"])
def test_a_count_below_one_is_told(count: str) -> None:
    with pytest.raises(PartError, match=f"{count}=0 is too few"):
        agent(said([]), **{count: 0})


async def test_a_debate_is_replayed_from_its_journal() -> None:
    model, journal = said(["1", "2", "3"], ["4", "5", "6"], ["7", "8", "8"]), Journal(None)
    first, again = [await build("debate", Client(model, journal=journal))(QUESTION) for _ in range(2)]
    assert first == again
    assert sum(request.n for request in model.requests) == 9


async def test_a_wording_of_ones_own_shows_the_drafts() -> None:
    model = said(["1", "2"], ["3", "4"])
    prompts = Prompts(templates={"peers": "Think of these: {solutions}"})
    await build("debate", Client(model, prompts=prompts), agents=2, rounds=1)(QUESTION)
    assert model.requests[-1].messages[-1] == Message(
        "user", "Think of these: Solution 1:\n<<<\nwriter 0 round 0\n#### 1\n>>>"
    )


def draft(sample: int, *lines: str) -> Trajectory:
    trajectory = Trajectory(QUESTION, sample=sample)
    for line in lines:
        trajectory = trajectory.grow(f"{line}\n", 1)
    return replace(trajectory, stop=Stop.ANSWERED)


async def test_a_model_of_its_own_forms_is_pointed_at_the_line_where_it_departs_from_the_others() -> None:
    model = Scripted(lambda request, index: "", templates={"doubtful": DOUBTFUL, "separator": "\n"})
    feedback = peers(Client(model))
    drafts = [
        draft(0, "They have 3*4=12.", "12-5=7 are left.", "#### 7"),
        draft(1, "There are 4*3=12.", "12-5=7 remain.", "#### 7"),
        draft(2, "There are 4*3=12.", "12+5=17 remain.", "#### 17"),
    ]
    told = await feedback(drafts)
    assert [remark and getattr(remark, "text") for remark in told] == [None, None, DOUBTFUL.format(line=2)]  # noqa: B009
    pair = await feedback(drafts[1:])
    assert [getattr(remark, "text") for remark in pair] == [DOUBTFUL.format(line=2)] * 2  # noqa: B009
    assert await feedback(drafts[:1]) == [None]


async def test_a_draft_without_a_remark_stays_in_the_debate_and_an_unchanged_round_is_the_last() -> None:
    """Writer 2 departs, is told so, and comes round: then nobody has anything to say."""

    def script(request: Request, index: int) -> str:
        return "2*3=6\n#### 6" if index < 2 or len(request.messages) > 1 else "2+3=5\n#### 5"

    model = Scripted(script, templates={"doubtful": DOUBTFUL, "solve": "{question}", "separator": "\n"})
    trajectories = await build("debate", Client(model), rounds=5)(QUESTION)
    assert [(t.sample, t.turn, t.answer) for t in trajectories] == [(0, 1, "6"), (1, 1, "6"), (2, 2, "6")]
    assert [request.n for request in model.requests] == [3, 1]
    assert trajectories[0].score == 1.0
