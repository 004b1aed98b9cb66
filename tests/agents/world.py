"""A scripted world: a small tree of solutions whose steps, probabilities, values and answers are known.

A state is the path of its steps' names, as in "A/B"; "" is the question. The model's continuations of a state are its
`steps` in order (sample 0 the first, sample 1 the second, then again from the first), or drawn by their probabilities
from the request's seeds. A state without steps is a solution. The grader knows `values`, and only those.
"""

import math
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from redraft.agents.policies.policy import Policy, stepwise
from redraft.graders.grader import Grader
from redraft.llm.client.client import Client
from redraft.llm.model import Choice, Finish, ModelError, Request
from redraft.llm.scripted import Scripted
from redraft.store.problems import Question
from redraft.store.trajectory import Grade, Step, Trajectory

QUESTION = Question("p", "How much?", unit="u")


def state(draft: str) -> str:
    """The state that a draft's text stands for."""
    return "/".join(line.split()[0] for line in draft.split("\n\n") if line.strip())


@dataclass
class World:
    """`steps`: from a state to its continuations' probabilities; `values`: a state's, no value where it is missing;
    `answers`: a solution's, else its last step's name. Asking for a state in `broken` fails, in
    `silent` it gets nothing. `graded` is what
    the grader was asked about, in order."""

    steps: Mapping[str, Mapping[str, float]]
    values: Mapping[str, float] = field(default_factory=dict)
    answers: Mapping[str, str] = field(default_factory=dict)
    broken: frozenset[str] = frozenset()
    silent: frozenset[str] = frozenset()
    drawn: bool = False  # by their probabilities
    graded: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.model = Scripted(self._script)

    @property
    def asked(self) -> list[str]:
        """The states whose continuations the model was asked for, in order."""
        return [state(request.prefix) for request in self.model.requests]

    def policy(self) -> Policy:
        return stepwise(Client(self.model))

    def grader(self) -> Grader:
        return self._grade

    def below(self, place: str, name: str) -> str:
        return f"{place}/{name}" if place else name

    def chance(self, place: str, target: str) -> float:
        """The probability that a draft from one state comes to another's answer, summed over all of its endings."""
        if place not in self.steps:
            return float(self.answer(place) == target)
        return sum(p * self.chance(self.below(place, name), target) for name, p in self.steps[place].items())

    def answer(self, place: str) -> str:
        return self.answers.get(place, place.rpartition("/")[2])

    async def _grade(self, trajectories: Sequence[Trajectory]) -> list[Grade]:
        places = [state(trajectory.text()) for trajectory in trajectories]
        self.graded += places
        return [
            Grade("world", trajectory.trajectory_id, trajectory.turn, value=self.values[place])
            if place in self.values
            else Grade("world", trajectory.trajectory_id, trajectory.turn, reason="nobody knows")
            for trajectory, place in zip(trajectories, places, strict=True)
        ]

    def _script(self, request: Request, index: int) -> Choice:
        place = state(request.prefix)
        if place in self.broken:
            raise ModelError("The line is dead.")
        if place in self.silent:
            return Choice("", Finish.STOP, 0)
        names, chances = list(self.steps[place]), list(self.steps[place].values())
        chosen = names[index % len(names)]
        if self.drawn:
            at = random.Random(request.seeds[index]).random() * sum(chances)
            chosen = next(name for name, end in zip(names, accumulate(chances), strict=True) if at <= end)
        probability = self.steps[place][chosen]
        after, ends = self.below(place, chosen), self.below(place, chosen) not in self.steps
        text = f"{chosen} so the answer is \\boxed{{{self.answer(after)}}}" if ends else chosen
        log = math.log(probability) if probability else -math.inf
        return Choice(text, Finish.END if ends else Finish.STOP, 1, logprobs=(log,), offsets=(0,))


def walked(trajectories: Iterable[Trajectory]) -> dict[str, Step]:
    """Every step of these trajectories, by the state that it leads to. Raises AssertionError where one step is told in
    two ways."""
    found: dict[str, Step] = {}
    for trajectory in trajectories:
        place = ""
        for step in trajectory.steps:
            place = f"{place}/{state(step.text)}".strip("/")
            known = found.setdefault(place, step)
            assert known == step or known.step_id != step.step_id
    return found


def grown(seed: int, branch: int = 3, depth: int = 4) -> World:
    """A world of chance: up to `branch` continuations a state, solutions at any depth from 1 to `depth`."""
    chance = random.Random(seed)
    steps: dict[str, dict[str, float]] = {}
    values: dict[str, float] = {}

    def grow(place: str, left: int) -> None:
        if place:
            values[place] = round(chance.random(), 3)
        if not left or (place and chance.random() < 0.25):
            return
        steps[place] = {}
        for name in (f"{letter}{left}" for letter in "ABCDE"[:branch]):
            steps[place][name] = round(0.1 + chance.random(), 3)
            grow(f"{place}/{name}" if place else name, left - 1)

    grow("", depth)
    return World(steps, values)
