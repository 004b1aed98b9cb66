"""Charts of the store's views: accuracy by samples, turns and tokens, the quality of graders, cost, rounds,
diversity."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from redraft.flows.viewer.address import Address, NotThere
from redraft.flows.viewer.drawing.charts import COLOURS, Chart, Series
from redraft.flows.viewer.store_reader import Reader, Row, by
from redraft.graders.statistics import Interval, clustered_share, pass_at_k, wilson
from redraft.store.errors import alternatives
from redraft.store.tables.sql import literal


def read(reader: Reader, asked: Address) -> dict[str, Any]:
    """Returns the charts of the kind `of`. `run` restricts them to the recipe of a run. Raises NotThere."""
    kind = asked.get("of", "samples")
    if kind not in KINDS:
        raise NotThere(f"no charts of {kind!r}; {alternatives(kind, KINDS)}")
    run = asked.get("run")
    if run and not reader.rows(f"FROM runs WHERE run_id = {literal(run)} LIMIT 1"):
        raise NotThere(f"no run {run!r} in {reader.store.path}")
    title, make = KINDS[kind]
    recipe = f"recipe IN (SELECT recipe FROM runs WHERE run_id = {literal(run)})"
    charts = make(reader, recipe if run else "true")
    return {
        "title": "Charts",
        "kinds": {name: each[0] for name, each in KINDS.items()},
        "kind": kind,
        "heading": title,
        "charts": [chart for chart in charts if not chart.empty],
        "run": run,
    }


def _samples(reader: Reader, these: str) -> list[Chart]:
    rows = _of_all_problems(reader.cached_rows(f"FROM pass_at_k WHERE draft = 'first' AND {these}"))
    best = _of_all_problems(
        reader.cached_rows(
            f"FROM best_of_n WHERE draft = 'first' AND {these} AND grader NOT IN ('oracle', 'likelihood_sum')"
        ),
        "grader", "grader_model",
    )  # fmt: skip
    counts = by(reader.cached_rows(FIRST_DRAFTS.format(these=these)), "recipe", "replicate")
    for row in rows:
        row["low"], row["high"] = _pass_bounds(counts[row["recipe"], row["replicate"]], row["k"], row["pass_at_k"])
    series = _series(_named(rows), "name", "k", "pass_at_k", "low", "high")
    chosen = _series(_named(best, "grader"), "name", "k", "accuracy")
    note = "pass@k: the chance that one of k first drafts is right, without bias (Chen et al., 2021). " + OVER_PROBLEMS
    best_note = "The exact share of right answers if a grader picks among k first drafts; ties are averaged. "
    return [
        Chart("pass@k", "samples k", "pass@k", series, log=True, share=True, note=note + ALL_PROBLEMS),
        Chart("Best of k", "samples k", "accuracy", chosen, log=True, share=True, note=best_note + ALL_PROBLEMS),
    ]


def _of_all_problems(rows: list[Row], *names: str) -> list[Row]:
    """Returns the rows of each curve over k that have the curve's maximum number of problems. With fewer problems, the
    curve would rise or fall only because the set of problems changes."""
    curves = by(rows, "recipe", "replicate", *names).values()
    return [row for curve in curves for row in curve if row["problems"] == max(each["problems"] for each in curve)]


def _pass_bounds(counts: list[Row], k: int, estimate: float) -> tuple[float, float]:
    """Returns the 95% interval of pass@k over problems. `counts` has the numbers of problems that have n samples, c of
    them right."""
    chances = [(pass_at_k(row["n"], row["c"], k), row["problems"]) for row in counts if row["n"] >= k]
    many = sum(problems for _, problems in chances)
    if many == 1 or estimate in (0, 1):
        found = wilson(round(estimate * many), many)
        return min(found.low, estimate), max(found.high, estimate)
    spread = sum(problems * (chance - estimate) ** 2 for chance, problems in chances) / (many - 1)
    half = 1.959964 * math.sqrt(spread / many)
    return max(0.0, estimate - half), min(1.0, estimate + half)


def _share(counts: Iterable[Row]) -> Interval:
    """Returns the share of right drafts, with an interval over problems. Each row has a number of problems, and the
    numbers of drafts and of right drafts that each of them has. Rows with the same numbers are added."""
    found: Counter[tuple[int, int]] = Counter()
    for row in counts:
        found[row["right"], row["drafts"]] += row["problems"]
    return clustered_share(found)


def _turns(reader: Reader, these: str) -> list[Chart]:
    rows = _named(reader.cached_rows(f"FROM corrections WHERE {these}"))
    counts = by(reader.cached_rows(TURNS.format(these=these)), "recipe", "replicate", "turn")
    for row in rows:
        bounds = _share(counts[row["recipe"], row["replicate"], row["turn"]])
        row["low"], row["high"] = bounds.low, bounds.high
    several = {row["name"] for row in rows if row["turn"] > 1}
    turned = [row for row in rows if row["name"] in several]
    note = "A trajectory that ended earlier keeps its last answer. " + OVER_PROBLEMS
    by_turn = _series(turned, "name", "turn", "accuracy", "low", "high")
    by_tokens = _series([row for row in rows if row["tokens"]], "name", "tokens", "accuracy", "low", "high")
    return [
        Chart("Accuracy by turn", "turn", "accuracy", by_turn, share=True, whole=True, note=note),
        Chart("Accuracy by tokens", "tokens written for a trajectory", "accuracy", by_tokens, share=True, note=note),
    ]


def _reward(reader: Reader, these: str) -> list[Chart]:
    rows = _named(
        reader.cached_rows(f"FROM reward_by_n WHERE draft = 'first' AND {these} AND grader <> 'likelihood_sum'"),
        "grader",
    )
    found = []
    for name, part in by(rows, "name").items():
        series = [
            *_series(part, None, "k", "accuracy", title="right"),
            *_series(part, None, "k", "value", title="value"),
        ]
        bounded = all(0 <= row["value"] <= 1 for row in part)
        note = "If the value rises while the share of right answers does not, the grader is being gamed. "
        note += ALL_PROBLEMS
        if bounded:
            found.append(Chart(f"Reward against truth: {name}", "best of k", "share", [series[0], _dashed(series[1])],
                               log=True, share=True, note=note))  # fmt: skip
        else:
            found.append(Chart(f"Value: {name}", "best of k", "value", series[1:], log=True, note=note))
            found.append(Chart(f"Truth: {name}", "best of k", "right", series[:1], log=True, share=True, note=note))
    return found[:12]


def _calibration(reader: Reader, these: str) -> list[Chart]:
    rows: list[Row] = []
    for (name, _), counts in by(reader.cached_rows(CALIBRATION.format(these=these)), "name", "bin").items():
        found, drafts = _share(counts), sum(row["drafts"] * row["problems"] for row in counts)
        bounds: Row = {"share": found.estimate, "low": found.low, "high": found.high}
        rows.append({"name": name, "value": sum(row["value"] for row in counts) / drafts, **bounds})
    series = _series(rows, "name", "value", "share", "low", "high")
    ideal = Series("perfect", [(0.0, 0.0, None, None), (1.0, 1.0, None, None)], dashed=True)
    note = "First drafts by the value that a grader gave them, in ten bins. " + OVER_PROBLEMS
    return [Chart("Calibration", "mean value", "right", [*series, ideal] if series else [], share=True, note=note)]


def _cost(reader: Reader, these: str) -> list[Chart]:
    rows = reader.cached_rows(COST.format(these=these))
    days = sorted({row["day"] for row in rows})
    names = [f"{day:%m-%d}" for day in days]
    for row in rows:
        row["place"] = days.index(row["day"])
    paid = [row for row in rows if row["cost_usd"]]
    costs, tokens = _series(paid, "model", "place", "cost_usd"), _series(rows, "model", "place", "tokens")
    return [
        Chart("Cost by day", "day", "dollars", costs, names=names),
        Chart("Tokens written by day", "day", "tokens", tokens, names=names),
    ]


def _rounds(reader: Reader, these: str) -> list[Chart]:
    rows = reader.cached_rows(ROUNDS)
    accuracy = _series(rows, "loop_id", "round", "accuracy", "accuracy_lo", "accuracy_hi")
    watched = [
        Chart(
            f"Collapse watch: {title}",
            "round",
            title,
            _series(reader.cached_rows(sql), "loop_id", "round", "figure"),
            share=True,
            whole=True,
        )
        for title, sql in WATCH.items()
    ]
    note = "Every round is measured on the same held-out problems."
    return [
        Chart("Rounds of self-training", "round", "accuracy", accuracy, share=True, whole=True, note=note),
        *watched,
    ]


def _diversity(reader: Reader, these: str) -> list[Chart]:
    questions = reader.cached_rows("FROM question_diversity WHERE gain IS NOT NULL")
    kinds = sorted({row["augmentation"] for row in questions})
    for row in questions:
        row["place"] = kinds.index(row["augmentation"])
    found = [Chart("How new questions are", "kind of rewrite", "mean distance to the nearest old question",
                   _series(questions, "embedder", "place", "gain"), names=kinds)]  # fmt: skip
    beginnings = _named(reader.cached_rows(f"FROM diversity WHERE {these}"))
    note = "The share of the drafts of a problem that begin differently, by the number of steps."
    drawn = _series(beginnings, "name", "depth", "share")
    found.append(
        Chart("How different drafts begin", "steps", "different beginnings", drawn, share=True, whole=True, note=note)
    )
    return found


KINDS: Mapping[str, tuple[str, Callable[[Reader, str], list[Chart]]]] = {
    "samples": ("pass@k and best of k", _samples),
    "turns": ("Accuracy by turn and by tokens", _turns),
    "reward": ("Reward against truth", _reward),
    "calibration": ("Calibration", _calibration),
    "cost": ("Cost by day", _cost),
    "rounds": ("Rounds of self-training", _rounds),
    "diversity": ("Diversity", _diversity),
}
"""The kinds of charts, each with its heading. A kind reads its views only when it is shown."""


def _named(rows: list[Row], *more: str) -> list[Row]:
    """Adds to each row a name that distinguishes its recipe: strategy, feedback, and the columns in `more`. If these
    are the same for several recipes, the prefix of the recipe's hash is added."""
    for row in rows:
        parts = [row["strategy"] or "imported", row.get("feedback"), *(row[name] for name in more), row["replicate"]]
        row["name"] = " · ".join(part for part in parts if part)
    for same in by(rows, "name").values():
        if len({row["recipe"] for row in same}) > 1:
            for row in same:
                row["name"] += f" · {row['recipe'][:6]}"
    return rows


def _series(
    rows: Iterable[Row], name: str | None, x: str, y: str, low: str = "", high: str = "", *, title: str = ""
) -> list[Series]:
    """Returns a series for each value of the column `name`, or one series with the title `title`."""
    found: dict[str, list[Any]] = {}
    for row in rows:
        if row[y] is not None:
            point = (float(row[x]), float(row[y]), row[low] if low else None, row[high] if high else None)
            found.setdefault(str(row[name]) if name else title, []).append(point)
    lines = [Series(key, sorted(points)) for key, points in found.items()]
    return lines[: 2 * COLOURS]


def _dashed(series: Series) -> Series:
    return Series(series.name, series.points, dashed=True)


OVER_PROBLEMS = "Intervals are 95%, over problems."
ALL_PROBLEMS = "A point that would be of fewer problems than the first is left out."

CALIBRATION = """
WITH placed AS (
    SELECT grader || CASE WHEN grader_model IS NULL THEN '' ELSE ' · ' || grader_model END AS name, problem_id,
           least(floor(value * 10), 9) AS bin, sum(value) AS value, count(*) AS drafts,
           count(*) FILTER (correct) AS "right"
    FROM raw.valued WHERE draft = 'first' AND value BETWEEN 0 AND 1 AND {these} GROUP BY ALL
)
SELECT name, bin, "right", drafts, count(*) AS problems, sum(value) AS value FROM placed
GROUP BY name, bin, "right", drafts ORDER BY name, bin"""
"""The query of the numbers of problems by their drafts and right drafts in a bin, and the sums of the drafts'
values."""

FIRST_DRAFTS = """
SELECT recipe, replicate, n, c, count(*) AS problems FROM (
    SELECT recipe, replicate, count(correct) AS n, count(*) FILTER (correct) AS c
    FROM raw.drafts WHERE draft = 'first' AND {these} GROUP BY recipe, replicate, commit_id HAVING count(correct) > 0
) GROUP BY ALL"""
"""The query of the numbers of problems that have n first drafts, c of them right."""

TURNS = """
WITH decided AS (
    SELECT recipe, replicate, commit_id, turn, turns, correct FROM raw.sampled WHERE {these}
    QUALIFY count(*) OVER (PARTITION BY path_id) = count(correct) OVER (PARTITION BY path_id)
), most AS (
    SELECT recipe, replicate, max(turns) AS most FROM decided GROUP BY ALL
), carried AS (
    SELECT recipe, replicate, commit_id, correct,
           unnest(CASE WHEN turn = turns THEN range(turn, most + 1) ELSE [turn] END) AS turn
    FROM decided JOIN most USING (recipe, replicate)
)
SELECT recipe, replicate, turn, "right", drafts, count(*) AS problems FROM (
    SELECT recipe, replicate, turn, count(*) FILTER (correct) AS "right", count(*) AS drafts
    FROM carried GROUP BY recipe, replicate, turn, commit_id
) GROUP BY ALL"""
"""The query of the numbers of problems by their trajectories and right trajectories at a turn, counted as in the view
`corrections`."""

COST = """
WITH days AS (
    SELECT answered_at::DATE AS day, model, sum(completion_tokens)::BIGINT AS tokens, sum(cost_usd) AS cost_usd
    FROM raw.calls JOIN raw.commits USING (commit_id) WHERE answered_at IS NOT NULL AND {these} GROUP BY ALL
)
FROM days SEMI JOIN (SELECT DISTINCT day FROM days ORDER BY day DESC LIMIT 60) USING (day) ORDER BY day, model"""

ROUNDS = """
SELECT loop_id, round, accuracy, accuracy_lo, accuracy_hi FROM rounds WHERE accuracy IS NOT NULL
ORDER BY loop_id DESC, round LIMIT 500"""
DRAWN = "FROM rounds r JOIN {view} v ON v.recipe = r.generation_recipe AND v.replicate = r.generation_replicate"
WATCH = {
    "pass@k": "SELECT r.loop_id, r.round, arg_max(v.pass_at_k, v.k) AS figure "
    + DRAWN.format(view="(FROM pass_at_k WHERE draft = 'first')")
    + " GROUP BY ALL",
    "two answers differ": f"SELECT r.loop_id, r.round, v.differ AS figure {DRAWN.format(view='answer_diversity')}",
    "distinct texts": f"SELECT r.loop_id, r.round, v.distinct_texts AS figure {DRAWN.format(view='answer_diversity')}",
}
"""Measures of the drafts of each round that shrink when a model that is trained on its own drafts collapses."""
