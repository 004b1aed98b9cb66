"""The data of a family of word problems: the events that a story can have, and three wordings of each event.

In an `Event`, `numbers` says how each number is drawn, and `steps` are equations whose operands are single letters. The
letter `v` is the story's current value, `a` to `c` are the event's numbers, and `p` and `q` are results within the
event. Every step has a note, in which `{e}` stands for the equation. A step that assigns `v` changes the story's
current value.
"""

from dataclasses import dataclass, field
from typing import Literal

Draw = Literal["small", "big", "part", "divisor", "round"]
"""How a number is drawn. The upper limits of `small` and `big` increase with the level. A `part` is less than `v`, a
`divisor` divides `v`, and a `round` number is a multiple of ten above `v`."""


@dataclass(frozen=True, slots=True)
class Event:
    says: tuple[str, ...]
    steps: tuple[tuple[str, str, str], ...]  # (the letter that the step assigns, its equation, its note)
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
