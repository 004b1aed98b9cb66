"""Lazy imports of a package's public names: each is imported when it is first used, from the module that has it."""

import importlib
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any


def import_lazily(package: str) -> None:
    """Makes `package` import each name of its `__all__` on first use.

    The imports under `if TYPE_CHECKING:` in its `__init__.py` say which module has a name, so type checkers and
    programs read one list. A public name may also be the name of a submodule: `from redraft.flows import generate` is
    the function, even if `redraft.flows.generate` was imported before.
    """
    sys.modules[package].__class__ = LazyPackage


class LazyPackage(ModuleType):
    """A package whose public names are imported on first use."""

    __all__: list[str]

    def __getattr__(self, name: str) -> Any:
        """The object behind a public name, which stays in the package from then on."""
        if name not in self.__all__:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        module, original = sources(self)[name]
        value = vars(self)[name] = getattr(importlib.import_module(module), original)
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        """Python sets a submodule as an attribute of its package. A public name of the same spelling stays."""
        if not (isinstance(value, ModuleType) and name in self.__all__):
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self.__all__})


@cache
def sources(package: ModuleType) -> dict[str, tuple[str, str]]:
    """For each public name of a package the module that has it, and its name there: the package's imports under `if
    TYPE_CHECKING:`."""
    import ast  # takes 3 ms, which a program that uses no public name is spared

    text = Path(package.__file__ or "").read_text(encoding="utf-8")
    blocks = [node for node in ast.parse(text).body if isinstance(node, ast.If)]
    return {
        alias.asname or alias.name: (statement.module or "", alias.name)
        for block in blocks
        for statement in block.body
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    }
