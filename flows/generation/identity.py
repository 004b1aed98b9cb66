"""What recipes call a part or an argument: a text that is the same however it was given."""

from pathlib import Path
from typing import Any

from redraft.agents.parts import return_type
from redraft.agents.validation import is_shipped
from redraft.store.digest import digest


def identity(value: Any) -> str | None:
    """A part or an argument as text: the same in Python and on a command line; None for None."""
    if value is None:
        return None
    if callable(value):
        if home := HOMES.get(_product(value)):
            return home.format(name=value.__name__)
        return f"{getattr(value, '__module__', '')}:{getattr(value, '__qualname__', repr(value))}"
    if type(value).__repr__ is object.__repr__:  # it would name a place in memory
        return f"{type(value).__module__}:{type(value).__qualname__}"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    path = Path(text.rpartition(":")[0]).expanduser()
    if path.suffix == ".py" and path.is_file():
        return f"{text} {digest(path.read_text(encoding='utf-8', errors='replace'))}"
    return text


def _product(value: Any) -> str:
    """The name of the type that a shipped part's factory returns; empty for everything else."""
    module, function = getattr(value, "__module__", ""), getattr(value, "__name__", "")
    if not is_shipped(value) or module.rpartition(".")[2] not in (function, "policy"):
        return ""
    return getattr(return_type(value), "__name__", "")


HOMES = {
    "Agent": "redraft.agents.{name}:{name}",
    "Critic": "redraft.agents.critics.{name}:{name}",
    "Feedback": "redraft.agents.feedback.{name}:{name}",
    "Grader": "redraft.graders.{name}:{name}",
    "Policy": "redraft.agents.policy:{name}",
}
"""What recipes call a shipped part that is given as a function, by the type that it returns. It never changes, even
if the part's module moves: otherwise people would pay for their runs again."""
