"""Fields of dataclasses with a description and bounds, from which options, parameters and checks are made.

    >>> from dataclasses import dataclass
    >>> @dataclass
    ... class Draw:
    ...     samples: int = setting(4, "Drafts of each problem.", ge=1)
    >>> described(Draw)["samples"].metadata["about"]
    'Drafts of each problem.'

The command line reads such fields for its help, so this file imports nothing that is slow.
"""

from collections.abc import Callable
from dataclasses import Field, field, fields
from typing import Any, TypeVar

T = TypeVar("T")


def setting(default: T, about: str, **bounds: float) -> T:
    """Returns a field with its default and its description. `bounds` are `ge`, `gt`, `le` and `lt`, as Pydantic names
    them."""
    return field(default=default, metadata={"about": about, "bounds": bounds})


def made_setting(factory: Callable[[], T], about: str) -> T:
    """Returns a field whose default is made only when it is needed, so its type is imported late."""
    return field(default_factory=factory, metadata={"about": about, "bounds": {}})


def described(kind: Any) -> dict[str, Field[Any]]:
    """Returns the fields of a dataclass that have a description, by name. The values of other fields are not
    checked."""
    return {one.name: one for one in fields(kind) if "about" in one.metadata}
