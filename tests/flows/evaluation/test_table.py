"""The tables of an evaluation, cell by cell."""

from dataclasses import replace

from redraft.flows.evaluation.history import Cost
from redraft.flows.evaluation.result import Control, EqualCost, MethodResult, Moves, Row
from redraft.flows.evaluation.table import CHANGED, CHANGES, COSTS, EQUAL, HELD, SPENT, tables
from redraft.graders.statistics import Interval

HALF, MORE = Interval(0.5, 0.25, 0.75), Interval(0.625, 0.5, 0.75)
FIRST = Row(1, HALF, Cost(1234.4, 56789.0, 1.0, 0.5), oracle_used=False, moves=Moves(8, 4, no_answer=1200))
SECOND = Row(
    2, MORE, Cost(20.0, 30.0, 2.25, 1.125), oracle_used=True, change=Interval(0.125, -0.05, 0.3),
    moves=Moves(8, 5, 2, 1, 3, 2, 0, text_change=0.333), majority=HALF, any_turn=MORE,
    equal_cost=EqualCost(2.46, HALF, Interval(-0.031, -0.2, 0.1), p_holm=0.0456),
    control=Control(3, MORE, Interval(0, 0, 0)),
)  # fmt: skip
METHOD = MethodResult("correct", "m", "correct", "r", "", True, 4, 8, (FIRST, SECOND), oracle_used=True)
PICK = MethodResult("mcts", "m", "mcts", "r", "", False, 1, 8, (Row(None, HALF, Cost(5.0), False),), oracle_used=False)


def test_every_cell_of_a_methods_rows() -> None:
    (changed, head, changes), (spent, costs_head, costs), (held, equal_head, equal) = tables([METHOD], baseline=True)
    assert (changed, spent, held) == (CHANGED, SPENT, HELD)
    assert (head, costs_head, equal_head) == (CHANGES, COSTS, EQUAL)
    assert changes == [
        ("correct", "1", "50.0% [25.0, 75.0]", "", "", "", "", "", "1,200", "", "no"),
        ("", "2", "62.5% [50.0, 75.0]", "+12.5 [-5.0, 30.0]", "2", "1", "3", "2", "0", "33%", "yes"),
    ]
    assert costs == [
        ("correct", "1", "50.0% [25.0, 75.0]", "", "", "1,234", "56,789", "1.0", "0.50", "no"),
        ("", "2", "62.5% [50.0, 75.0]", "50.0%", "62.5%", "20", "30", "2.2", "1.12", "yes"),
    ]
    assert equal == [
        ("correct", "1", "", "", "", "", "", "", "no"),
        ("", "2", "2.5", "50.0%", "-3.1 [-20.0, 10.0]", "0.046", "3: 62.5%", "0.0 [0.0, 0.0]", "yes"),
    ]


def test_every_row_is_as_wide_as_its_head() -> None:
    for _, head, rows in tables([METHOD, PICK], baseline=True):
        assert {len(row) for row in rows} == {len(head)}


def test_a_pick_has_no_changes_and_without_a_baseline_there_is_no_comparison() -> None:
    [(title, _, rows)] = tables([PICK], baseline=False)
    assert (title, [row[:2] for row in rows]) == (SPENT, [("mcts", "pick")])
    assert [title for title, _, _ in tables([PICK, METHOD], baseline=False)] == [CHANGED, SPENT]


def test_methods_without_rows_have_no_tables() -> None:
    assert tables([], baseline=True) == []
    assert tables([replace(METHOD, rows=())], baseline=True) == []


def test_the_model_is_named_if_there_are_several() -> None:
    _, (_, _, costs) = tables([METHOD, replace(METHOD, model="n")], baseline=False)
    assert [row[0] for row in costs] == ["correct (m)", "", "correct (n)", ""]


def test_a_text_that_did_not_change_is_told_from_one_that_nobody_compared() -> None:
    for change, cell in ((0.0, "0%"), (None, "")):
        assert SECOND.moves is not None
        row = replace(SECOND, moves=replace(SECOND.moves, text_change=change))
        (_, _, changes), *_ = tables([replace(METHOD, rows=(row,))], baseline=False)
        assert changes[0][9] == cell
