"""What can go wrong that a person can mend. Each error's text is one line: what is wrong, where, and its cure."""


class RedraftError(Exception):
    """The base of every error that a person can mend, ModelError among them: `except RedraftError` catches all of them.
    The command line shows its text, without a traceback, and exits with 2."""


class StoreError(RedraftError):
    """The store cannot be opened, read or written: not a database, a newer version, no rights, no space."""


class QueryError(StoreError):
    """A question in SQL that DuckDB does not accept, or that wants more than reading."""


class JournalBusy(StoreError):
    """Another process is running the same recipe and holds its journal."""


class SourceError(RedraftError):
    """A source of problems that cannot be read; names the file and, where there is one, the line."""


class ColumnError(SourceError):
    """A row without the column that holds the question, or without one that was named."""


class PartError(RedraftError):
    """No such strategy, grader, filter or format, or an argument that it does not have."""


def wrong(noun: str, name: str, returned: object, wanted: str, how: str = "returned") -> PartError:
    """The error of a part that returned something else than it has to; `wanted` says what, as its cure."""
    text = " ".join(repr(returned).split())
    kind = type(returned).__name__
    shown = text if returned is None or isinstance(returned, bool) else f"a {kind}"
    if isinstance(returned, str | int | float | list | tuple | dict) and not isinstance(returned, bool):
        size = f" of {len(returned)}" if isinstance(returned, list | tuple) else ""
        shown = f"a {kind}{size}, {text[:60]}"
    return PartError(f"{noun} {name!r} {how} {shown}: {wanted}")
