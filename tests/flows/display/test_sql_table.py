from io import StringIO

from rich.console import Console

from redraft.flows.display.sql_table import table
from redraft.store.tables.query import Table


def shown(found: Table, width: int = 40, most: int = 200) -> list[str]:
    console = Console(width=width, file=StringIO(), record=True)
    console.print(table(found, width, most))
    return [line.rstrip() for line in console.export_text().splitlines()]


def test_what_fits_is_a_table_with_numbers_to_the_right() -> None:
    found = Table(["name", "n"], ["VARCHAR", "BIGINT"], [("a", 7), (None, 12345), ("c", 0.12345)])
    assert shown(found)[1:-1] == [
        "┃ name ┃      n ┃",
        "┡━━━━━━╇━━━━━━━━┩",
        "│ a    │      7 │",
        "│ null │  12345 │",
        "│ c    │ 0.1235 │",
    ]


def test_what_does_not_fit_is_one_record_below_the_other() -> None:
    found = Table([f"column {i}" for i in range(5)], ["VARCHAR"] * 5, [("a long text " * 2,) * 5])
    lines = shown(found)
    assert lines[0].startswith("row 1 ─")
    assert lines[1:3] == ["column 0  a long text a long text", "column 1  a long text a long text"]
    assert max(map(len, lines)) <= 40


def test_rows_left_out_are_counted() -> None:
    found = Table(["n"], ["INTEGER"], [(i,) for i in range(5)])
    assert shown(found, width=80, most=3)[-1] == "2 more rows: LIMIT, --csv, --json or --parquet"
