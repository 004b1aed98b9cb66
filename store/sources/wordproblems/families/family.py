"""What a family of word problems is, as data: what can happen in a story, and three ways to say each thing.

In an `Event`, `numbers` says how each number is drawn; `steps` are equations over single letters: `v` is the
running value of the story, `a` to `c` the event's numbers, `p` and `q` results within the event. Every step has a note,
in which `{e}` is the equation. A step that assigns `v` moves the story on.
"""

from dataclasses import dataclass, field
from typing import Literal

Draw = Literal["small", "big", "part", "divisor", "round"]
"""small, big: grow with the level; part: less than `v`; divisor: divides `v`; round: a multiple of ten above `v`."""


@dataclass(frozen=True, slots=True)
class Event:
    says: tuple[str, ...]
    steps: tuple[tuple[str, str, str], ...]  # (letter assigned, equation, note)
    numbers: dict[str, Draw] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Family:
    slots: dict[str, tuple[str, ...]]
    starts: tuple[Event, ...]
    events: tuple[Event, ...]
    asks: tuple[str, ...]


NAMES = (
    "Ann",
    "Ben",
    "Cara",
    "Dan",
    "Eva",
    "Finn",
    "Gina",
    "Hugo",
    "Ida",
    "Jack",
    "Kim",
    "Leo",
    "Mia",
    "Noah",
)
