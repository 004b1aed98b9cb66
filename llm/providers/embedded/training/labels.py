"""Training data for the embedded process reward model: drafts in which every line is labelled right or wrong.

The generator of the problems knows every step, so the labels of drafts of its problems are exact. Drafts that `redraft
annotate` has judged by rollouts get their labels from the rollouts: a step is right if a rollout from it reached the
right answer.

    python -m redraft.llm.providers.embedded.training.labels FILE

writes the embedded model's own drafts of training problems as JSON lines.
"""

import argparse
import json
import random
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from redraft.llm.model import Choice
from redraft.llm.providers.embedded.engine import Job
from redraft.llm.providers.embedded.model import embedded
from redraft.llm.providers.embedded.reward_model import scoring_prefix
from redraft.store.sources.split import is_held_out
from redraft.store.sources.wordproblems import Story, attempt, stories
from redraft.store.sources.wordproblems.labels import EQUATION, Label, labels
from redraft.store.tables.store import Store

LEVELS = (1, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5)
"""The levels of the problems. Each entry is drawn with the same probability."""

ANNOTATED = """
    SELECT any_value(p.question), any_value(p.meta->>'solution'), any_value(p.split), list(s.text ORDER BY s.depth),
        list(v.value ORDER BY s.depth)
    FROM raw.step_values v JOIN steps s USING (step_id) JOIN problems p USING (problem_id)
    WHERE v.grader = 'rollout' AND v.turn = 1 GROUP BY v.path_id"""


@dataclass(frozen=True, slots=True)
class LabelledDraft:
    """The lines of a draft, and a label for each line."""

    lines: tuple[str, ...]
    labels: tuple[Label, ...]


@dataclass(frozen=True, slots=True)
class LabelledProblem:
    """A question, the generator's solution, and drafts."""

    question: str
    solution: str
    drafts: tuple[LabelledDraft, ...]


def label_draft(solution: str, text: str) -> LabelledDraft:
    """Returns a draft with its exact labels."""
    lines = text.split("\n")
    return LabelledDraft(tuple(lines), tuple(labels(solution, lines)))


def sampled_problems(path: Path, seed: int) -> Iterator[LabelledProblem]:
    """Yields the problems of a file that `write_samples` wrote, endlessly, in a new order in each pass."""
    rng = random.Random(f"drawn {seed}")
    with path.open() as file:
        problems = [json.loads(line) for line in file]
    while True:
        rng.shuffle(problems)
        for one in problems:
            texts = [text for text, _ in one["drafts"] if text != one["solution"]]
            rng.shuffle(texts)
            yield LabelledProblem(
                one["question"], one["solution"], tuple(label_draft(one["solution"], text) for text in texts)
            )


def annotated_problems(path: Path, seed: int) -> Iterator[LabelledProblem]:
    """Yields problems with drafts, endlessly: the drafts in a store whose steps were judged by rollouts, of built-in
    problems.

    A step is right if any rollout from it was right (hard estimation; Wang et al. 2024). Held-out problems are left
    out. Raises StoreError, and ValueError if no problem remains.
    """
    rng = random.Random(f"annotated {seed}")
    with Store(path, create=False) as store:
        rows = store.query(ANNOTATED).rows
    problems: dict[tuple[str, str], list[LabelledDraft]] = {}
    for question, solution, split, texts, values in rows:
        if is_held_out(split):
            continue
        ends = [Label(value > 0) for value in values]
        lines = [text.strip() for text in texts]
        problems.setdefault((question, solution), []).append(LabelledDraft(tuple(lines), tuple(ends)))
    if not problems:
        raise ValueError(f"{path} holds no drafts of the training split with rollouts: run redraft annotate first")
    order = list(problems)
    while True:
        rng.shuffle(order)
        yield from (LabelledProblem(*one, tuple(problems[one])) for one in order)


def problems_with_errors(seed: int) -> Iterator[LabelledProblem]:
    """Yields new problems of the training split with wrong attempts at them, endlessly."""
    rng = random.Random(f"made up {seed}")
    for story in _stories(rng):
        # A dict, because it preserves the order of the draws.
        wrong = dict.fromkeys(_wrong_attempt(story, rng) for _ in range(8))
        yield LabelledProblem(
            story.question, story.solution, tuple(label_draft(story.solution, text) for text in wrong)
        )


def _stories(rng: random.Random) -> Iterator[Story]:
    draws = {level: (s for s in stories(rng, level) if s.split == "train") for level in set(LEVELS)}
    while True:
        yield next(draws[rng.choice(LEVELS)])


def _wrong_attempt(story: Story, rng: random.Random) -> str:
    """Returns a wrong attempt of the generator, or the solution up to a step in whose result one digit was changed."""
    if rng.random() < 0.4:
        return attempt(story, rng).text
    lines = story.solution.split("\n")
    at = rng.randrange(len(lines) - 1)
    head, _, tail = lines[at].partition("=")
    number = EQUATION.findall(lines[at])[0][3]
    place = rng.randrange(len(number))
    others = [d for d in "0123456789" if d != number[place] and (d != "0" or place or len(number) == 1)]
    changed = number[:place] + rng.choice(others) + number[place + 1 :]
    return "\n".join([*lines[:at], f"{head}={changed}{tail[len(number) :]}"])


def write_samples(path: Path, problems: int, samples: int, seed: int) -> None:
    """Writes one JSON line for each problem: its question, its solution, and each distinct draft with its count."""
    model = embedded()
    waiting: deque[tuple[Story, Future[tuple[Choice, ...]]]] = deque()
    with path.open("w") as file:

        def write(story: Story, choices: Sequence[Choice]) -> None:
            texts = Counter(choice.text for choice in choices)
            row = {"question": story.question, "solution": story.solution, "drafts": list(texts.items())}
            file.write(json.dumps(row) + "\n")

        for number, story in zip(range(problems), _stories(random.Random(f"drafts {seed}")), strict=False):
            prompt = np.array(model.vocabulary.encode(scoring_prefix(story.question)), np.int64)
            seeds = [(seed << 40) + number * samples + sample for sample in range(samples)]
            waiting.append((story, model.engine.submit(Job(prompt, seeds, 1.0, 200, ()))))
            while len(waiting) > 64 // samples + 8:
                oldest, future = waiting.popleft()
                write(oldest, future.result())
        for left, future in waiting:
            write(left, future.result())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--problems", type=int, default=7_500)
    parser.add_argument("--samples", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    write_samples(options.file, options.problems, options.samples, options.seed)
