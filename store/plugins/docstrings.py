"""Reads the description of a part, and of each of its arguments, from the part's docstring."""

import inspect
import re
import sys
from collections.abc import Callable
from typing import Any


def about(factory: Callable[..., Any]) -> str:
    """Returns the first sentence of a factory's docstring, in one line. If the factory has no docstring, returns the
    first sentence of the docstring of its module; returns "" if there is neither."""
    return next(iter(_sentences(_prose(factory))), "")


def argument(factory: Callable[..., Any], name: str) -> str:
    """Returns the description of the argument `name`: its entry under `Args:`, else the first sentence of the docstring
    that has the name in backquotes, else ""."""
    listed = _argument_entries(factory).get(name)
    if listed:
        return listed
    named = re.compile(rf"`[^`]*\b{re.escape(name)}\b[^`]*`")
    sentences = [text for text in _sentences(_prose(factory)) if named.search(text) and not text.startswith("Raises")]
    return sentences[0] if sentences else ""


def _prose(factory: Callable[..., Any]) -> str:
    """Returns the docstring of the factory, or of its module if the factory has none, without the entries under
    `Args:`."""
    module = sys.modules.get(getattr(factory, "__module__", ""))
    return ARGS.split(inspect.getdoc(factory) or inspect.getdoc(module) or "")[0]


def _sentences(text: str) -> list[str]:
    return [one for one in SENTENCE.split(" ".join(text.split())) if one]


def _argument_entries(factory: Callable[..., Any]) -> dict[str, str]:
    """Returns the description of each argument under `Args:`, by the argument's name. An entry begins with the name and
    a colon, and continues on lines with more indentation."""
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
