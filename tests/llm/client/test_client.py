"""The client: seeds by place, replay from the journal, a limit of calls in flight, every call on record."""

import asyncio
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from redraft.llm.choice_json import choice_from_json, choice_to_json
from redraft.llm.client.client import Client
from redraft.llm.limits import Limits
from redraft.llm.model import Choice, Finish, Message, Model, ModelError, Reply, Request, Sampling
from redraft.llm.prompts.templates import fill
from redraft.llm.scripted import Scripted
from redraft.store.calls import Call
from redraft.store.digest import digest
from redraft.store.journal import Journal
from redraft.store.problems import Question

QUESTION = Question("p1", "What is 2+2?", unit="u")
ASKED = (Message("user", "What is 2+2?"),)


def seeded() -> Scripted:
    """Writes its seed, so that a draw shows which sample it was."""
    return Scripted(lambda request, index: f"seed {request.seeds[index]}")


class Slow(Model):
    """A model that counts how many calls it has at once; the text is the seed."""

    name = "slow"
    remote = False

    def __init__(self) -> None:
        self.busy = self.most = 0

    async def complete(self, request: Request) -> Reply:
        self.busy += 1
        self.most = max(self.most, self.busy)
        await asyncio.sleep(0.001 * (request.seeds[0] % 5))
        self.busy -= 1
        return Reply(tuple(Choice(str(seed), Finish.END, 1) for seed in request.seeds))


async def test_each_sample_has_its_own_seed_whatever_it_is_asked_with() -> None:
    client = Client(seeded(), sampling=Sampling(seed=5))

    together = await client.complete(QUESTION, "propose", "u/", ASKED, n=4)
    later = await client.complete(QUESTION, "propose", "u/", ASKED, n=2, first=2)

    seeds = [int(digest(5, "u", "propose", "u/", sample), 16) % 2**31 for sample in range(4)]
    assert [choice.text for choice in together] == [f"seed {seed}" for seed in seeds]
    assert [choice.text for choice in later] == [f"seed {seed}" for seed in seeds[2:]]


async def test_the_runs_sampling_holds_unless_the_call_says_otherwise() -> None:
    model = seeded()
    client = Client(model, sampling=Sampling(temperature=0.7, max_tokens=50))

    await client.complete(QUESTION, "propose", "u/", ASKED)
    await client.complete(QUESTION, "judge", "u/0", ASKED, temperature=0, max_tokens=3, stop=["."], prefix="So")

    first, second = model.requests
    assert first == Request(ASKED, temperature=0.7, max_tokens=50, seeds=(client.seed("u", "propose", "u/", 0),))
    assert second == Request(
        ASKED, "So", stop=(".",), temperature=0, max_tokens=3, seeds=(client.seed("u", "judge", "u/0", 0),)
    )


async def test_a_call_is_on_record_with_what_it_used() -> None:
    journal = Journal(None)
    client = Client(Scripted(lambda request, index: "It is four"), journal=journal, sampling=Sampling(seed=3))

    choices = await client.complete(QUESTION, "propose", "u/", ASKED, n=2, stop=["\n"])

    [(call, answers)] = journal.calls("u")
    assert replace(call, latency_ms=0.0, answered_at=None) == Call(
        call_id=digest("call", "u", "propose", "u/", 0, 2, call.prompt_hash),
        unit="u",
        problem_id="p1",
        purpose="propose",
        place="u/",
        first=0,
        n=2,
        model="scripted",
        prompt_hash=digest([["user", "What is 2+2?"]], ""),
        params={"temperature": 1.0, "max_tokens": 1024, "stop": ["\n"], "seed": 3},
        prompt_tokens=3,
        completion_tokens=6,
        cost_usd=None,
        finish_reason="end",
    )
    assert call.latency_ms > 0
    assert call.answered_at == pytest.approx(time.time(), abs=60)
    assert [choice_from_json(answer) for answer in answers] == choices
    assert {choice.call_id for choice in choices} == {call.call_id}


async def test_what_was_answered_is_not_asked_again_and_only_the_rest_is(tmp_path: Path) -> None:
    path = tmp_path / "db.journal" / "r.jsonl"
    journal = Journal(path)
    four = await Client(seeded(), journal=journal).complete(QUESTION, "propose", "u/", ASKED, n=4)
    journal.close()
    model, journal = seeded(), Journal(path)

    eight = await Client(model, journal=journal).complete(QUESTION, "propose", "u/", ASKED, n=8)

    assert eight[:4] == four
    assert [(request.n, len(request.seeds)) for request in model.requests] == [(4, 4)]
    assert [(call.first, call.n) for call, _ in journal.calls("u")] == [(0, 4), (4, 4)]
    assert len({call.call_id for call, _ in journal.calls("u")}) == 2


async def test_a_changed_prompt_is_asked_again() -> None:
    model, journal = seeded(), Journal(None)
    client = Client(model, journal=journal)

    await client.complete(QUESTION, "propose", "u/", ASKED)
    await client.complete(QUESTION, "propose", "u/", [Message("user", "Another")])
    await client.complete(QUESTION, "propose", "u/", ASKED, prefix="So")

    assert len(model.requests) == 3


async def test_holes_between_known_samples_are_filled_in_one_call_each() -> None:
    model, journal = seeded(), Journal(None)
    client = Client(model, journal=journal)
    await client.complete(QUESTION, "propose", "u/", ASKED, n=1, first=1)
    await client.complete(QUESTION, "propose", "u/", ASKED, n=2, first=4)
    model.requests.clear()

    choices = await client.complete(QUESTION, "propose", "u/", ASKED, n=8)

    assert [choice.text for choice in choices] == [f"seed {client.seed('u', 'propose', 'u/', s)}" for s in range(8)]
    assert [request.n for request in model.requests] == [1, 2, 2]


async def test_a_replayed_choice_equals_the_first_one_to_the_last_bit(tmp_path: Path) -> None:
    written = Choice("a\U0001f600b", Finish.STOP, 2, (-0.1234567891, -2.0), (0, 2), thinking="hm")
    path = tmp_path / "r.jsonl"
    journal = Journal(path)
    [first] = await Client(Scripted(lambda request, index: written), journal=journal).complete(
        QUESTION, "propose", "u/", ASKED
    )
    journal.close()

    [again] = await Client(seeded(), journal=Journal(path)).complete(QUESTION, "propose", "u/", ASKED)

    assert again == first
    assert first == replace(written, logprobs=(-0.123457, -2.0), call_id=first.call_id)


def test_encoding_keeps_everything() -> None:
    bare, full = Choice("", Finish.LENGTH, 0), Choice("x", Finish.END, 1, (-1.5,), (0,), "why", "id")
    assert [choice_from_json(choice_to_json(choice)) for choice in (bare, full)] == [bare, full]


async def test_a_failed_call_is_on_record_raised_and_asked_again() -> None:
    answers = iter([ModelError("The line is dead."), ModelError("The line is dead."), "four"])

    def script(request: Request, index: int) -> str:
        answer = next(answers)
        if isinstance(answer, ModelError):
            raise answer
        return answer

    journal = Journal(None)
    client = Client(Scripted(script), journal=journal)
    for _ in range(2):
        with pytest.raises(ModelError, match="The line is dead"):
            await client.complete(QUESTION, "propose", "u/", ASKED)

    [choice] = await client.complete(QUESTION, "propose", "u/", ASKED)

    assert choice.text == "four"
    calls = [call for call, _ in journal.calls("u")]
    assert [call.error for call in calls] == ["The line is dead.", "The line is dead.", None]
    assert len({call.call_id for call in calls}) == 3


async def test_samples_that_are_known_survive_the_failure_of_the_others() -> None:
    def script(request: Request, index: int) -> str:
        if request.n > 1:
            raise ModelError("Too many.")
        return "fine"

    client = Client(Scripted(script), journal=Journal(None))
    await client.complete(QUESTION, "propose", "u/", ASKED)

    drawn = await client.draw(QUESTION, "propose", "u/", client.request(ASKED, n=3))

    assert [choice.text if isinstance(choice, Choice) else str(choice) for choice in drawn] == [
        "fine",
        "Too many.",
        "Too many.",
    ]


async def test_a_fatal_error_is_raised_even_where_errors_are_returned() -> None:
    def script(request: Request, index: int) -> str:
        raise ModelError("No key.", fatal=True)

    client = Client(Scripted(script))
    with pytest.raises(ModelError, match="No key"):
        await client.draw(QUESTION, "propose", "u/", client.request(ASKED))


async def test_a_model_that_gives_some_of_the_samples_is_asked_for_the_rest() -> None:
    class Two(Scripted):
        async def complete(self, request: Request) -> Reply:
            reply = await super().complete(request)
            return replace(reply, choices=reply.choices[:2])

    model = Two(lambda request, index: f"seed {request.seeds[index]}")
    client = Client(model)

    choices = await client.complete(QUESTION, "propose", "u/", ASKED, n=5)

    assert [choice.text for choice in choices] == [f"seed {client.seed('u', 'propose', 'u/', s)}" for s in range(5)]
    assert [request.n for request in model.requests] == [5, 2, 1]


async def test_concurrency_bounds_the_calls_and_changes_no_result() -> None:
    async def run(concurrency: int) -> tuple[list[str], int]:
        model = Slow()
        client = Client(model, limits=Limits(concurrency))
        questions = [Question(f"p{index}", "q", unit=f"u{index}") for index in range(20)]
        drawn = await asyncio.gather(*(client.complete(q, "propose", f"{q.unit}/", ASKED, n=2) for q in questions))
        return [choice.text for choices in drawn for choice in choices], model.most

    alone, one = await run(1)
    together, most = await run(7)

    assert alone == together
    assert (one, most) == (1, 7)


async def test_calls_have_the_same_ids_in_every_run() -> None:
    async def ids() -> list[str]:
        journal = Journal(None)
        client = Client(seeded(), journal=journal)
        for place in ("u/", "u/0", "u/1"):
            await client.complete(QUESTION, "propose", place, ASKED, n=2)
        await client.complete(QUESTION, "critique", "u/0", ASKED)
        return [call.call_id for call, _ in journal.calls("u")]

    first = await ids()
    assert first == await ids()
    assert len(set(first)) == 4


def test_braces_in_a_question_stay_as_they_are() -> None:
    question = r"Find \frac{1}{2} of {solution} and {x}"
    assert fill("{question} --- {solution} {...}", question=question, solution="S") == f"{question} --- S {{...}}"
