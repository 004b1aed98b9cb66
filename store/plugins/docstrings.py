"""Reads the descriptions of a part and of its arguments from its docstring."""

import inspect
import re
import sys
from collections.abc import Callable
from typing import Any


def about(factory: Callable[..., Any]) -> str:
    """Returns the first sentence of a factory's docstring in one line. If the factory has no docstring, returns the
    first sentence of the file's docstring; "" if there is neither."""
    return next(iter(_sentences(_prose(factory))), "")


def argument(factory: Callable[..., Any], name: str) -> str:
    """Returns the description of an argument in the docstring: its entry under `Args:`, else the first sentence that
    names it between backticks; "" if there is neither."""
    listed = _argument_entries(factory).get(name)
    if listed:
        return listed
    named = re.compile(rf"`[^`]*\b{re.escape(name)}\b[^`]*`")
    sentences = [text for text in _sentences(_prose(factory)) if named.search(text) and not text.startswith("Raises")]
    return sentences[0] if sentences else ""


def _prose(factory: Callable[..., Any]) -> str:
    """Returns the docstring of the factory, or else of its file, without the entries under `Args:`."""
    module = sys.modules.get(getattr(factory, "__module__", ""))
    return ARGS.split(inspect.getdoc(factory) or inspect.getdoc(module) or "")[0]


def _sentences(text: str) -> list[str]:
    return [one for one in SENTENCE.split(" ".join(text.split())) if one]


def _argument_entries(factory: Callable[..., Any]) -> dict[str, str]:
    """Returns the entries under `Args:` by the arguments' names. An entry begins with the argument's name and a colon;
    lines with more indentation continue it."""
    _, _, below = (inspect.getdoc(factory) or "").partition("Args:\n")
    found: dict[str, str] = {}
    name = ""
    for line in below.splitlines():
        entry = ENTRY.match(line)
        if entry:
            name = entry[1]
            found[name] = entry[2].strip()
        elif line.startswith(DEEPER) and name:
            found[name] = f"{found[name]} {line.strip()}".strip()
        else:
            break
    return found


ARGS = re.compile(r"^Args:\n", re.MULTILINE)
ENTRY = re.compile(r"^    (\w+):(.*)$")
DEEPER = " " * 8
SENTENCE = re.compile(r"(?<=[.:;]) (?=[A-Z\"`(])")
