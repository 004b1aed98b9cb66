"""Errors that a user can correct. Each message is one line that says what is wrong, where, and how to correct it."""

from collections.abc import Coroutine, Iterable
from pathlib import Path
from types import FrameType
from typing import TypeVar


class RedraftError(Exception):
    """The base class of every error that a user can correct. `except RedraftError` catches all of them, including
    ModelError. The command line shows the error's text without a traceback, and exits with status 2.

    `quoted` is the part of the message that may repeat a question or a draft. It is removed from the message before the
    message is written to another program's logs or database.
    """

    quoted: str = ""


Error = TypeVar("Error", bound=RedraftError)


class StoreError(RedraftError):
    """The store cannot be opened, read or written. Examples: the file is not a database, a newer redraft wrote it, the
    user lacks the permission, or the disk is full."""


class StoreHeld(StoreError):
    """The store is already open in this Python process, through a DuckDB connection that redraft did not open."""


class QueryError(StoreError):
    """DuckDB rejects an SQL statement, or the statement is not read-only."""


class JournalBusy(StoreError):
    """Another run of the same recipe is working on the same problems."""


class SourceError(RedraftError):
    """A source of problems cannot be read. The message names the file and, if the error is in a line, the line."""


class ColumnError(SourceError):
    """A row lacks the column that holds the question, or a column that the user named."""


class PartError(RedraftError):
    """A strategy, grader, filter or format does not exist, fails, or does not accept an argument that the user gave."""


def alternatives(name: object, names: Iterable[str], more: str = "") -> str:
    """Returns the last part of an error message about an unknown name: "there are beam, greedy. Did you mean
    'greedy'?". `more` is inserted after the last name."""
    from difflib import get_close_matches  # imported here, since the command line's help imports this file

    there = list(names)
    near = get_close_matches(str(name), there, 1, 0.75)
    question = f". Did you mean {near[0]!r}?" if near else ""
    return f"there are {', '.join(there) or 'none'}{more}{question}"


def plural(number: int, noun: str) -> str:
    """Returns a number with its noun in the singular or plural: "1 problem", "2,000 problems", "3 trajectories"."""
    if number == 1:
        return f"1 {noun}"
    return f"{number:,} {noun[:-1]}ies" if noun.endswith("y") else f"{number:,} {noun}s"


def wrong(part: str, returned: object, wanted: str, how: str = "returned") -> PartError:
    """Returns a PartError about a part that returned a wrong value. `part` names the part, such as "critic 'mine'", and
    `wanted` says what it must return."""
    if isinstance(returned, Coroutine):
        returned.close()  # otherwise Python warns that nobody awaited it
    kind = type(returned).__name__
    shown = "None" if returned is None else f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
    if isinstance(returned, list | tuple | dict):
        shown += f" of {len(returned)}"
    if isinstance(returned, str | bool | int | float | list | tuple | dict):
        quoted = f"{' '.join(repr(returned).split())[:60]}"
        return quoting(PartError(f"{part} {how} {shown}, {quoted}: {wanted}"), quoted)
    return PartError(f"{part} {how} {shown}: {wanted}")


def broken(part: str, error: Exception, at: str = "") -> PartError:
    """Returns a PartError about a part that raised the exception `error`. The message names the last line of the user's
    code in the traceback; `at` says what the part was working on."""
    from sysconfig import get_paths  # imported here, since the command line's help imports this file and must be fast
    from traceback import walk_tb

    libraries = tuple({get_paths()[name] for name in ("stdlib", "purelib", "platlib")})
    frames = [(frame.f_code.co_filename, line, frame) for frame, line in walk_tb(error.__traceback__)]
    own = [one for one in frames if not one[0].startswith(libraries) and not _is_redraft(one[2])]
    file, line, _ = (own or frames)[-1]
    message = f"{part} failed{at}: {type(error).__name__}: {error} ({Path(file).name}, line {line})"
    return quoting(PartError(message), str(error))


def quoting(error: Error, words: str) -> Error:
    """Returns the error after setting its `quoted` to `words`: the part of the message that may repeat a question or a
    draft."""
    error.quoted = words
    return error


def _is_redraft(frame: FrameType) -> bool:
    """Returns whether a frame of a traceback belongs to redraft's own code."""
    return str(frame.f_globals.get("__name__")).startswith("redraft.")
