"""What the known answer decided in a method, and how many independent guesses it had for that."""

from collections.abc import Mapping
from dataclasses import dataclass
from inspect import signature
from typing import Any

from redraft.agents.build import Spec
from redraft.agents.build import load as load_strategy
from redraft.agents.parts import PARTS
from redraft.store.plugins.discovery import load


@dataclass(frozen=True, slots=True)
class Oracle:
    """Whether the known answer `stops` a trajectory and `chooses` among drafts. It looks at `first` drafts in the first
    turn and at `later` in every other; None where that cannot be told."""

    stops: bool = False
    chooses: bool = False
    first: int | None = 1
    later: int = 1

    def guesses(self, turn: int) -> int | None:
        """The drafts that it has looked at after a turn, from 1."""
        return None if self.first is None else self.first + self.later * (turn - 1)


def oracle(strategy: Spec, chosen: Mapping[str, Any], samples: int) -> Oracle:
    """The oracle of a strategy, from everything that it and its parts are built with (see `resolve`), and its number
    of samples."""
    readers = {key for key, value in chosen.items() if _reads(key, value)}
    grades = "grader" in readers
    if not _is(strategy, "correct"):
        counted = _is(strategy, "best_of_n") and readers == {"grader"}
        return Oracle(stops=bool(readers - {"grader"}), chooses=grades, first=samples if counted else None)
    inner = {key for key in readers if key.startswith("draft.")}
    chooses = grades and (chosen["branches"] > 1 or chosen["pick"] == "best")
    return Oracle(
        stops=bool(readers - inner - {"grader"}) or (grades and chosen["threshold"] is not None),
        chooses=chooses or bool(inner),
        first=_first(chosen, inner),
        later=chosen["branches"] if grades else 1,
    )


def _first(chosen: Mapping[str, Any], inner: set[str]) -> int | None:
    if not inner:
        return 1
    counted = _is(chosen["draft"], "best_of_n") and inner == {"draft.grader"}
    return chosen["draft.samples"] if counted else None


def _is(strategy: Spec, known: str) -> bool:
    """Whether a strategy is the one of our own of this name, however it was given."""
    return load_strategy(strategy) is load_strategy(known)


def _reads(key: str, value: Any) -> bool:
    """Whether a setting is a part that asks for the keys."""
    name = key.rpartition(".")[2]
    if name not in READERS or value is None:
        return False
    return "keys" in signature(load(value, PARTS[name].noun)).parameters


READERS = ("grader", "critic", "feedback", "draft")
"""The kinds of parts that keys are handed to."""
