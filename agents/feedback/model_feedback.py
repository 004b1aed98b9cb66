"""Reviews: a model is asked for the errors of a draft, and its reply is parsed. The feedbacks `self`, `critic` and
`none` use these functions."""

import re
from collections.abc import Awaitable, Callable, Sequence

from redraft.agents.feedback.feedback import Remark, wording
from redraft.agents.policies.messages import follow_up
from redraft.llm.client.client import Client
from redraft.llm.gather import gather
from redraft.llm.model import Choice, Finish, ModelError
from redraft.store.errors import PartError
from redraft.store.trajectory import Trajectory


async def review(client: Client, trajectory: Trajectory, template: str, *, temperature: float | None = None) -> Choice:
    """Returns a model's answer to a template that asks about the last draft, without the model's reasoning.

    If `temperature` is None, the run's temperature is used. Raises ModelError if the call fails or the answer is empty.
    """
    messages = follow_up(client, trajectory, template)
    [choice] = await client.complete(
        trajectory.question, "feedback", trajectory.place, messages, temperature=temperature
    )
    if not choice.text.strip():
        spent = choice.finish is Finish.LENGTH
        cure = "allow more with --max-tokens" if spent else "ask another model for feedback"
        said = "used up its tokens before it said anything" if spent else "said nothing"
        raise ModelError(f"{client.model.name} was asked for feedback and {said}: {cure}.")
    return choice


async def ask_about_each(
    ask: Callable[[Trajectory], Awaitable[Remark | None]], trajectories: Sequence[Trajectory]
) -> list[Remark | ModelError | None]:
    """Returns the remark on each draft, in order. All calls run concurrently. If a call fails, the item is its
    ModelError."""

    async def one(trajectory: Trajectory) -> Remark | ModelError | None:
        try:
            return await ask(trajectory)
        except ModelError as error:
            if error.fatal:
                raise
            return error

    return await gather(one(trajectory) for trajectory in trajectories)


def objection(client: Client, choice: Choice, trajectory: Trajectory) -> str | None:
    """Returns the objection of a review to a draft, as text for the writer. Returns None if the review ends by calling
    the draft correct.

    A review is prose, or one word (`right` or `wrong`) for each line of the draft. A review that was cut off never
    calls a draft correct.
    """
    words = [_normalized(line) for line in choice.text.splitlines() if line.strip()]
    if client.model.templates or set(words) <= {"right", "wrong"}:
        return _first_wrong_remark(client, words, _count_lines(trajectory.text()))
    if choice.finish is not Finish.LENGTH and is_correct(choice.text):
        return None
    return wording(client, "refine", feedback=choice.text.strip())


def is_correct(text: str) -> bool:
    """Returns whether the last sentence of a text is Self-Refine's stop phrase, "It is correct" (Madaan et al. 2023).

    "The solution is correct" means the same. As part of a longer sentence ("check whether it is correct") the phrase
    does not count.
    """
    sentences = [bare for part in re.split(r"[.!?:;]\s|\n", text) if (bare := _normalized(part))]
    return bool(sentences) and CORRECT.fullmatch(sentences[-1]) is not None


def require_chat_model(client: Client, part: str, cure: str) -> None:
    """Raises PartError if the model understands only the prompts of its training. Such prompts do not include the
    part's questions."""
    if client.model.templates:
        raise PartError(
            f"{part} asks in words, and {client.model.name} knows only the forms that it was trained on: {cure}, or"
            " name another model with --model"
        )


def _first_wrong_remark(client: Client, words: Sequence[str], lines: int) -> str | None:
    """Returns the remark about the first line that the review calls wrong, or None if it calls every line right. If the
    review has a single word for several lines, the remark names no line. If the review has other words, the remark only
    states a doubt."""
    if "wrong" not in words:
        return None if set(words) == {"right"} else wording(client, "may_be_wrong")
    if len(words) == 1 < lines:
        return wording(client, "is_wrong")
    return wording(client, "doubtful", line=str(min(words.index("wrong") + 1, max(1, lines))))


def _count_lines(text: str) -> int:
    return sum(bool(line.strip()) for line in text.splitlines())


def _normalized(text: str) -> str:
    """Returns the text in lower case, without punctuation at its ends."""
    return re.sub(r"\s+", " ", text).strip(" *_#`~\"'“”()[]{}.!?:;,->").lower()


CORRECT = re.compile(
    r"(?:(?:so|yes|thus|hence|therefore|overall|in conclusion),? )*"
    r"(?:it|everything|all of it|(?:the|your|my) (?:whole )?(?:solution|answer)) is (?:all )?correct"
)
