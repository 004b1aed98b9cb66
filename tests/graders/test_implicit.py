"""The implicit reward: its closed form on scripted models, and the embedded model as both models."""

import asyncio
import math
from collections.abc import Sequence

import pytest

from redraft.graders.implicit import implicit
from redraft.llm.client.client import Client
from redraft.llm.model import Message, Model, ModelError
from redraft.llm.providers.embedded.model import embedded
from redraft.llm.scripted import Scripted
from redraft.store import Problem, Trajectory
from redraft.store.errors import PartError
from redraft.store.trajectory import Step, Stop


class Reader(Scripted):
    """Tells a fixed log-probability of every word of an answer."""

    def __init__(self, name: str, each: float) -> None:
        super().__init__(lambda request, index: "", name=name)
        self.each, self.read = each, list[str]()

    async def answer_logprobs(self, messages: Sequence[Message], answer: str) -> Sequence[float] | None:
        if "unreadable" in answer:
            raise ModelError("It is too long.")
        self.read += [messages[-1].content, answer]
        return [self.each] * len(answer.split()) if self.each else None


def draft(question: str, text: str) -> Trajectory:
    step = Step("u/0", None, "k", 1, 1, "model", text, final=True, tokens=1)
    return Trajectory(Problem(question, "2").ask("u"), (step,), answer="2", stop=Stop.ANSWERED)


def grades(model: Model, reference: Model, *texts: str, beta: float = 0.5) -> list[tuple[float | None, str | None]]:
    client = Client(Scripted(lambda request, index: ""))
    client._others = {(one.name, None): client.for_model(one) for one in (model, reference)}
    grader = implicit(client, model=model.name, reference=reference.name, beta=beta)
    found = asyncio.run(grader([draft("1 + 1?", text) for text in texts]))
    return [(one.value, one.reason) for one in found]


def test_the_value_is_the_sigmoid_of_beta_times_the_difference() -> None:
    trained, first = Reader("trained", -0.5), Reader("first", -0.75)
    assert grades(trained, first, "it is 2", "2") == [
        (pytest.approx(1 / (1 + math.exp(-0.5 * 0.75))), None), (pytest.approx(1 / (1 + math.exp(-0.5 * 0.25))), None)
    ]  # fmt: skip
    assert "1 + 1?" in trained.read[0]
    assert trained.read[1] == "it is 2"
    assert grades(trained, trained, "it is 2") == [(0.5, None)]
    assert grades(Reader("a", -1e6), Reader("b", -1.0), "2", beta=5.0)[0][0] == pytest.approx(0, abs=1e-300)


def test_a_model_that_cannot_read_a_draft_gives_a_reason() -> None:
    trained = Reader("trained", -0.5)
    assert grades(trained, trained, "unreadable") == [(None, "It is too long.")]
    [(value, reason)] = grades(trained, Reader("silent", 0), "2")
    assert (value, reason) == (None, "silent tells no log-probabilities of texts that it did not write")


def test_the_embedded_model_finds_its_own_drafts_as_likely_as_its_reference_does() -> None:
    model = embedded()
    client = Client(model)
    grader = implicit(client, model="embedded", reference="embedded")
    [found] = asyncio.run(grader([draft("A box has 3 hats. Each hat costs 5 dollars. What do they cost?", "#### 15")]))
    assert (found.value, found.grader, found.grader_model) == (0.5, "implicit", "embedded")
    with pytest.raises(PartError, match="beta=0 of grader 'implicit' has to be above 0"):
        implicit(client, model="embedded", reference="embedded", beta=0)
