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
