"""Counts verdicts, and formats the table that is printed."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pairs.pairs import Pair
from pairs.run import Verdicts

HEAD = ("source", "oracle", "pairs", "as expected", "false acceptances", "false rejections", "undecided", "pairs/s")


@dataclass(frozen=True, slots=True)
class Counts:
    """The number of errors of one oracle on the pairs of a source. Undecided verdicts are counted over all pairs."""

    source: str
    oracle: str
    pairs: int
    expected: int
    false_acceptances: int
    false_rejections: int
    undecided: int
    seconds: float

    @classmethod
    def of(cls, source: str, oracle: str, pairs: Sequence[Pair], found: Verdicts) -> "Counts":
        both = list(zip(pairs, found.verdicts, strict=True))
        return cls(
            source,
            oracle,
            len(pairs),
            sum(pair.holds(verdict) for pair, verdict in both),
            sum(verdict == "right" and pair.expected in ("wrong", "not right") for pair, verdict in both),
            sum(verdict == "wrong" and pair.expected in ("right", "not wrong") for pair, verdict in both),
            found.verdicts.count("undecided"),
            round(found.seconds, 3),
        )

    def line(self) -> str:
        """Returns a line of the Markdown table."""
        cells = (
            self.source,
            self.oracle,
            f"{self.pairs:,}",
            f"{_percent(self.expected, self.pairs)}",
            f"{self.false_acceptances:,}",
            f"{self.false_rejections:,} ({_percent(self.false_rejections, self.pairs)})",
            f"{self.undecided:,} ({_percent(self.undecided, self.pairs)})",
            f"{self.pairs / self.seconds:,.0f}" if self.seconds else "",
        )
        return row(cells)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def unexpected(pairs: Sequence[Pair], found: Verdicts) -> Iterator[dict[str, Any]]:
    """Yields the pairs with an unexpected verdict, with the reason and the extracted answer."""
    for pair, verdict, reason, extracted in zip(pairs, found.verdicts, found.reasons, found.extracted, strict=True):
        if not pair.holds(verdict):
            yield {**asdict(pair), "verdict": verdict, "reason": reason, "extracted": extracted}


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f}%" if whole else ""
