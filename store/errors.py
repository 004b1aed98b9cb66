"""Errors that a user can mend. Each error's message is one line: what is wrong, where, and its cure."""

from pathlib import Path
from types import FrameType


class RedraftError(Exception):
    """The base of every error that a person can mend, ModelError among them: `except RedraftError` catches all of them.
    The command line shows its text, without a traceback, and exits with 2."""


class StoreError(RedraftError):
    """The store cannot be opened, read or written: not a database, a newer version, no rights, no space."""


class StoreHeld(StoreError):
    """A connection of this process, which redraft did not make, has the store open."""


class QueryError(StoreError):
    """A question in SQL that DuckDB does not accept, or that wants more than reading."""


class JournalBusy(StoreError):
    """Another run of the same recipe is at work on the same problems."""


class SourceError(RedraftError):
    """A source of problems that cannot be read; names the file and, where there is one, the line."""


class ColumnError(SourceError):
    """A row without the column that holds the question, or without one that was named."""


class PartError(RedraftError):
    """No such strategy, grader, filter or format, or an argument that it does not have."""


def wrong(part: str, returned: object, wanted: str, how: str = "returned") -> PartError:
    """The error of a part, such as "critic 'mine'", that returned something else than it has to; `wanted` says what,
    as its cure."""
    kind = type(returned).__name__
    shown = "None" if returned is None else f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
    if isinstance(returned, list | tuple | dict):
        shown += f" of {len(returned)}"
    if isinstance(returned, str | bool | int | float | list | tuple | dict):
        shown += f", {' '.join(repr(returned).split())[:60]}"
    return PartError(f"{part} {how} {shown}: {wanted}")


def broken(part: str, error: Exception, at: str = "") -> PartError:
    """The error of a part that raised another one, with the last line of the user's code on the way; `at` says on
    what."""
    from sysconfig import get_paths  # the command line imports this file for its help
    from traceback import walk_tb

    libraries = tuple({get_paths()[name] for name in ("stdlib", "purelib", "platlib")})
    frames = [(frame.f_code.co_filename, line, frame) for frame, line in walk_tb(error.__traceback__)]
    own = [one for one in frames if not one[0].startswith(libraries) and not _is_redraft(one[2])]
    file, line, _ = (own or frames)[-1]
    return PartError(f"{part} failed{at}: {type(error).__name__}: {error} ({Path(file).name}, line {line})")


def _is_redraft(frame: FrameType) -> bool:
    """Whether a frame is of redraft's own code."""
    return str(frame.f_globals.get("__name__")).startswith("redraft.")
