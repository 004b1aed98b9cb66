"""The training text of the embedded model: conversations for each of its tasks, drawn from the built-in stories."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from redraft.llm.providers.embedded import prompts as prompt_formats
from redraft.store.sources.wordproblems import Story, attempt, backward, stories

JOBS = {
    "solve": 0.47,
    "backward": 0.11,
    "revise": 0.15,
    "judge": 0.05,
    "judge_steps": 0.06,
    "finished": 0.03,
    "rephrase": 0.06,
    "program": 0.07,
}
"""The fraction of each task among the conversations."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """Texts of alternating roles, the user's first. Only the last text contributes to the loss."""

    texts: tuple[str, ...]


def conversations(rng: random.Random, levels: Sequence[int]) -> Iterator[Conversation]:
    """Yields an endless sequence of conversations about stories of the training split."""
    draws = {level: (s for s in stories(rng, level) if s.split == "train") for level in set(levels)}
    jobs, shares = list(JOBS), list(JOBS.values())
    while True:
        story = next(draws[rng.choice(levels)])
        job = rng.choices(jobs, shares)[0]
        yield Conversation(_WRITE[job](story, rng))


def _prompt(job: str, story: Story, solution: str = "") -> str:
    return prompt_formats.TEMPLATES[job].replace("{question}", story.question).replace("{solution}", solution)


def _solve(story: Story, rng: random.Random) -> tuple[str, ...]:
    return _prompt("solve", story), story.solution


def _backward(story: Story, rng: random.Random) -> tuple[str, ...]:
    made = backward(story, rng)
    if made is None:
        return _solve(story, rng)
    return prompt_formats.TEMPLATES["solve"].replace("{question}", made.question), made.solution


def _revise(story: Story, rng: random.Random) -> tuple[str, ...]:
    """Returns a conversation: a question, one or two attempts with feedback on each, then the solution."""
    rounds = 2 if rng.random() < 0.25 else 1
    return (
        _prompt("solve", story),
        *(text for _ in range(rounds) for text in _attempt(story, rng)),
        story.solution,
    )


def _attempt(story: Story, rng: random.Random) -> tuple[str, str]:
    """Returns a pair: a wrong attempt, and feedback on it. If the feedback only expresses a doubt, the attempt may be
    right."""
    wrong = attempt(story, rng)
    draft, line = wrong.text, wrong.first_wrong + 1
    kind = rng.choice(("may", "is", "doubt", "hold"))
    if kind == "hold" and wrong.error != "slip":
        kind = "doubt"
    if (kind == "may" and rng.random() < 0.5) or (kind == "doubt" and rng.random() < 0.25):
        draft, line = story.solution, rng.randint(1, len(story.equations))
    feedback = {
        "may": prompt_formats.MAY_BE_WRONG,
        "is": prompt_formats.IS_WRONG,
        "doubt": prompt_formats.DOUBTFUL.format(line=line),
        "hold": prompt_formats.DOES_NOT_HOLD.format(line=line, equation=wrong.equation),
    }[kind]
    return draft, feedback


def _judge(story: Story, rng: random.Random) -> tuple[str, ...]:
    """Returns a conversation that judges a whole solution or its first lines. The answer is `right` if no line is
    wrong."""
    if rng.random() < 0.5:
        lines, labels = story.solution.split("\n"), (True,) * (len(story.equations) + 1)
    else:
        wrong = attempt(story, rng)
        lines, labels = wrong.text.split("\n"), (*wrong.labels, False)
    shown = len(lines) if rng.random() < 0.5 else rng.randint(1, len(lines))
    return _prompt("judge", story, "\n".join(lines[:shown])), "right" if all(labels[:shown]) else "wrong"


def _judge_steps(story: Story, rng: random.Random) -> tuple[str, ...]:
    if rng.random() < 0.3:
        solution, labels = story.solution, (True,) * (len(story.equations) + 1)
    else:
        wrong = attempt(story, rng)
        solution, labels = wrong.text, (*wrong.labels, False)
    return _prompt("judge_steps", story, solution), "\n".join("right" if label else "wrong" for label in labels)


def _finished(story: Story, rng: random.Random) -> tuple[str, ...]:
    """Returns a conversation that says whether a solution is finished. A solution also counts as finished if only the
    line that states the answer is missing."""
    lines = (story.solution if rng.random() < 0.5 else attempt(story, rng).text).split("\n")
    shown = rng.randint(1, len(lines))
    return _prompt("finished", story, "\n".join(lines[:shown])), "yes" if shown >= len(lines) - 1 else "no"


def _rephrase(story: Story, rng: random.Random) -> tuple[str, ...]:
    return _prompt("rephrase", story), story.rephrase(rng).question


def _program(story: Story, rng: random.Random) -> tuple[str, ...]:
    return _prompt("program", story), story.program


_WRITE = {
    "solve": _solve,
    "backward": _backward,
    "revise": _revise,
    "judge": _judge,
    "judge_steps": _judge_steps,
    "finished": _finished,
    "rephrase": _rephrase,
    "program": _program,
}
