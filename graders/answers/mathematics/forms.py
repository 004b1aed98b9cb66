"""The forms of a mathematical answer: expressions, and the lists, sets, relations and quantities made of them."""

from dataclasses import dataclass
from fractions import Fraction


class Unread(ValueError):
    """Raised if a text, or a part of it, can't be read as mathematics. The message says which part."""


@dataclass(frozen=True, slots=True)
class Number:
    """A rational number. `decimals` is the number of digits after the decimal point as written; None without a
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
    """Words that are no mathematics, in lower case."""

    text: str


@dataclass(frozen=True, slots=True)
class Dots:
    """The dots of a sequence whose middle is left out."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value with a unit, as it was written."""

    value: "Expression"
    unit: str


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of items: several answers, a tuple, an interval or a set. `brackets` are its two brackets, such as "()",
    "[)" or "{}"; "" for a bare list. `joined` is the separator of a bare list: ",", ";", "and" or "or"."""

    brackets: str
    items: tuple["Form", ...]
    joined: str = ","

    @property
    def ordered(self) -> bool:
        """Whether the order of the items counts because they fill the blanks of a question, with semicolons between
        them."""
        return self.joined == ";"


@dataclass(frozen=True, slots=True)
class Relation:
    """A chain of sides and the signs between them, such as 2 < x ≤ 5. The first side may be missing (≥ 3)."""

    sides: tuple["Form | None", ...]
    signs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Union:
    """Sets joined by "∪", "∩" or "∖"."""

    sign: str
    left: "Form"
    right: "Form"


@dataclass(frozen=True, slots=True)
class SetOf:
    """The set of all values that fulfil the conditions."""

    element: "Form"
    conditions: tuple["Form", ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """The rows of a matrix or a column vector."""

    rows: tuple[tuple["Form", ...], ...]


@dataclass(frozen=True, slots=True)
class Ratio:
    """Values with colons between them: a ratio, or a time of day with "am" or "pm"."""

    parts: tuple["Form", ...]
    half: str = ""


@dataclass(frozen=True, slots=True)
class Based:
    """Digits with the base that they are written in."""

    digits: str
    base: int


Expression = Number | Name | Call
Form = Expression | Words | Dots | Quantity | Listing | Relation | Union | SetOf | Matrix | Ratio | Based
