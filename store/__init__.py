"""What is kept: the nouns, DuckDB, the journal, the sources of problems.

>>> from redraft.store import Problem, Store
>>> with Store(":memory:") as store:
...     store.add([Problem("What is 6 x 7?", "42")])
1
"""

from typing import TYPE_CHECKING, Any

from redraft.store.errors import RedraftError
from redraft.store.records import Grade, Problem, Question, Role, Step, Stop, Trajectory, Verdict

if TYPE_CHECKING:
    from redraft.store.tables.store import Store

__all__ = ["Grade", "Problem", "Question", "RedraftError", "Role", "Step", "Stop", "Store", "Trajectory", "Verdict"]


def __getattr__(name: str) -> Any:
    """`Store` brings DuckDB along, so it is imported when it is first asked for."""
    if name == "Store":
        from redraft.store.tables.store import Store

        return Store
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
