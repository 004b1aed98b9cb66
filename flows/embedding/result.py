"""The diversity gain of each kind of rewrite, and whether the kind is refused."""

from collections.abc import Mapping
from dataclasses import dataclass

from redraft.store.errors import plural
from redraft.store.html import table


@dataclass(frozen=True, slots=True)
class KindDiversity:
    """The measurements of one kind of rewrite. `gain` is the mean squared distance of its accepted questions from the
    nearest question of the base set, `median` is the median of these distances, and `near` is the share of distances
    below 0.1. All three are None if no question was accepted. `refused` is the reason why the kind is refused."""

    augmentation: str
    rewrites: int
    accepted: int
    questions: int
    gain: float | None = None
    median: float | None = None
    near: float | None = None
    refused: str | None = None

    @property
    def acceptance(self) -> float | None:
        """Returns the share of rewrites that were accepted, in [0, 1], or None if there are no rewrites."""
        return self.accepted / self.rewrites if self.rewrites else None

    def __str__(self) -> str:
        measured = "no gain" if self.gain is None else f"gain {self.gain:.3f}, median {self.median:.3f}"
        near = "" if self.near is None else f", {self.near:.0%} near duplicates"
        refused = f"; refused: {self.refused}" if self.refused else ""
        return f"{self.augmentation}: {measured}{near}; {self.accepted:,} of {self.rewrites:,} accepted{refused}"


@dataclass(frozen=True, slots=True)
class DiversityResult:
    """The measurements of all kinds of rewrites in a store. `tokens` is the number of tokens that a provider of
    embeddings read. `cost_usd` is their price in US dollars, if it is known."""

    db: str
    run_id: str
    embedder: str
    base: int
    kinds: list[KindDiversity]
    tokens: int = 0
    cost_usd: float | None = None
    plot: str | None = None

    @property
    def refused(self) -> Mapping[str, str]:
        """Returns a dict from each refused kind to the reason."""
        return {kind.augmentation: kind.refused for kind in self.kinds if kind.refused}

    def __str__(self) -> str:
        paid = f", {self.tokens:,} tokens" if self.tokens else ""
        cost = f", ${self.cost_usd:.4f}" if self.cost_usd else ""
        base = f"base set: {plural(self.base, 'question')}; embeddings by {self.embedder}{paid}{cost}"
        drawn = [f"picture: {self.plot}"] if self.plot else []
        return "\n".join([*map(str, self.kinds), f"{base}: kept in {self.db}", *drawn])

    def _repr_html_(self) -> str:
        rows = [
            (kind.augmentation, kind.gain if kind.gain is None else round(kind.gain, 3), kind.acceptance, kind.refused)
            for kind in self.kinds
        ]
        return table(rows, ("kind", "gain", "acceptance", "refused"))


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The minimum diversity gain and the minimum acceptance of a kind. None means no minimum."""

    gain: float | None = None
    acceptance: float | None = None

    def reason(self, kind: KindDiversity, *, makes_questions: bool) -> str | None:
        """Returns the reason why a kind is refused, or None if it is not refused. A kind that makes only answers has
        the gain 0 by definition, so only its acceptance is checked."""
        found = [("acceptance", kind.acceptance, self.acceptance)]
        if makes_questions:
            found.insert(0, ("gain", kind.gain, self.gain))
        reasons = [
            f"{name} {'unknown' if value is None else f'{value:.3f}'} is not {least:g} or more"
            for name, value, least in found
            if least is not None and (value is None or value < least)
        ]
        return "; ".join(reasons) or None
