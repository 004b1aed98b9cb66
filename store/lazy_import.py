"""Imports a package's public names lazily: a name is imported from its module when it is first used."""

import importlib
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any


def import_lazily(package: str) -> None:
    """Makes `package` import each name of its `__all__` on first use.

    The imports under `if TYPE_CHECKING:` in its `__init__.py` name the module of each public name, so type checkers and
    programs read one list. A public name may equal the name of a submodule: `from redraft.flows import generate`
    imports the function, even if `redraft.flows.generate` was imported before.
    """
    sys.modules[package].__class__ = LazyPackage


class LazyPackage(ModuleType):
    """A package whose public names are imported on first use."""

    __all__: list[str]

    def __getattr__(self, name: str) -> Any:
        """Imports and returns the object with a public name. The object is then kept as an attribute of the package."""
        if name not in self.__all__:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        module, original = sources(self)[name]
        value = vars(self)[name] = getattr(importlib.import_module(module), original)
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        """Sets an attribute, but ignores a submodule whose name is also a public name. Python sets each imported
        submodule as an attribute of its package, and would so replace the public name."""
        if not (isinstance(value, ModuleType) and name in self.__all__):
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self.__all__})


@cache
def sources(package: ModuleType) -> dict[str, tuple[str, str]]:
    """Returns a pair (module, name in the module) for each public name of a package. They are read from the package's
    imports under `if TYPE_CHECKING:`."""
    import ast  # takes 3 ms, and a program that uses no public name never calls this

    text = Path(package.__file__ or "").read_text(encoding="utf-8")
    blocks = [node for node in ast.parse(text).body if isinstance(node, ast.If)]
    return {
        alias.asname or alias.name: (statement.module or "", alias.name)
        for block in blocks
        for statement in block.body
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    }
