"""What SQL found, as a rich table."""

from datetime import datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from redraft.store.query import Table as Found

NUMBERS = ("INT", "DOUBLE", "FLOAT", "DECIMAL")


def table(found: Found, most: int = 200) -> Table:
    """At most `most` rows, numbers to the right; what was left out is said below."""
    left = len(found.rows) - most
    note = f"{left:,} more rows: LIMIT, --csv, --json or --parquet" if left > 0 else None
    made = Table(header_style="bold", caption=note, caption_justify="left")
    for name, kind in zip(found.columns, found.types, strict=True):
        numeric = any(sign in kind.upper() for sign in (*NUMBERS, "NUMBER")) and "[" not in kind
        made.add_column(Text(name), justify="right" if numeric else "left", overflow="fold")
    for row in found.rows[:most]:
        made.add_row(*(_cell(value) for value in row))
    return made


def _cell(value: Any) -> Text:
    if value is None:
        return Text("null", style="dim")
    if isinstance(value, float):
        return Text(f"{value:.4g}" if abs(value) < 1e6 else f"{value:,.0f}")
    if isinstance(value, datetime):
        return Text(f"{value:%Y-%m-%d %H:%M:%S}")
    return Text(str(value))
