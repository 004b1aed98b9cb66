"""Generates an endless sequence of built-in problems. The same seed always gives the same problems."""

import random
import re
from collections.abc import Iterator, Sequence

from redraft.store.problems import Problem
from redraft.store.sources.wordproblems.families import FAMILIES
from redraft.store.sources.wordproblems.families.family import Draw, Event, Family
from redraft.store.sources.wordproblems.story import Equation, Ref, Story, calculate

LEVELS = (1, 2, 3, 4, 5)
SMALL = {1: 9, 2: 12, 3: 19, 4: 25, 5: 40}  # the largest number in a multiplication, by level
BIG = {1: 20, 2: 50, 3: 90, 4: 200, 5: 400}  # the largest number in an addition, by level
LARGEST = 9_999


def problems(*, split: str = "heldout", levels: Sequence[int] = (1, 2, 3, 4), seed: int = 0) -> Iterator[Problem]:
    """Yields problems of one split, endlessly and without repeats. The levels alternate. A problem of level L has L + 1
    steps."""
    if split not in ("train", "heldout"):
        raise ValueError(f"no split {split!r}; there are train, heldout")
    if not levels or not set(levels) <= set(LEVELS):
        raise ValueError(f"no levels {list(levels)}; there are 1 to 5")
    rng = random.Random(f"{split} {sorted(levels)} {seed}")
    seen: set[str] = set()
    while True:
        for level in levels:
            story = next(s for s in stories(rng, level) if s.split == split and s.question not in seen)
            seen.add(story.question)
            yield problem(story)


def problem(story: Story) -> Problem:
    return Problem(
        question=story.question,
        answer=str(story.answer),
        source="builtin",
        split=story.split,
        level=story.level,
        subject=story.family,
        meta={"solution": story.solution},
    )


def stories(rng: random.Random, level: int) -> Iterator[Story]:
    """Yields stories of one level. Their splits are mixed."""
    while True:
        name = rng.choice(list(FAMILIES))
        if story := _Plot(name, level, rng).write():
            yield story


class _Plot:
    """Builds one story from random draws."""

    def __init__(self, name: str, level: int, rng: random.Random) -> None:
        self.name, self.level, self.rng = name, level, rng
        self.family: Family = FAMILIES[name]
        self.slots = {slot: rng.choice(words) for slot, words in self.family.slots.items()}
        self.numbers: list[int] = []
        self.results: list[int] = []
        self.equations: list[Equation] = []
        self.says: list[tuple[str, ...]] = []
        self.running: Ref | None = None

    def write(self) -> Story | None:
        """Returns the story, or None if the draws can't be completed, for example because a number gets too large or
        has no divisor."""
        target = self.level + 1
        if not self.add(self.rng.choice(self.family.starts)):
            return None
        told: list[Event] = []
        while len(self.equations) < target:
            fresh = [e for e in self.family.events if e not in told and len(self.equations) + len(e.steps) <= target]
            if not fresh:
                return None
            event = self.rng.choice(fresh)
            told.append(event)
            if not self.add(event):
                return None
        return Story(
            family=self.name,
            level=self.level,
            numbers=tuple(self.numbers),
            equations=tuple(self.equations),
            says=tuple(self.says),
            asks=tuple(_capital(ask.format(**self.slots)) for ask in self.family.asks),
            wording=tuple(self.rng.randrange(3) for _ in range(len(self.says) + 1)),
        )

    def add(self, event: Event) -> bool:
        refs: dict[str, Ref] = {"v": self.running} if self.running else {}
        for letter, draw in event.numbers.items():
            number = self.draw(draw)
            if number is None:
                return False
            refs[letter] = ("n", len(self.numbers))
            self.numbers.append(number)
        for letter, equation, note in event.steps:
            left, sign, right = re.fullmatch(r"(\w)([-+*/])(\w)", equation).groups()  # type: ignore[union-attr]
            result = calculate(self.value(refs[left]), sign, self.value(refs[right]))
            if not result or result > LARGEST:
                return False
            self.equations.append(Equation(refs[left], sign, refs[right], self.fill(note, refs, keep="e")))
            refs[letter] = ("s", len(self.results))
            self.results.append(result)
        self.says.append(tuple(_capital(self.fill(say, refs)) for say in event.says))
        self.running = refs["v"]
        return True

    def fill(self, text: str, refs: dict[str, Ref], keep: str = "") -> str:
        """Returns a template with its slots replaced: a named slot by its word, and a letter by the number's index in
        the story, such as `{0}` for the first number. The slot named `keep` is kept."""
        names = {letter: f"{{{ref[1]}}}" for letter, ref in refs.items() if ref[0] == "n"}
        return text.format(**(self.slots | names | ({keep: f"{{{keep}}}"} if keep else {})))

    def value(self, ref: Ref) -> int:
        return self.numbers[ref[1]] if ref[0] == "n" else self.results[ref[1]]

    def draw(self, draw: Draw) -> int | None:
        value = self.value(self.running) if self.running else 0
        if draw == "small":
            return self.rng.randint(2, SMALL[self.level])
        if draw == "big":
            return self.rng.randint(3, BIG[self.level])
        if draw == "part":
            return self.rng.randint(2, min(value - 1, 2 * BIG[self.level])) if value > 2 else None
        if draw == "round":
            return (value // 10 + self.rng.randint(1, 9)) * 10
        divisors = [d for d in range(2, SMALL[self.level] + 1) if value % d == 0 and value // d > 1]
        return self.rng.choice(divisors) if divisors else None


def _capital(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]
