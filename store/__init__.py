"""The store: records of problems, trajectories, grades and calls, in DuckDB; the journal; sources of problems.

>>> from redraft.store import Problem, Store
>>> with Store(":memory:") as store:
...     store.add([Problem("What is 6 x 7?", "42")])
1
"""

from typing import TYPE_CHECKING

from redraft.store.lazy_import import import_lazily

if TYPE_CHECKING:
    from msgspec.structs import replace

    from redraft.store.calls import Call
    from redraft.store.errors import (
        ColumnError,
        JournalBusy,
        PartError,
        QueryError,
        RedraftError,
        SourceError,
        StoreError,
        StoreHeld,
    )
    from redraft.store.problems import Keyring, Kind, Problem, Question
    from redraft.store.sources.reader import read as read_problems
    from redraft.store.tables.labels import Label
    from redraft.store.tables.query import Table
    from redraft.store.tables.store import Store
    from redraft.store.trajectory import Detail, Grade, Role, Step, Stop, Trajectory, Verdict
    from redraft.store.unit import Unit

__all__ = [
    "Call",
    "ColumnError",
    "Detail",
    "Grade",
    "JournalBusy",
    "Keyring",
    "Kind",
    "Label",
    "PartError",
    "Problem",
    "QueryError",
    "Question",
    "RedraftError",
    "Role",
    "SourceError",
    "Step",
    "Stop",
    "Store",
    "StoreError",
    "StoreHeld",
    "Table",
    "Trajectory",
    "Unit",
    "Verdict",
    "read_problems",
    "replace",
]

import_lazily(__name__)
