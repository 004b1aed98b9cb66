"""Dataclass fields with a description and bounds. Command options, flow parameters and checks are made from them.

    >>> from dataclasses import dataclass
    >>> @dataclass
    ... class Draw:
    ...     samples: int = setting(4, "Drafts of each problem.", ge=1)
    >>> described(Draw)["samples"].metadata["about"]
    'Drafts of each problem.'

The command line reads such fields for its help, so this module has no slow imports.
"""

from collections.abc import Callable
from dataclasses import Field, field, fields
from typing import Any, TypeVar

T = TypeVar("T")


def setting(default: T, about: str, **bounds: float) -> T:
    """Returns a dataclass field with a default and a description. `bounds` are `ge`, `gt`, `le` and `lt`, with
    Pydantic's meanings."""
    return field(default=default, metadata={"about": about, "bounds": bounds})


def made_setting(factory: Callable[[], T], about: str) -> T:
    """Returns a dataclass field whose default is made by `factory`, which can import the default's type when it is
    called."""
    return field(default_factory=factory, metadata={"about": about, "bounds": {}})


def described(kind: Any) -> dict[str, Field[Any]]:
    """Returns the dataclass fields that have a description, by name. The values of other fields are not checked."""
    return {one.name: one for one in fields(kind) if "about" in one.metadata}
