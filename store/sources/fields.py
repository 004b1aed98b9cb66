"""Reads texts from the cells of a row. A cell may hold a text, a number, a list, or an object with fields."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from redraft.store.errors import SourceError

Row = Mapping[str, Any]
Place = tuple[str, Row | SourceError]
"""A pair: the position of a row in its file, such as "line 7", and the row, or the error if the row has one."""

Path = tuple[str, ...]
"""The name of a column, then names of nested fields, such as ("reward_model", "ground_truth")."""

SURROGATE = re.compile("[\ud800-\udfff]")
HALF = "half a character (a lone surrogate)"


def value_at(row: Row, path: Path) -> Any:
    """Returns the value of a column, or of a field in the column's object, which may be JSON text. Returns None if
    there is no such field."""
    value = row[path[0]]
    for name in path[1:]:
        value = decoded(value)
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def first(row: Row, paths: Iterable[Path]) -> Any:
    """Returns the first value that is not empty, or None if all are empty."""
    for path in paths:
        value = value_at(row, path)
        if not is_empty(value):
            return value
    return None


def is_empty(value: Any) -> bool:
    """Returns whether a cell is empty: null, NaN, or an empty text, list or object."""
    return value is None or (value != value if isinstance(value, float) else value in ("", [], {}))


def decoded(text: Any) -> Any:
    """Returns the value of a JSON text. Returns any other value, and a text that is not JSON, unchanged. Raises
    SourceError as `parsed` does."""
    try:
        return parsed(text) if isinstance(text, str) else text
    except (ValueError, RecursionError):
        return text


def parsed(text: str) -> Any:
    """Returns the value of a JSON text. Raises ValueError or RecursionError if the text is not JSON. Raises
    SourceError, which names the field, for a lone surrogate (half of a character), because no file and no database can
    hold it."""
    value = json.loads(text)
    if may_hold_half(text):
        check_characters(value)
    return value


def may_hold_half(text: str) -> bool:
    """Returns whether a JSON text has an escape that may be a lone surrogate. Only such an escape can write one."""
    return "\\ud" in text or "\\uD" in text


def check_characters(value: Any) -> None:
    """Raises SourceError if a value holds a lone surrogate. The error names the field."""
    if field := _field_with_half(value):
        raise SourceError(f"the {field} holds {HALF}")


def _field_with_half(value: Any) -> str:
    """Returns the name of the first field that holds a lone surrogate, such as "messages.content"; "" if none does."""
    waiting = [("", value)]
    while waiting:
        name, one = waiting.pop()
        if isinstance(one, str) and SURROGATE.search(one):
            return name or "row"
        if isinstance(one, Mapping):
            names = {key: f"{name}.{key}".strip(".") for key in one}
            if broken := next((key for key in one if SURROGATE.search(key)), None):
                return f"name {broken!r} of a field"
            waiting += [(names[key], one[key]) for key in reversed(names)]
        elif isinstance(one, list):
            waiting += [(name, item) for item in reversed(one)]
    return ""


def as_text(value: Any, what: str) -> str:
    """Returns a cell as text without surrounding whitespace; "" for null. Raises SourceError for lists and objects."""
    if value is None:
        return ""
    if isinstance(value, Mapping | list):
        raise SourceError(f"the {what} is not a text")
    return str(value).strip()


def program_of(value: Any) -> str:
    """Returns a cell that holds a program, as text. The first line keeps its indentation. Raises SourceError for a list
    or an object."""
    return value.rstrip().lstrip("\r\n") if isinstance(value, str) else as_text(value, "solution")


def lines_of(value: Any, what: str) -> str:
    """Returns a cell as text. The items of a list become lines. Raises SourceError for an object or a nested list."""
    return "\n".join(as_text(one, what) for one in value) if isinstance(value, list) else as_text(value, what)


def shown(value: Any) -> str | None:
    """Returns a cell beside the question as text for the solver: a text, the items of a list as lines, or the rows of a
    table as lines. Returns None if the cell is none of these."""
    if isinstance(value, Mapping) and isinstance(value.get("rows"), list):
        value = [value.get("header") or [], *value["rows"]]
    if isinstance(value, Mapping):
        return None
    if not isinstance(value, list):
        return as_text(value, "text beside the question")
    if any(isinstance(one, Mapping) for one in value):
        return None
    return "\n".join(" | ".join(map(str, one)) if isinstance(one, list) else str(one) for one in value)


def message_text(value: Any) -> str:
    """Returns the text of the only user message in `value`, a list of messages. System messages are ignored, because
    redraft has its own system prompt. Raises SourceError if there are several turns."""
    spoken = [one for one in value if isinstance(one, Mapping) and one.get("role") != "system"]
    if len(spoken) != 1 or spoken[0].get("role") != "user":
        raise SourceError("the question is a conversation: it has to be one message of the role user")
    return content_text(spoken[0].get("content"))


def content_text(content: Any) -> str:
    """Returns the content of a message: a text, or the joined texts of a list of parts. Raises SourceError if a part
    has no text, such as an image."""
    if not isinstance(content, list):
        return as_text(content, "content of a message")
    texts = [one.get("text") if isinstance(one, Mapping) else one for one in content]
    found = [text for text in texts if isinstance(text, str)]
    if len(found) < len(texts):
        raise SourceError("a part of a message has no text, such as a picture: redraft reads texts")
    return "".join(found)
