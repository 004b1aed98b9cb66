"""Determines the effects of the known answer in a method, and the number of drafts that were compared with it."""

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
    """The effects of the known answer in a method: whether it `stops` a trajectory, and whether it `chooses` among
    drafts. The oracle compares `first` drafts in the first turn, and `later` drafts in every later turn, with the known
    answer. `first` is None if the number is unknown."""

    stops: bool = False
    chooses: bool = False
    first: int | None = 1
    later: int = 1

    def guesses(self, turn: int) -> int | None:
        """Returns the number of drafts that the oracle has compared up to a turn, counted from 1."""
        return None if self.first is None else self.first + self.later * (turn - 1)


def oracle(strategy: Spec, chosen: Mapping[str, Any], samples: int) -> Oracle:
    """Returns the effects of the oracle in a strategy. `chosen` has every argument of the strategy and of its parts
    (see `resolve`), and `samples` is its number of samples."""
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
    """Returns True if a strategy, given as a name or as a function, is the built-in strategy with the name `known`."""
    return load_strategy(strategy) is load_strategy(known)


def _reads(key: str, value: Any) -> bool:
    """Returns True if a setting is a part that reads the known answers: its factory has a parameter `keys`."""
    name = key.rpartition(".")[2]
    if name not in READERS or value is None:
        return False
    return "keys" in signature(load(value, PARTS[name].noun)).parameters


READERS = ("grader", "critic", "feedback", "draft")
"""The kinds of parts that may read the known answers."""
