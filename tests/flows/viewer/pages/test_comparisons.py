"""Runs side by side, and charts, against what Python makes of the drafts."""

import asyncio
from collections import Counter
from math import sqrt
from pathlib import Path
from statistics import mean, stdev

import pytest

from redraft.flows.generate import generate
from redraft.flows.viewer.address import Address, NotThere
from redraft.flows.viewer.app import ServerLinks
from redraft.flows.viewer.pages import charts, compare
from redraft.flows.viewer.site import Site
from redraft.flows.viewer.store_reader import MOST_CACHED, Reader, by
from redraft.graders.statistics import clustered_share, paired_bootstrap, pass_at_k, sign_flip, wilson
from redraft.store import Store


def runs(reader: Reader, *strategies: str) -> list[str]:
    found = {row["strategy"]: row["run_id"] for row in reader.rows("SELECT strategy, run_id FROM runs")}
    return [found[name] for name in strategies]


def picks(reader: Reader, run: str) -> dict[str, bool]:
    rows = reader.rows(f"SELECT problem_id, correct FROM samples WHERE run_id = '{run}' AND chosen")
    return {row["problem_id"]: row["correct"] for row in rows}


def test_runs_are_paired_by_problem_and_differences_come_first(reader: Reader) -> None:
    names = runs(reader, "correct", "best_of_n")
    page = compare.read(reader, Address.of("compare", run=names))
    old, new = (picks(reader, name) for name in names)
    common = sorted(set(old) & set(new))
    differ = [name for name in common if old[name] != new[name]]
    assert [row["problem_id"] for row in page["problems"]] == differ + [name for name in common if name not in differ]
    assert [row["corrects"] for row in page["problems"] if row["problem_id"] == common[0]] == [
        [old[common[0]], new[common[0]]]
    ]
    [found] = page["differences"]
    pairs = [(old[name], new[name]) for name in common]
    assert (found["both"], found["lost"], found["won"], found["neither"]) == tuple(
        pairs.count(pair) for pair in ((True, True), (True, False), (False, True), (False, False))
    )
    assert found["gain"] == paired_bootstrap([float(b) for _, b in pairs], [float(a) for a, _ in pairs])
    assert found["p"] == sign_flip([float(b) - float(a) for a, b in pairs])
    for side, known in zip(page["chosen"], (old, new), strict=True):
        assert side["accuracy"] == wilson(sum(known[name] for name in common), len(common))


def test_three_runs_are_compared_on_what_all_of_them_solved(reader: Reader) -> None:
    names = runs(reader, "correct", "best_of_n", "mcts")
    page = compare.read(reader, Address.of("compare", run=names))
    assert [side["paired"] for side in page["chosen"]] == [2, 2, 2]
    assert len(page["differences"]) == 2
    assert all(len(row["answers"]) == 3 for row in page["problems"])


def test_pages_of_a_comparison(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare, "PER_PAGE", 4)
    first = compare.read(reader, Address.of("compare", run=runs(reader, "correct", "best_of_n")))
    second = compare.read(reader, first["following"])
    assert (len(first["problems"]), len(second["problems"]), first["before"], second["following"]) == (4, 2, None, None)
    assert compare.read(reader, second["before"])["problems"] == first["problems"]


def test_too_few_runs_are_no_comparison(reader: Reader) -> None:
    [name] = runs(reader, "mcts")
    assert compare.read(reader, Address("compare"))["note"] == ""
    for chosen in ([name], [name, name]):
        page = compare.read(reader, Address.of("compare", run=chosen))
        assert (page["chosen"], page["note"]) == ([], "Choose two to 6 different runs.")
    with pytest.raises(NotThere, match="no run 'x' with trajectories in "):
        compare.read(reader, Address.of("compare", run=[name, "x"]))


def chart(reader: Reader, of: str, title: str) -> dict[str, list[tuple[float, float]]]:
    """The points of a chart by the names of its series."""
    [found] = [each for each in charts.read(reader, Address.of("charts", of=of))["charts"] if each.title == title]
    return {series.name: [point[:2] for point in series.points] for series in found.series}


def test_pass_at_k_is_that_of_the_view(reader: Reader) -> None:
    rows = reader.rows("FROM pass_at_k WHERE draft = 'first' ORDER BY k")
    found = chart(reader, "samples", "pass@k")
    for strategy, name in (("correct", "correct · oracle"), ("best_of_n", "best_of_n")):
        wanted = [(row["k"], row["pass_at_k"]) for row in rows if row["strategy"] == strategy]
        assert found[name] == [pytest.approx(pair) for pair in wanted]


def test_accuracy_by_turn_and_tokens_has_intervals(reader: Reader) -> None:
    rows = reader.rows("FROM corrections WHERE strategy = 'correct' ORDER BY turn")
    assert chart(reader, "turns", "Accuracy by turn") == {
        "correct · oracle": [pytest.approx((row["turn"], row["accuracy"])) for row in rows]
    }
    assert chart(reader, "turns", "Accuracy by tokens")["correct · oracle"] == [
        pytest.approx((row["tokens"], row["accuracy"])) for row in rows
    ]
    [drawn] = charts.read(reader, Address.of("charts", of="turns"))["charts"][0].series
    drafts = reader.rows(
        "SELECT s.unit_id, t.trajectory_id, t.turn, t.correct FROM turns t JOIN samples s USING (trajectory_id)"
        " JOIN runs r ON r.run_id = s.run_id WHERE r.strategy = 'correct'"
    )
    paths = by(drafts, "trajectory_id")
    for point in drawn.points:
        last = [max((row for row in path if row["turn"] <= point[0]), key=lambda row: row["turn"])
                for path in paths.values()]  # fmt: skip
        pairs = Counter((sum(row["correct"] for row in unit), len(unit)) for unit in by(last, "unit_id").values())
        found = clustered_share(pairs)
        assert point[1:] == pytest.approx((found.estimate, found.low, found.high))


def test_pass_at_k_has_its_interval_over_problems(reader: Reader) -> None:
    [drawn] = charts.read(reader, Address.of("charts", run=runs(reader, "best_of_n")[0]))["charts"][0].series
    samples = reader.rows(
        "SELECT problem_id, correct FROM samples JOIN runs USING (run_id) WHERE strategy = 'best_of_n'"
    )
    counts = [(len(each), sum(row["correct"] for row in each)) for each in by(samples, "problem_id").values()]
    for k, estimate, low, high in drawn.points:
        chances = [pass_at_k(n, c, int(k)) for n, c in counts]
        half = 1.959964 * stdev(chances) / sqrt(len(chances))
        if 0 < estimate < 1:
            bounds = (max(0.0, estimate - half), min(1.0, estimate + half))
        else:
            bounds = wilson(round(estimate * len(counts)), len(counts))
            bounds = (bounds.low, bounds.high)
        assert (estimate, low, high) == pytest.approx((mean(chances), *bounds))


def test_a_curve_has_no_point_of_fewer_problems(own: Path) -> None:
    """A problem with one sample is in pass@1 alone: pass@2 would be of other problems."""
    store = Store(own)
    [(recipe,)] = store.query("SELECT recipe FROM runs WHERE strategy = 'best_of_n'").rows
    with store._database.open() as connection:  # pyright: ignore[reportPrivateUsage]
        unit = f"(SELECT commit_id FROM raw.commits WHERE recipe = '{recipe}' LIMIT 1)"
        connection.execute(f"UPDATE raw.turns SET ended = 'failed' WHERE commit_id = {unit} AND sample > 0")
    [drawn] = charts.read(Reader(store), Address.of("charts", run=runs(Reader(store), "best_of_n")[0]))["charts"][
        0
    ].series
    assert [point[0] for point in drawn.points] == [1]


def test_costs_of_a_run_are_those_of_its_recipe(reader: Reader) -> None:
    [name] = runs(reader, "best_of_n")
    [drawn] = charts.read(reader, Address.of("charts", of="cost", run=name))["charts"][-1].series
    wanted = reader.row(f"SELECT sum(completion_tokens)::BIGINT AS tokens FROM calls WHERE run_id = '{name}'")
    assert wanted
    assert sum(point[1] for point in drawn.points) == wanted["tokens"]


def test_runs_without_a_common_problem_say_so(reader: Reader, own: Path) -> None:
    asyncio.run(generate("builtin:levels=2-4,seed=77", db=own, limit=1, samples=1, strategy="greedy"))
    other = Reader(Store(own), "ann")
    html = Site(other, ServerLinks()).render(Address.of("compare", run=runs(other, "best_of_n", "greedy")))
    assert "No problem was solved by all of these runs" in html


def test_calibration_is_the_share_of_right_drafts_by_value(reader: Reader) -> None:
    rows = reader.rows("FROM raw.valued WHERE draft = 'first' AND grader = 'prm'")
    bins: dict[int, list[tuple[float, bool]]] = {}
    for row in rows:
        bins.setdefault(min(int(row["value"] * 10), 9), []).append((row["value"], row["correct"]))
    wanted = [
        (sum(value for value, _ in each) / len(each), sum(right for _, right in each) / len(each))
        for _, each in sorted(bins.items())
    ]
    found = chart(reader, "calibration", "Calibration")
    assert found["perfect"] == [(0.0, 0.0), (1.0, 1.0)]
    [name] = set(found) - {"perfect"}
    assert found[name] == [pytest.approx(pair) for pair in wanted]


def test_every_kind_of_chart_is_drawn_or_says_that_there_is_nothing(reader: Reader) -> None:
    for kind in charts.KINDS:
        for each in charts.read(reader, Address.of("charts", of=kind))["charts"]:
            assert each.svg().startswith("<svg")
    assert charts.read(reader, Address.of("charts", of="rounds"))["charts"] == []
    tokens = chart(reader, "cost", "Tokens written by day")
    [total] = reader.rows("SELECT sum(completion_tokens)::BIGINT AS n FROM calls WHERE model = 'embedded'")
    assert sum(count for _, count in tokens["embedded"]) == total["n"]
    assert set(chart(reader, "diversity", "How different drafts begin")) >= {"best_of_n", "correct · oracle"}


def test_charts_of_one_run_are_those_of_its_recipe(reader: Reader) -> None:
    [name] = runs(reader, "best_of_n")
    found = charts.read(reader, Address.of("charts", run=name))["charts"]
    assert {series.name.split(" ")[0] for each in found for series in each.series} == {"best_of_n"}


def test_recipes_of_the_same_name_are_told_apart() -> None:
    rows = [
        {"strategy": "greedy", "feedback": None, "replicate": "", "recipe": "aaaaaaaa1"},
        {"strategy": "greedy", "feedback": None, "replicate": "", "recipe": "bbbbbbbb2"},
        {"strategy": "greedy", "feedback": None, "replicate": "monday", "recipe": "bbbbbbbb2"},
        {"strategy": None, "feedback": None, "replicate": "", "recipe": "c"},
    ]
    names = [row["name"] for row in charts._named(rows)]  # pyright: ignore[reportPrivateUsage]
    assert names == ["greedy · aaaaaa", "greedy · bbbbbb", "greedy · monday", "imported"]


def test_charts_that_do_not_exist_are_told(reader: Reader) -> None:
    with pytest.raises(NotThere, match=r"no charts of 'turn'; there are .* Did you mean 'turns'"):
        charts.read(reader, Address.of("charts", of="turn"))
    with pytest.raises(NotThere, match="no run 'x' in"):
        charts.read(reader, Address.of("charts", run="x"))


def test_a_chart_is_drawn_anew_only_if_the_store_has_changed(own: Path) -> None:
    reader = Reader(Store(own, create=False))
    shown = charts.read(reader, Address.of("charts"))["charts"]
    statements = reader._cache.copy()  # pyright: ignore[reportPrivateUsage]
    assert charts.read(reader, Address.of("charts"))["charts"] == shown
    assert reader._cache == statements  # pyright: ignore[reportPrivateUsage]
    asyncio.run(generate("builtin:levels=2-4,seed=6", db=own, limit=1, samples=1, strategy="greedy"))
    drawn = charts.read(reader, Address.of("charts"))["charts"][0].series
    assert any(line.name.startswith("greedy") for line in drawn)
    assert not any(line.name.startswith("greedy") for line in shown[0].series)


def test_the_rows_of_few_statements_are_cached(reader: Reader) -> None:
    for number in range(MOST_CACHED + 5):
        [row] = reader.cached_rows(f"SELECT {number} AS number")
        row["number"] = -1  # a caller may change its rows
        assert reader.cached_rows(f"SELECT {number} AS number") == [{"number": number}]
    assert len(reader._cache) == MOST_CACHED  # pyright: ignore[reportPrivateUsage]
