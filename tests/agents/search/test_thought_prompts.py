"""What Tree of Thoughts asks a model, and how its replies are read."""

import pytest

from redraft.agents.search.search import Search
from redraft.agents.search.thought_prompts import (
    best_choice,
    judgement_value,
    judging_grader,
    parse_thoughts,
    proposing_policy,
    voting_value,
)
from redraft.llm.client.client import Client
from redraft.llm.model import Choice, Finish, ModelError, Request
from redraft.llm.scripted import Scripted
from redraft.store.journal import Journal
from redraft.store.trajectory import Stop, Trajectory
from world import QUESTION


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("The best choice is 10", 10),
        ("The best choice is **12**.", 12),
        ("the best choice is choice 3, and 4 is worse", 3),
        ("The best choice is 1?\nNo. The best choice is 2.", 2),
        ("The best choice is 13", None),
        ("The best choice is 0", None),
        ("The best choice is\n3 of them", None),
        ("Choice 2 is the best.", None),
        ("", None),
    ],
)
def test_a_vote_is_the_whole_number_that_is_named(text: str, choice: int | None) -> None:
    assert best_choice(text, 12) == choice


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("It adds up.\nsure", 1.0),
        ("**Likely**", 0.05),
        ("Verdict: impossible.\n\n", 0.00005),
        ("It is sure\nthat it is unlikely", None),
        ("not sure", None),
        ("sure or likely", None),
        ("", None),
    ],
)
def test_a_judgement_is_the_word_of_the_last_line(text: str, value: float | None) -> None:
    assert judgement_value(text) == value


def test_listed_steps_share_the_reply_and_lose_no_token() -> None:
    text = "1. Add 2 and 3.\n\n2) Take 4.\n- So \\boxed{5}\n2 + 2 = 4 too\n"
    lines = parse_thoughts(Choice(text, Finish.END, 40), 9)
    assert [line.text for line in lines] == ["Add 2 and 3.", "Take 4.", "So \\boxed{5}", "2 + 2 = 4 too"]
    assert sum(line.tokens for line in lines) == 40
    assert sum(line.tokens for line in parse_thoughts(Choice(text, Finish.END, 40), 2)) == 40
    words = Choice("A b\n2. C", Finish.END, 4, logprobs=(-1.0, -2.0, -4.0, -8.0), offsets=(0, 1, 4, 6))
    assert [(line.tokens, line.logprobs) for line in parse_thoughts(words, 2)] == [(2, (-1.0, -2.0)), (2, None)]


async def test_one_call_proposes_several_steps() -> None:
    def script(request: Request, index: int) -> Choice:
        asked = request.messages[-1].content
        assert "Propose 3 different next steps" in asked
        texts = ("So \\boxed{1}", "So \\boxed{2}") if len(request.messages) > 1 else ("A", "B", "C", "D")
        return Choice("\n".join(texts), Finish.END, 8)

    client = Client(Scripted(script), journal=Journal(None))
    search = Search(QUESTION)
    first, second, third = await search.expand(proposing_policy(client), search.root, 3)
    assert [node.trajectory.text() for node in (first, second, third)] == ["A\n\n", "B\n\n", "C\n\n"]
    assert [node.trajectory.trajectory_id for node in (first, second, third)] == ["u/0", "u/1", "u/2"]
    more = await search.expand(proposing_policy(client), second, 3)
    assert [(node.trajectory.answer, node.trajectory.stop) for node in more] == [
        ("1", Stop.ANSWERED),
        ("2", Stop.ANSWERED),
    ]
    assert [(call.purpose, call.n) for call, _ in client.journal.calls("u")] == [("propose", 1)] * 2  # pyright: ignore
    assert (search.samples, search.tokens) == (6, 16)


async def test_what_can_not_be_proposed_is_no_step() -> None:
    def broken(request: Request, index: int) -> str:
        raise ModelError("The line is dead.")

    for script, stop in ((broken, Stop.FAILED), (lambda request, index: " \n", Stop.DEAD_END)):
        search = Search(QUESTION)
        assert await search.expand(proposing_policy(Client(Scripted(script))), search.root, 3) == []
        assert search.root.trajectory.stop is stop


async def test_values_are_means_of_what_is_said_and_no_word_is_no_value() -> None:
    said = {"A": ["sure", "likely", "Hm."], "B": ["Hm.", "impossible", "impossible"], "C": ["Hm."]}

    def script(request: Request, index: int) -> str:
        shown = request.messages[-1].content.split("<<<\n")[1][0]
        if shown == "D":
            raise ModelError("The line is dead.")
        return said[shown][index % len(said[shown])]

    client = Client(Scripted(script))
    trajectories = [Trajectory(QUESTION).grow(name, number) for number, name in enumerate("ABCD")]
    grades = await judging_grader(client, 3)(trajectories)
    assert [(grade.value, grade.reason) for grade in grades] == [
        (pytest.approx((1 + 1 / 20) / 2), None),
        (0.001 / 20, None),
        (None, "no reply ends with sure, likely or impossible"),
        (None, "The line is dead."),
    ]


async def test_votes_are_shares_of_those_that_name_a_choice() -> None:
    votes = ["The best choice is 2", "The best choice is 2", "The best choice is 1", "I can't tell."]
    model = Scripted(lambda request, index: votes[index])
    search = Search(QUESTION)
    nodes = await search.expand(proposing_policy(Client(Scripted(lambda request, index: "A\nB\nC"))), search.root, 3)
    await voting_value(Client(model), 4)(search, nodes)
    assert [node.value for node in nodes] == [pytest.approx(1 / 3), pytest.approx(2 / 3), 0.0]
    assert "Choice 3:\nC" in model.requests[0].messages[0].content
    silent = Search(QUESTION)
    nodes = await silent.expand(proposing_policy(Client(Scripted(lambda request, index: "A\nB"))), silent.root, 3)
    await voting_value(Client(Scripted(lambda request, index: "Either.")), 2)(silent, nodes)
    assert [(node.value, node.grade and node.grade.reason) for node in nodes] == [
        (None, "no reply names the best choice")
    ] * 2
