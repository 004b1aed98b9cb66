"""The forms of a mathematical answer: expressions, and the lists, sets, relations and quantities that contain them."""

from dataclasses import dataclass
from fractions import Fraction


class Unread(ValueError):
    """Raised if a text, or a part of it, can't be read as mathematics. The message says which part."""


@dataclass(frozen=True, slots=True)
class Number:
    """A rational number. `decimals` is the number of digits after the decimal point as written, or None if there is no
    point."""

    value: Fraction
    decimals: int | None = None


@dataclass(frozen=True, slots=True)
class Name:
    """An unknown or a constant, such as "x", "x_1", "π" or "e"."""

    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """A function or an operation on expressions: "+", "*", "/", "^", "sqrt", "sin", "±" and so on."""

    function: str
    arguments: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Words:
    """Words that are not mathematics, in lower case."""

    text: str


@dataclass(frozen=True, slots=True)
class Dots:
    """The dots of a sequence that leaves out its middle."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value with a unit, as written."""

    value: "Expression"
    unit: str


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of items: several answers, a tuple, an interval or a set. `brackets` has the opening and the closing
    bracket, such as "()", "[)" or "{}"; it is "" for a bare list. `joined` is the separator of a bare list: ",", ";",
    "and" or "or"."""

    brackets: str
    items: tuple["Form", ...]
    joined: str = ","

    @property
    def ordered(self) -> bool:
        """Returns whether the order of the items matters. It does if they are separated by semicolons, because they
        then fill the blanks of a question."""
        return self.joined == ";"


@dataclass(frozen=True, slots=True)
class Relation:
    """A chain of sides and the relation signs between them, such as 2 < x ≤ 5. The first side may be None (≥ 3)."""

    sides: tuple["Form | None", ...]
    signs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Union:
    """Two sets joined by "∪", "∩" or "∖"."""

    sign: str
    left: "Form"
    right: "Form"


@dataclass(frozen=True, slots=True)
class SetOf:
    """The set of all values that satisfy the conditions."""

    element: "Form"
    conditions: tuple["Form", ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """The rows of a matrix or a column vector."""

    rows: tuple[tuple["Form", ...], ...]


@dataclass(frozen=True, slots=True)
class Ratio:
    """Values separated by colons: a ratio, or a time of day. `half` is "am" or "pm" for a time of day, otherwise ""."""

    parts: tuple["Form", ...]
    half: str = ""


@dataclass(frozen=True, slots=True)
class Based:
    """The digits of a number, and the base in which they are written."""

    digits: str
    base: int


Expression = Number | Name | Call
Form = Expression | Words | Dots | Quantity | Listing | Relation | Union | SetOf | Matrix | Ratio | Based
