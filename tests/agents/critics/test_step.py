"""The critic of single steps: what it asks, and what counts as an opinion."""

import pytest

from redraft.agents.critics.critic import Critique, Opinion
from redraft.agents.critics.step import parse_critique, step
from redraft.llm.client.client import Client
from redraft.llm.model import Choice, Finish, ModelError
from redraft.llm.prompts.templates import STEP_CRITIQUE
from redraft.llm.scripted import Scripted
from redraft.store.problems import Question
from redraft.store.trajectory import Trajectory

DRAFT = Trajectory(Question("p", "How much?", unit="u")).grow("Two have 8.\n\n", 0)


@pytest.mark.parametrize(
    ("reply", "critique"),
    [
        ("finished", Critique(Opinion.FINISHED, reason="The model calls it finished.")),
        ("The sum holds.\n**Finished:** it is 8.", Critique(Opinion.FINISHED, reason="it is 8")),
        ("hopeless - 7*7 is not 48", Critique(Opinion.HOPELESS, reason="7*7 is not 48")),
        ("Go on.", Critique(Opinion.GO_ON, reason="The model calls it go on.")),
        ("Advice: Mind the units.\nThen add.", Critique(Opinion.GO_ON, advice="Mind the units. Then add.")),
        ("finished: no\nhopeless: the sign", Critique(Opinion.HOPELESS, reason="the sign")),
        ("Finished the sum, but the tip is missing.", None),
        ("It is not finished.", None),
        ("", None),
    ],
)
def test_an_opinion_is_a_word_at_the_beginning_of_a_line(reply: str, critique: Critique | None) -> None:
    assert parse_critique(reply) == critique


async def test_the_model_is_asked_about_the_draft_as_far_as_it_goes() -> None:
    model = Scripted(lambda request, index: "advice: Mind the units.")
    assert await step(Client(model))(DRAFT) == Critique(Opinion.GO_ON, advice="Mind the units.")
    [request] = model.requests
    assert [message.content for message in request.messages[-2:]] == ["Two have 8.\n\n", STEP_CRITIQUE]
    assert (request.temperature, request.n) == (0, 1)


@pytest.mark.parametrize("choice", [Choice("Well.", Finish.END, 1), Choice("finished", Finish.LENGTH, 1)])
async def test_a_reply_that_does_not_say_is_no_opinion(choice: Choice) -> None:
    with pytest.raises(ModelError, match="its reply does not say"):
        await step(Client(Scripted(lambda request, index: choice)))(DRAFT)
