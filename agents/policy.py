"""The policy: asks a model for the next part of a path, and reads what it wrote into steps.

`whole` proposes whole drafts, `stepwise` one step at a time. The messages hold the question, the drafts and the
feedback of the path so far, so that any number of turns works with any model.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from redraft.graders.answers import extract
from redraft.llm.client import Client
from redraft.llm.model import Choice, Finish, Message, ModelError
from redraft.llm.prompt import fill
from redraft.store.records import Kind, Question, Role, Stop, Trajectory


class Policy(Protocol):
    """Grows a path by `n` proposals of one or more steps each, samples `first` to `first + n - 1` below its end.

    `stop` and `answer` are set on those that ended. A proposal whose call failed, or for which a budget had not enough,
    is the path with that `stop` and the reason. Raises only fatal ModelErrors, which every other call would meet too.
    """

    async def __call__(self, trajectory: Trajectory, /, n: int, first: int = 0) -> list[Trajectory]: ...


def whole(client: Client, *, temperature: float | None = None, separator: str | None = None) -> Policy:
    """Whole drafts, in one call of `n`; a half-written draft is written to its end.

    A draft becomes steps that end after each `separator` (the model's own, else a blank line), or after each line
    where it has no separator. Without a `temperature` the run's own holds.
    """
    mark = client.template("separator", SEPARATOR) if separator is None else separator

    def cut(choice: Choice) -> list[str]:
        return split(choice.text, mark if mark in choice.text else "\n")

    async def propose(trajectory: Trajectory, n: int, first: int = 0) -> list[Trajectory]:
        return await _propose(client, trajectory, n, first, cut=cut, temperature=temperature)

    return propose


def stepwise(client: Client, *, temperature: float | None = None, separator: str | None = None) -> Policy:
    """One step a proposal: the model goes on from the draft so far, up to the next `separator`."""
    mark = client.template("separator", SEPARATOR) if separator is None else separator

    def cut(choice: Choice) -> list[str]:
        return [choice.text + mark if choice.finish is Finish.STOP else choice.text]

    async def propose(trajectory: Trajectory, n: int, first: int = 0) -> list[Trajectory]:
        return await _propose(client, trajectory, n, first, cut=cut, stop=(mark,), temperature=temperature)

    return propose


def conversation(client: Client, trajectory: Trajectory) -> list[Message]:
    """The path as messages: the question, then each finished draft and the feedback that answered it."""
    messages = [Message("user", solve_prompt(client, trajectory.question))]
    for turn in range(1, trajectory.turn):
        said = trajectory.feedback(turn + 1)
        messages.append(Message("assistant", trajectory.text(turn)))
        messages.append(Message("user", said.text if said else ""))
    return messages


def solve_prompt(client: Client, question: Question) -> str:
    """The request to solve a question, in the model's own wording or the default for its kind."""
    default = SOLVE_CHOICE if question.kind is Kind.CHOICE else SOLVE
    return fill(client.template("solve", default), question=question.text)


def split(text: str, separator: str) -> list[str]:
    """The text in pieces that each end after a separator and the line breaks on it; joined, they are the text."""
    ends = [match.end() for match in re.finditer(rf"(?:{re.escape(separator)})\n*", text)]
    pieces: list[str] = []
    for start, end in zip([0, *ends], [*ends, len(text)], strict=True):
        piece = text[start:end]
        if pieces and (not piece.strip() or not pieces[-1].strip()):
            pieces[-1] += piece
        elif piece:
            pieces.append(piece)
    return pieces


async def _propose(
    client: Client,
    trajectory: Trajectory,
    n: int,
    first: int,
    *,
    cut: Callable[[Choice], list[str]],
    stop: Sequence[str] = (),
    temperature: float | None,
) -> list[Trajectory]:
    left = client.sampling.max_tokens - sum(step.tokens for step in trajectory.draft())
    if left <= 0:
        return [replace(_numbered(trajectory, first + index), stop=Stop.LENGTH) for index in range(n)]
    request = client.request(
        conversation(client, trajectory),
        n=n,
        prefix=trajectory.text(),
        stop=stop,
        temperature=temperature,
        max_tokens=left,
    )
    purpose = "propose" if trajectory.turn == 1 else "revise"
    drawn = await client.draw(trajectory.question, purpose, trajectory.place, request, first=first)
    return [
        replace(_numbered(trajectory, number), stop=choice.stop, reason=str(choice))
        if isinstance(choice, ModelError)
        else _grown(trajectory, number, choice, cut(choice))
        for number, choice in enumerate(drawn, first)
    ]


def _numbered(trajectory: Trajectory, number: int) -> Trajectory:
    """The path as sample `number`, if it is an independent sample that has not begun yet."""
    independent = trajectory.role is Role.SAMPLE and not trajectory.steps
    return replace(trajectory, sample=number) if independent else trajectory


def _grown(trajectory: Trajectory, number: int, choice: Choice, pieces: Sequence[str]) -> Trajectory:
    """The path with one choice's steps. A draft that ends right where it was continued gets an empty last step."""
    ended = choice.finish is Finish.END
    grown = _numbered(trajectory, number)
    if not choice.text.strip() and not (ended and trajectory.draft()):
        stop = Stop.LENGTH if choice.finish is Finish.LENGTH else Stop.DEAD_END
        return replace(grown, stop=stop)
    pieces = pieces or [""]
    for index, (text, tokens, logprob) in enumerate(zip(pieces, *_measure(choice, pieces), strict=True)):
        grown = grown.grow(
            text,
            0 if index else number,
            final=ended and index == len(pieces) - 1,
            tokens=tokens,
            logprob=logprob,
            call_id=choice.call_id,
        )
    if ended:
        return replace(grown, stop=Stop.ANSWERED, answer=extract(grown.text(), grown.question.kind))
    return replace(grown, stop=Stop.LENGTH if choice.finish is Finish.LENGTH else None)


def _measure(choice: Choice, pieces: Sequence[str]) -> tuple[list[int], list[float | None]]:
    """Each piece's tokens and summed log-probability: a token belongs to the piece in which it begins.

    Where the model gives no log-probabilities, its tokens are shared out by length.
    """
    ends = [sum(map(len, pieces[: index + 1])) for index in range(len(pieces))]
    if choice.offsets is None or choice.logprobs is None:
        size = max(1, ends[-1])
        shares = [choice.tokens * end // size for end in ends]
        return [share - before for share, before in zip(shares, [0, *shares], strict=False)], [None] * len(ends)
    tokens, sums = [0] * len(ends), [0.0] * len(ends)
    for offset, logprob in zip(choice.offsets, choice.logprobs, strict=True):
        index = next((index for index, end in enumerate(ends) if offset < end), len(ends) - 1)
        tokens[index] += 1
        sums[index] += logprob
    return tokens, [round(total, 6) for total in sums]


SEPARATOR = "\n\n"

SOLVE = """\
Solve this problem.

{question}

Work step by step, with a blank line between the steps. Write nothing else, and end with this line:
The answer is \\boxed{...}"""

SOLVE_CHOICE = """\
Answer this question.

{question}

Work step by step, with a blank line between the steps. Write nothing else, and end with this line, with the letter
of your choice in the box:
The answer is \\boxed{...}"""
