"""Measures how well the acceptance test of each kind of rewrite distinguishes good rewrites from bad ones, on the
embedded model:

    python bench/accuracy/augment.py --limit 200

The built-in generator makes the rewrites, so the true answers are known. The rewrites are held-out stories of levels 1
to 3 in other words, with one number replaced by x, or with one number changed. A bad rephrasing also has one number
changed, so its answer differs. A bad backward question states a wrong answer, so x is a different number. A question
with changed numbers has no known answer: it is right if the answer on which the samples agree is the true one.
"""

import argparse
import asyncio
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from redraft.flows import Augmentation, Silent, Workshop, augment
from redraft.store import Problem, Store
from redraft.store.sources.wordproblems.backward import backward
from redraft.store.sources.wordproblems.generate import problem, stories
from redraft.store.sources.wordproblems.story import Story

LEVELS = (1, 2, 3)


@dataclass(frozen=True, slots=True)
class Made:
    """A rewrite whose true answer is known. `claimed` is the answer that the test compares with, or None if the samples
    must agree. `truth` is the true answer of the question."""

    question: str
    claimed: int | None
    truth: int

    @property
    def good(self) -> bool:
        return self.claimed in (None, self.truth)


def held_out(rng: random.Random) -> Iterator[Story]:
    """Yields held-out stories. The levels alternate."""
    while True:
        for level in LEVELS:
            yield next(story for story in stories(rng, level) if story.split == "heldout")


def changed(story: Story, rng: random.Random) -> Story | None:
    """Returns the story with one number changed so that its answer changes, or None if no small change does that."""
    for _ in range(50):
        place = rng.randrange(len(story.numbers))
        numbers = [*story.numbers]
        numbers[place] = max(2, numbers[place] + rng.choice((-3, -2, -1, 1, 2, 3)))
        other = replace(story, numbers=tuple(numbers))
        try:
            if other.answer not in (story.answer, 0):
                return other
        except ValueError:  # a step has a number that is not an integer
            continue
    return None


def rewrites(story: Story, rng: random.Random) -> dict[str, list[Made]]:
    """Returns the rewrites of a story by kind. The dict is empty if one of them cannot be made."""
    other, back = changed(story, rng), backward(story, rng)
    if other is None or back is None:
        return {}
    wrong = back.question.replace(f"The answer is {story.answer}.", f"The answer is {other.answer}.")
    return {
        "rephrase": [
            Made(story.rephrase(rng).question, story.answer, story.answer),
            Made(other.rephrase(rng).question, story.answer, other.answer),
        ],
        "fobar": [Made(back.question, back.answer, back.answer), Made(wrong, back.answer, -1)],
        "change_numbers": [Made(other.question, None, other.answer)],
    }


def given(kind: str, known: Mapping[str, dict[str, list[Made]]]) -> Callable[[], Augmentation]:
    """Returns an augmentation that tests the rewrites in `known`."""

    def method() -> Augmentation:
        async def make(parent: Problem, workshop: Workshop) -> list[Any]:
            agreement = 0.5 if kind == "change_numbers" else 0.0
            found = []
            for number, made in enumerate(known[parent.problem_id][kind]):
                answer = None if made.claimed is None else str(made.claimed)
                found.append(await workshop.test(parent, number, made.question, answer, agreement=agreement))
            return found

        return Augmentation(make)

    method.__name__ = kind
    return method


def table(store: Store, known: Mapping[str, dict[str, list[Made]]]) -> Iterator[str]:
    """Yields the lines of the table: precision and recall by kind and by minimum agreement of the samples."""
    yield "| kind | agreement | good rewrites | bad ones | accepted good | accepted bad | precision | recall |"
    yield "|---|---|---|---|---|---|---|---|"
    found = store.query("SELECT augmentation, parent_id, number, accepted, answer, agreed, answers FROM rewrites").rows
    for kind in ("rephrase", "fobar", "change_numbers"):
        own = [(known[parent][kind][number], *facts) for k, parent, number, *facts in found if k == kind]
        good = sum(made.good for made, *_ in own)
        for least in (0.0, 0.5, 1.0) if kind != "change_numbers" else (0.5, 1.0):
            kept = [(made, answer) for made, accepted, answer, agreed, n in own if accepted and agreed >= least * n]
            right = sum(made.good and answer == str(made.truth) for made, answer in kept)
            shares = f"{right / len(kept):.3f} | {right / good:.3f}"
            yield f"| `{kind}` | {least:g} | {good} | {len(own) - good} | {right} | {len(kept) - right} | {shares} |"


async def main(limit: int, samples: int) -> None:
    rng = random.Random(17)
    made = ((story, found) for story in held_out(rng) if (found := rewrites(story, rng)))
    chosen = {problem(story).problem_id: (story, found) for story, found in islice(made, limit)}
    known = {name: found for name, (_, found) in chosen.items()}
    parents = [problem(story) for story, _ in chosen.values()]
    with TemporaryDirectory() as folder:
        store = Store(Path(folder) / "redraft.duckdb")
        for kind in ("rephrase", "fobar", "change_numbers"):
            settings = {"samples": samples, "replicate": kind, "progress": Silent()}  # one function makes all methods
            await augment(parents, db=store, methods=[given(kind, known)], **settings)
        click.echo("\n".join(table(store, known)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", type=int, default=200, help="stories")
    parser.add_argument("--samples", type=int, default=4, help="answers to each rewrite")
    asyncio.run(main(**vars(parser.parse_args())))
