"""Fields of dataclasses that carry their meaning and their bounds: options, parameters and checks are made of them.

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
    """A field with its default and its meaning. `bounds` are `ge`, `gt`, `le` and `lt`, as Pydantic names them."""
    return field(default=default, metadata={"about": about, "bounds": bounds})


def made_setting(factory: Callable[[], T], about: str) -> T:
    """A field whose default is made when it is needed, so that its type is imported then."""
    return field(default_factory=factory, metadata={"about": about, "bounds": {}})


def described(kind: Any) -> dict[str, Field[Any]]:
    """The fields of a dataclass that have a meaning, by name. Values of its other fields are not checked."""
    return {one.name: one for one in fields(kind) if "about" in one.metadata}
