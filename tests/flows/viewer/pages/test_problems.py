"""Problems page by page, against what Python makes of all drafts."""

from collections.abc import Mapping
from typing import Any

import pytest

from redraft.flows.viewer.address import Address, NotThere
from redraft.flows.viewer.pages import problems
from redraft.flows.viewer.pages.problems import SORTS, read, read_these
from redraft.flows.viewer.store_reader import Reader, Row, by


def expected(reader: Reader, run: str = "") -> dict[str, Row]:
    """What is known of each problem, counted in Python."""
    these = f"WHERE run_id = '{run}'" if run else ""
    drawn = by(reader.rows(f"FROM samples {these}"), "problem_id")
    found = {}
    for row in reader.rows("SELECT problem_id, source, level, question FROM problems"):
        samples = drawn.get(row["problem_id"], [])
        judged = [sample["correct"] for sample in samples if sample["correct"] is not None]
        found[row["problem_id"]] = row | {
            "samples": len(samples) or None,
            "answers": len({sample["answer"] for sample in samples} - {None}) if samples else None,
            "rate": sum(judged) / len(judged) if judged else None,
            "oracle_used": any(sample["oracle_used"] for sample in samples) if samples else None,
            "disagreement": _disagreement(reader, [sample["trajectory_id"] for sample in samples]),
        }
    return found


def _disagreement(reader: Reader, trajectories: list[str]) -> float | None:
    grades = reader.rows("FROM grades WHERE step_id IS NULL AND NOT starts_with(grader, 'likelihood')")
    said: dict[tuple[str, int], dict[tuple[str, str | None], bool]] = {}
    for grade in grades:
        decided = grade["verdict"] in ("right", "wrong")
        if grade["trajectory_id"] in trajectories and (decided or 0 <= (grade["value"] or -1) <= 1):
            right = grade["verdict"] == "right" if decided else grade["value"] >= 0.5
            place = (grade["trajectory_id"], grade["turn"])
            said.setdefault(place, {})[(grade["grader"], grade["grader_model"])] = right
    several = [len(set(each.values())) > 1 for each in said.values() if len(each) > 1]
    return sum(several) / len(several) if several else None


def all_pages(reader: Reader, **query: Any) -> list[Row]:
    """The problems of all pages, in order; no page is asked for by a number."""
    address: Address | None = Address.of("problems", **query)
    found = []
    while address:
        page = read(reader, address)
        found += page["problems"]
        address = page["following"]
        assert len(found) < 100
    return found


@pytest.mark.parametrize("order", ["up", "down"])
@pytest.mark.parametrize("sort", list(SORTS))
def test_pages_together_are_the_sorted_list(
    reader: Reader, monkeypatch: pytest.MonkeyPatch, sort: str, order: str
) -> None:
    monkeypatch.setattr(problems, "PER_PAGE", 2)
    known, column = expected(reader), SORTS[sort][0]
    found = all_pages(reader, sort=sort, order=order)
    for row in found:
        assert {name: row[name] for name in known[row["problem_id"]]} == pytest.approx(known[row["problem_id"]])
    assert [row["problem_id"] for row in found] == _sorted(known, column, order)


def _sorted(known: Mapping[str, Row], column: str, order: str) -> list[str]:
    """Ids by a column, NULLs last; equal ones by id."""
    names = sorted(known, reverse=column == "problem_id" and order == "down")
    there = [name for name in names if known[name][column] is not None]
    there.sort(key=lambda name: known[name][column], reverse=order == "down" and column != "problem_id")
    if column == "problem_id":
        return names
    if order == "down":  # a stable sort in reverse keeps equal ones in their order
        there = sorted(there, key=lambda name: (-_value(known[name][column]), name)) if column != "source" else there
    return [*there, *(name for name in names if known[name][column] is None)]


def _value(value: Any) -> float:
    return float(value)


def test_a_run_narrows_problems_and_their_drafts(reader: Reader) -> None:
    [run] = reader.rows("SELECT run_id FROM runs WHERE strategy = 'mcts'")
    found = all_pages(reader, run=run["run_id"])
    known = expected(reader, run["run_id"])
    assert len(found) == 2
    for row in found:
        assert {name: row[name] for name in known[row["problem_id"]]} == pytest.approx(known[row["problem_id"]])


def test_problems_are_searched_by_text_answer_and_id_and_a_text_is_no_pattern(reader: Reader) -> None:
    every = reader.rows("FROM problems ORDER BY problem_id")
    word = every[0]["question"].split()[3].upper()
    found = {row["problem_id"] for row in all_pages(reader, q=word)}
    assert found == {row["problem_id"] for row in every if word.lower() in row["question"].lower()}
    assert [row["problem_id"] for row in all_pages(reader, q=every[1]["problem_id"])] == [every[1]["problem_id"]]
    for text in ("%", "_", "' OR true --", "\\"):
        assert [row for row in all_pages(reader, q=text) if text not in row["question"]] == []


def test_problems_are_narrowed_by_source_level_and_oracle(reader: Reader) -> None:
    known = expected(reader)
    levels = {row["level"] for row in known.values()}
    for level in levels:
        found = {row["problem_id"] for row in all_pages(reader, level=level, source="builtin")}
        assert found == {name for name, row in known.items() if row["level"] == level}
    for oracle, wanted in (("yes", True), ("no", False)):
        found = {row["problem_id"] for row in all_pages(reader, oracle=oracle)}
        assert found == {name for name, row in known.items() if bool(row["oracle_used"]) is wanted}
    assert all_pages(reader, source="elsewhere") == []


def test_the_first_page_tells_how_many_there_are(reader: Reader) -> None:
    assert read(reader, Address("problems"))["total"] == 6
    assert read(reader, Address.of("problems", q="no such text"))["total"] == 0
    assert read(reader, Address.of("problems", oracle="yes"))["total"] is None


def test_chosen_problems_are_one_page(reader: Reader) -> None:
    ids = sorted(expected(reader))[:2]
    found = read_these(reader, ids)
    assert [row["problem_id"] for row in found["problems"]] == ids
    assert found["following"] is None


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"sort": "rat"}, "no sort 'rat'; there are .* Did you mean 'rate'"),
        ({"order": "x"}, "no order 'x'; there are up, down"),
        ({"level": "high"}, "level='high' is no whole number"),
        ({"oracle": "maybe"}, "no oracle 'maybe'; there are yes, no"),
        ({"run": "x"}, "no run 'x' in "),
        ({"after": "-5"}, "no problem '-5' in "),
    ],
)
def test_what_cannot_be_asked_is_told(reader: Reader, query: dict[str, str], told: str) -> None:
    with pytest.raises(NotThere, match=told):
        read(reader, Address.of("problems", **query))


@pytest.mark.parametrize("key", ["", "abc", "nan", "1; DROP TABLE x"])
def test_a_place_in_a_sorted_list_needs_the_value_of_its_problem(reader: Reader, key: str) -> None:
    [row] = reader.rows("SELECT problem_id FROM problems LIMIT 1")
    for sort in ("rate", "level"):
        with pytest.raises(NotThere, match=f"key={key!r} is no (pass rate|level): after needs the value"):
            read(reader, Address.of("problems", sort=sort, after=row["problem_id"], key=key))
