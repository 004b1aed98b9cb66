"""Measures the accuracy of the embedded model on fresh held-out problems: `python bench/accuracy/embedded.py`.

The table has, at temperature 1 and by level: pass@1, the majority of 16 samples (the expected value if ties are broken
at random), and pass@16, with 95% intervals from a bootstrap over problems.
"""

import argparse
import asyncio
import itertools
import random
from collections.abc import Sequence

import numpy as np

from redraft.graders.answers.extract import extract
from redraft.graders.statistics import majority_at_k, pass_at_k
from redraft.llm.model import Message, Reply, Request
from redraft.llm.providers.embedded.model import HERE, EmbeddedModel, embedded
from redraft.store.problems import Problem
from redraft.store.sources.wordproblems import backward, problems, stories

SAMPLES = 16


async def ask(model: EmbeddedModel, questions: Sequence[str], n: int, batch: int) -> list[Reply]:
    """Returns `n` samples of each question. `batch` rows are generated at a time."""
    limit = asyncio.Semaphore(max(1, batch // n))

    async def one(i: int, question: str) -> Reply:
        seeds = tuple(int(s) for s in np.random.default_rng(i).integers(0, 2**31, n))
        messages = (Message("user", f"solve\n{question}"),)
        async with limit:
            return await model.complete(Request(messages, n=n, seeds=seeds, max_tokens=200))

    return list(await asyncio.gather(*(one(i, question) for i, question in enumerate(questions))))


def interval(values: Sequence[float]) -> str:
    """Returns the mean and its 95% interval over problems as text."""
    draws = np.random.default_rng(0).choice(np.asarray(values), (10_000, len(values))).mean(axis=1)
    low, high = np.percentile(draws, [2.5, 97.5])
    return f"{np.mean(values):.3f} [{low:.3f}, {high:.3f}]"


def accuracy(model: EmbeddedModel, each: int, seed: int) -> None:
    levels = (1, 2, 3, 4, 5)
    chosen: list[Problem] = list(itertools.islice(problems(levels=levels, seed=seed), each * len(levels)))
    replies = asyncio.run(ask(model, [p.question for p in chosen], SAMPLES, 64))
    answers = [[extract(choice.text) for choice in reply.choices] for reply in replies]
    show("level", "problems", "pass@1", f"majority of {SAMPLES}", f"any of {SAMPLES}")
    for name, among in [*((str(level), (level,)) for level in levels), ("1 to 4", (1, 2, 3, 4))]:
        rows = [(a, p.answer) for a, p in zip(answers, chosen, strict=True) if p.level in among]
        right = [sum(answer == gold for answer in given) for given, gold in rows]
        show(
            name,
            str(len(rows)),
            interval([pass_at_k(SAMPLES, c, 1) for c in right]),
            interval([majority_at_k(given, gold, SAMPLES) for given, gold in rows]),
            interval([pass_at_k(SAMPLES, c, SAMPLES) for c in right]),
        )


def backward_questions(model: EmbeddedModel, number: int, seed: int) -> None:
    """Measures the accuracy on questions for the unknown x, as in MetaMath's FOBAR."""
    rng = random.Random(seed)
    held_out = (s for level in itertools.cycle((1, 2, 3, 4)) for s in itertools.islice(stories(rng, level), 1))
    made = (backward(story, rng) for story in held_out if story.split == "heldout")
    asked = list(itertools.islice((i for i in made if i), number))
    replies = asyncio.run(ask(model, [i.question for i in asked], 4, 64))
    right = [
        np.mean([extract(choice.text) == str(i.answer) for choice in reply.choices])
        for i, reply in zip(asked, replies, strict=True)
    ]
    show("unknown x", str(number), interval([float(r) for r in right]), "", "")


def show(*cells: str) -> None:
    print("| " + " | ".join(cells) + " |", flush=True)  # noqa: T201 - a table for the reader


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=100, help="problems a level")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--weights", default=HERE, help="a folder with weights.npz")
    options = parser.parse_args()
    network = embedded(options.weights)
    accuracy(network, options.each, options.seed)
    backward_questions(network, options.each, options.seed)
