"""The names of parts in recipes. A part has the same name whether the user gives it as a string or as a function."""

import re
import sys
from pathlib import Path
from typing import Any

from redraft.agents.parts import return_type
from redraft.agents.validation import is_shipped
from redraft.store.digest import digest


def identity(value: Any) -> str | None:
    """Returns the string that represents a part or an argument in a run's recipe, or None for None. Python and the
    command line give the same string."""
    if value is None:
        return None
    if callable(value):
        if home := HOMES.get(_product(value)):
            return home.format(name=value.__name__)
        return f"{getattr(value, '__module__', '')}:{getattr(value, '__qualname__', repr(value))}"
    if type(value).__repr__ is object.__repr__:  # this repr contains a memory address
        return f"{type(value).__module__}:{type(value).__qualname__}"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    path = Path(text.rpartition(":")[0]).expanduser()
    if path.suffix == ".py" and path.is_file():
        return f"{text} {digest(path.read_text(encoding='utf-8', errors='replace'))}"
    return text


def recorded(value: Any) -> str | None:
    """Returns the same string in a readable form: a program that is run directly is named by its file, and not as
    `__main__`. Recipes contain `__main__`, because with another name old runs would be paid for again."""
    name = identity(value)
    file = getattr(sys.modules["__main__"], "__file__", None)
    return name and re.sub(r"^__main__(?=:)", Path(file).name if file else "__main__", name)


def _product(value: Any) -> str:
    """Returns the name of the type that the factory of a shipped part returns, or "" for anything else."""
    module, function = getattr(value, "__module__", ""), getattr(value, "__name__", "")
    if not is_shipped(value) or module.rpartition(".")[2] not in (function, "policy"):
        return ""
    return getattr(return_type(value), "__name__", "")


HOMES = {
    "Agent": "redraft.agents.{name}:{name}",
    "Augmentation": "redraft.flows.augmentations.{name}:{name}",
    "Critic": "redraft.agents.critics.{name}:{name}",
    "Feedback": "redraft.agents.feedback.{name}:{name}",
    "Grader": "redraft.graders.{name}:{name}",
    "Policy": "redraft.agents.policy:{name}",
}
"""The names in recipes of shipped parts that are given as functions, by the types that the functions return. These
names must never change, even if a part's module moves, because runs that were paid for would be repeated under a new
name."""
