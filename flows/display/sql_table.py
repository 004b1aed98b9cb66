"""Prints the result of an SQL query as a table. If the table would be too wide, the columns of each row are printed
below each other."""

from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from redraft.store.tables.query import Table as QueryTable

NARROWEST = 14  # minimum characters for a readable column


def table(found: QueryTable, width: int, most: int = 200) -> RenderableType:
    """Returns a table of at most `most` rows that is `width` characters wide. A line below the table states how many
    rows were left out."""
    rows = [[_cell(value) for value in row] for row in found.rows[:most]]
    left = len(found.rows) - len(rows)
    note = [Text(f"{left:,} more rows: LIMIT, --csv, --json or --parquet", style="dim")] if left > 0 else []
    widest = [max(map(len, [name, *column])) for name, *column in zip(found.columns, *map(_plain, rows), strict=True)]
    needed = sum(min(size, NARROWEST) + 3 for size in widest) + 1
    return Group(_table(found, rows) if needed <= width else _records(found, rows), *note)


def _table(found: QueryTable, rows: list[list[Text]]) -> Table:
    made = Table(header_style="bold")
    for name, kind in zip(found.columns, found.types, strict=True):
        made.add_column(Text(name), justify="right" if kind.upper() in NUMBERS else "left", overflow="fold")
    for row in rows:
        made.add_row(*row)
    return made


def _records(found: QueryTable, rows: list[list[Text]]) -> Group:
    parts: list[RenderableType] = []
    for number, row in enumerate(rows, start=1):
        record = Table.grid(padding=(0, 2))
        record.add_column(style="bold", no_wrap=True)
        record.add_column(overflow="fold")
        for name, value in zip(found.columns, row, strict=True):
            record.add_row(Text(name), value)
        parts += [Rule(f"row {number}", align="left", style="dim"), record]
    return Group(*parts)


def _plain(row: list[Text]) -> list[str]:
    return [cell.plain for cell in row]


def _cell(value: Any) -> Text:
    if value is None:
        return Text("null", style="dim")
    if isinstance(value, float):
        return Text(f"{value:.4g}" if abs(value) < 1000 else f"{value:,.1f}")
    if isinstance(value, datetime):
        return Text(f"{value:%Y-%m-%d %H:%M:%S}")
    return Text(str(value))


NUMBERS = ("NUMBER", "INTEGER", "BIGINT", "HUGEINT", "SMALLINT", "TINYINT", "UBIGINT", "DOUBLE", "FLOAT", "DECIMAL")
