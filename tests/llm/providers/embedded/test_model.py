"""The embedded model: exact against brute force, the same in any company, and honest about what it cannot do."""

import asyncio
import itertools
import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from redraft.llm.model import Finish, Message, ModelError, Reply, Request, UnsupportedRequest
from redraft.llm.providers.embedded import prompts as prompt_formats
from redraft.llm.providers.embedded.attention import Cache
from redraft.llm.providers.embedded.model import EmbeddedModel, embedded
from redraft.llm.providers.embedded.prompt_cache import Floats
from redraft.llm.providers.embedded.training.corpus import JOBS, conversations
from redraft.store.problems import Problem
from redraft.store.sources.wordproblems import problems


@pytest.fixture(scope="module")
def model() -> EmbeddedModel:
    return embedded()


def some(number: int, **arguments: object) -> list[Problem]:
    return list(itertools.islice(problems(**arguments), number))  # type: ignore[arg-type]


def ask(question: str, **arguments: object) -> Request:
    return Request((Message("user", f"solve\n{question}"),), **arguments)  # type: ignore[arg-type]


def logits(model: EmbeddedModel, text: str) -> Floats:
    tokens = np.array(model.vocabulary.encode(text), np.int64)
    return model.engine.network.read(tokens, Cache(1), 0)


def test_logits_match_the_training_framework(model: EmbeddedModel) -> None:
    with np.load(Path(__file__).parent / "torch_logits.npz") as reference:
        ours = model.engine.network.read(reference["tokens"], Cache(1), 0)
        assert np.abs(ours[::8] - reference["logits"]).max() < 1e-4


def test_the_weights_are_small_enough_to_ship() -> None:
    folder = Path(prompt_formats.__file__).parent
    assert sum((folder / name).stat().st_size for name in ("weights.npz", "tokenizer.json")) < 3e6


async def test_log_probabilities_are_those_of_reading_the_whole_text(model: EmbeddedModel) -> None:
    problem = some(1)[0]
    choice = (await model.complete(ask(problem.question, seeds=(3,)))).choices[0]
    prompt = prompt_formats.render((Message("user", f"solve\n{problem.question}"),))
    start = len(model.vocabulary.encode(prompt))
    exact = logits(model, prompt + choice.text).astype(np.float64)
    exact -= np.log(np.exp(exact).sum(axis=1, keepdims=True))
    tokens = model.vocabulary.encode(prompt + choice.text)
    assert choice.logprobs is not None
    assert choice.tokens == len(choice.logprobs) == len(tokens) - start
    expected = [exact[start - 1 + i, token] for i, token in enumerate(tokens[start:])]
    assert np.abs(np.array(choice.logprobs) - expected).max() < 1e-4


async def test_a_sample_is_the_same_alone_and_in_any_company(model: EmbeddedModel) -> None:
    asked = [ask(p.question, n=4, seeds=tuple(range(40 * i, 40 * i + 4))) for i, p in enumerate(some(30))]
    together = await asyncio.gather(*(model.complete(request) for request in asked))
    alone = [await model.complete(request) for request in asked]
    first = [await model.complete(Request(r.messages, seeds=r.seeds[:1])) for r in asked]
    assert [reply.choices for reply in together] == [reply.choices for reply in alone]
    assert [reply.choices[:1] for reply in together] == [reply.choices for reply in first]


@pytest.mark.parametrize("temperature", [1.5, 3.0])
async def test_tokens_are_drawn_with_their_probabilities(model: EmbeddedModel, temperature: float) -> None:
    """At the first digit of a result, where a small model is in doubt."""
    problem = some(1, levels=(5,))[0]
    question, prefix = problem.question, problem.meta["solution"].split("=")[0] + "="
    exact = logits(model, prompt_formats.render((Message("user", f"solve\n{question}"),), prefix))[-1].astype(
        np.float64
    )
    probabilities = np.exp(exact / temperature) / np.exp(exact / temperature).sum()
    seeds = tuple(range(4000))
    request = ask(question, prefix=prefix, n=4000, seeds=seeds, max_tokens=1, temperature=temperature)
    drawn = Counter(choice.text for choice in (await model.complete(request)).choices)
    likely = [int(token) for token in np.flatnonzero(probabilities > 0.01)]
    assert len(likely) > 1
    for token in likely:
        expected, text = probabilities[token], model.vocabulary.bytes_of(token).decode()
        assert abs(drawn[text] / 4000 - expected) < 5 * np.sqrt(expected * (1 - expected) / 4000)


async def test_a_draft_goes_on_from_its_prefix(model: EmbeddedModel) -> None:
    for problem in some(8):
        whole = (await model.complete(ask(problem.question, temperature=0))).choices[0].text
        first = whole.split("\n")[0] + "\n"
        rest = (await model.complete(ask(problem.question, temperature=0, prefix=first))).choices[0].text
        assert first + rest == whole


async def test_a_stop_string_ends_a_text_and_is_left_out(model: EmbeddedModel) -> None:
    problem = some(1)[0]
    whole = (await model.complete(ask(problem.question, temperature=0))).choices[0]
    cut = (await model.complete(ask(problem.question, temperature=0, stop=("\n",)))).choices[0]
    assert (cut.text, cut.finish) == (whole.text.split("\n")[0], Finish.STOP)
    assert whole.finish is Finish.END
    short = (await model.complete(ask(problem.question, temperature=0, max_tokens=3))).choices[0]
    assert (short.finish, short.tokens) == (Finish.LENGTH, 3)
    assert whole.text.startswith(short.text)
    assert whole.offsets is not None
    pieces = [whole.text[a:b] for a, b in itertools.pairwise((*whole.offsets, len(whole.text)))]
    assert "".join(pieces) == whole.text
    assert all(pieces)


async def test_text_outside_ascii_keeps_its_characters(model: EmbeddedModel) -> None:
    choice = (await model.complete(ask("Zoë buys 3 crêpes for 4 € each. How many €?", temperature=0))).choices[0]
    assert choice.text
    assert choice.offsets == tuple(sorted(choice.offsets or ()))


async def answer(model: EmbeddedModel, *texts: str) -> str:
    roles = itertools.cycle(("user", "assistant"))
    messages = tuple(Message(role, text) for role, text in zip(roles, texts, strict=False))
    reply: Reply = await model.complete(Request(messages, temperature=0, max_tokens=200))
    return reply.choices[0].text


async def test_every_job_it_was_trained_for_is_done_in_its_form(model: EmbeddedModel) -> None:
    """On easy held-out problems, the answer to each mark has the form that its readers expect."""
    problem = some(1, levels=(1,))[0]
    solution = problem.meta["solution"]
    lines = solution.split("\n")
    question = problem.question

    def fill(job: str, text: str = "") -> str:
        return prompt_formats.TEMPLATES[job].replace("{question}", question).replace("{solution}", text)

    assert (await answer(model, fill("solve"))).split("\n")[-1].startswith("#### ")
    assert await answer(model, fill("judge", solution)) in ("right", "wrong")
    assert set((await answer(model, fill("judge_steps", solution))).split("\n")) <= {"right", "wrong"}
    assert await answer(model, fill("finished", solution)) == "yes"
    assert await answer(model, fill("finished", lines[0])) == "no"
    assert await answer(model, fill("rephrase")) not in ("", question)
    assert "answer = " in await answer(model, fill("program"))
    for feedback in (
        prompt_formats.MAY_BE_WRONG,
        prompt_formats.IS_WRONG,
        prompt_formats.DOUBTFUL.format(line=1),
        prompt_formats.DOES_NOT_HOLD.format(line=1, equation="2*2=5"),
    ):
        assert "#### " in await answer(model, fill("solve"), solution, feedback)


@pytest.mark.parametrize(
    ("messages", "why"),
    [
        (("translate\nHello",), "was not trained for 'translate'; it knows solve, judge, "),
        (("solve\n2+2?", "4", "Now in French, please."), "was not trained on the feedback 'Now in Fren...'"),
        (("judge\n2+2?\n---\n4", "right", prompt_formats.IS_WRONG), "answers feedback on a solution only"),
    ],
)
async def test_what_it_was_not_trained_for_is_refused(model: EmbeddedModel, messages: tuple, why: str) -> None:
    with pytest.raises(UnsupportedRequest, match=why.replace("?", r"\?").replace(".", r"\.")):
        await answer(model, *messages)


async def test_system_messages_are_refused(model: EmbeddedModel) -> None:
    with pytest.raises(UnsupportedRequest, match="user and assistant messages in turn"):
        await model.complete(Request((Message("system", "Be kind."), Message("user", "solve\n2+2?"))))


async def test_too_long_a_prompt_is_an_error_with_its_cure(model: EmbeddedModel) -> None:
    with pytest.raises(ModelError, match=r"A prompt of .* tokens is too long .* Leave the problem out"):
        await model.complete(ask("many words " * 1000))


def test_missing_weights_name_the_folder_and_the_cure(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"weights in .* cannot be read: .* `redraft train` wrote"):
        embedded(tmp_path)


def test_the_training_text_holds_every_job_and_no_held_out_problem() -> None:
    held_out = {p.question for p in some(300, seed=1)}
    drawn = list(itertools.islice(conversations(random.Random(0), (1, 2, 3, 4)), 3000))
    marks = Counter(c.texts[0].split("\n")[0] for c in drawn)
    assert set(marks) == {"solve", "judge", "judge steps", "finished", "rephrase", "program"}
    assert sum(JOBS.values()) == pytest.approx(1)
    assert not held_out & {c.texts[0].split("\n", 1)[1].split("\n---\n")[0] for c in drawn}


async def test_an_answer_that_was_read_has_the_log_probabilities_that_it_was_drawn_with(model: EmbeddedModel) -> None:
    problem = some(1)[0]
    request = ask(problem.question, seeds=(3,))
    [choice] = (await model.complete(request)).choices
    read = await model.answer_logprobs(request.messages, choice.text)
    assert choice.logprobs is not None
    assert choice.finish is Finish.END
    assert read[:-1] == pytest.approx(choice.logprobs, abs=2e-4)
    assert read[-1] < 0
    with pytest.raises(ModelError, match=r"An answer of 3,\d+ tokens is too long for the embedded model's 1,024"):
        await model.answer_logprobs(request.messages, "5" * 3000)
