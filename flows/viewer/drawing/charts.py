"""Charts as SVG in the page's own colours, so that they suit both a dark and a light page. Units are pixels."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

WIDTH, HEIGHT = 640, 300
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 12, 44
COLOURS = 8
"""The number of colours for series. The style sheet has the classes c0 to c7."""

Point = tuple[float, float, float | None, float | None]
"""x, y, and the lower and upper bounds of y, or None."""


@dataclass(frozen=True, slots=True)
class Series:
    """A line of points. `dashed` lines are baselines for comparison."""

    name: str
    points: Sequence[Point]
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines over a common x axis. With `log` the x axis is logarithmic (base 2), with `whole` its ticks are integers,
    and with `share` y is shown in per cent. `names` are labels for the integers of the x axis."""

    title: str
    x: str
    y: str
    series: Sequence[Series]
    log: bool = False
    share: bool = False
    whole: bool = False
    names: Sequence[str] = field(default=())
    note: str = ""

    @property
    def empty(self) -> bool:
        return not any(series.points for series in self.series)

    def svg(self) -> Markup:
        """Returns the chart as SVG. The page shows the same numbers as a table."""
        x_axis = _Axis.over([p[0] for s in self.series for p in s.points], LEFT, WIDTH - RIGHT, log=self.log)
        values = [value for s in self.series for p in s.points for value in p[1:] if value is not None]
        y_axis = _Axis.over([*values, *([0.0] if self.share else [])], HEIGHT - BOTTOM, TOP, round_ends=True)
        parts = [*self._grid(x_axis, y_axis)]
        for number, series in enumerate(self.series):
            parts += _line(series, number % COLOURS, x_axis, y_axis)
        head = Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}" class="chart">')
        return (
            head.format(WIDTH, HEIGHT, f"{self.title}: {self.y} by {self.x}")
            + Markup("").join(parts)
            + Markup("</svg>")
        )

    def _grid(self, x_axis: "_Axis", y_axis: "_Axis") -> list[Markup]:
        found = []
        for value in y_axis.ticks():
            y = y_axis.at(value)
            found.append(Markup('<path class="grid" d="M{} {:.1f}H{}"/>').format(LEFT, y, WIDTH - RIGHT))
            text = f"{value:.0%}" if self.share else _short(value)
            found.append(Markup('<text x="{}" y="{:.1f}" class="tick end">{}</text>').format(LEFT - 8, y + 4, text))
        for value in range(len(self.names)) if self.names else x_axis.ticks():
            if self.whole and value != round(value):
                continue
            text = self.names[int(value)] if self.names else _short(value)
            place = Markup('<text x="{:.1f}" y="{}" class="tick middle">{}</text>')
            if not self.names or value % max(1, -(-len(self.names) // 8)) == 0:
                found.append(place.format(x_axis.at(value), HEIGHT - BOTTOM + 18, text))
        middle = (LEFT + WIDTH - RIGHT) / 2
        found.append(Markup('<text x="{:.0f}" y="{}" class="axis middle">{}</text>').format(middle, HEIGHT - 6, self.x))
        return found


def _line(series: Series, colour: int, x_axis: "_Axis", y_axis: "_Axis") -> list[Markup]:
    """Returns the SVG elements of a line: error bars for its intervals, the line, and a dot with a tooltip for each
    point."""
    found, places = [], [(x_axis.at(x), y_axis.at(y)) for x, y, _, _ in series.points]
    for (x, _), (_, _, low, high) in zip(places, series.points, strict=True):
        if low is not None and high is not None:
            whisker = Markup('<path class="whisker c{}" d="M{:.1f} {:.1f}V{:.1f}"/>')
            found.append(whisker.format(colour, x, y_axis.at(low), y_axis.at(high)))
    way = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    kind = " dashed" if series.dashed else ""
    if len(places) > 1:
        found.append(Markup('<path class="line c{}{}" d="M{}"/>').format(colour, kind, way))
    dot = Markup('<circle class="dot c{}" cx="{:.1f}" cy="{:.1f}" r="3.5"><title>{}: {}, {}</title></circle>')
    for (x, y), point in zip(places, series.points, strict=True):
        found.append(dot.format(colour, x, y, series.name, _short(point[0]), _short(point[1])))
    return found


@dataclass(frozen=True, slots=True)
class _Axis:
    """Maps values from `low` to `high` to pixels from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    @classmethod
    def over(
        cls, values: Sequence[float], start: float, end: float, *, log: bool = False, round_ends: bool = False
    ) -> "_Axis":
        low, high = min(values, default=0.0), max(values, default=1.0)
        if log:
            return cls(math.log2(low), math.log2(high) if high > low else math.log2(low) + 1, start, end, log=True)
        if high <= low:
            low, high = (low - 0.5, high + 0.5) if high else (0.0, 1.0)
        if round_ends:
            step = _step(high - low)
            low, high = math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step
        return cls(low, high, start, end)

    def at(self, value: float) -> float:
        value = math.log2(value) if self.log else value
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self) -> list[float]:
        if self.log:
            step = max(1, math.ceil((self.high - self.low) / 10))
            return [2.0**power for power in range(math.ceil(self.low), math.floor(self.high) + 1, step)]
        step = _step(self.high - self.low)
        first = math.ceil(self.low / step - 1e-9)
        return [number * step for number in range(first, math.floor(self.high / step + 1e-9) + 1)]


def _step(span: float) -> float:
    """Returns the distance of ticks: 1, 2 or 5 times a power of ten, with four to ten ticks in the span."""
    power = 10 ** math.floor(math.log10(span / 4))
    return next(factor * power for factor in (1, 2, 5, 10) if span / (factor * power) <= 8)


def _short(value: float) -> str:
    for power, sign in ((1e9, "G"), (1e6, "M")):
        if abs(value) >= power:
            return f"{value / power:.3g}{sign}"
    return f"{value:,.0f}" if value == round(value) or abs(value) >= 1000 else f"{value:.3g}"
