"""Finds parts by name: strategies, critics, feedback, graders, filters, formats. There is no list of parts: each file
in a folder of parts may define one.

A part is a file with one public function that has the file's name. The function's keyword arguments are its
configuration. `load("greedy", "strategy")` returns `redraft.agents.strategies.greedy:greedy`. A spec may also be
`module:function`, `path.py:function` or a callable, so a user's own part needs no change here.
"""

import importlib
import importlib.util
import re
import sys
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from redraft.store.digest import digest
from redraft.store.errors import PartError, alternatives


class PartKind(NamedTuple):
    """A package of parts. A function in the package is a part if its annotated return type is `returns`."""

    package: str
    returns: str


KINDS = {
    "strategy": PartKind("redraft.agents.strategies", "Agent"),
    "critic": PartKind("redraft.agents.critics", "Critic"),
    "feedback": PartKind("redraft.agents.feedback", "Feedback"),
    "grader": PartKind("redraft.graders", "Grader"),
    "filter": PartKind("redraft.flows.filters", "Filter"),
    "reader": PartKind("redraft.flows.readers", "Imported"),
    "augmentation": PartKind("redraft.flows.augmentations", "Augmentation"),
    "format": PartKind("redraft.flows.formats", "Format"),
    "model trainer": PartKind("redraft.flows.trainers", "Trainer"),
    "server": PartKind("redraft.flows.servers", "Server"),
    "trainer": PartKind("redraft.flows.formats.layouts", "Layout"),
}


Factory = Callable[..., Any]
LONGEST = 100  # characters of a part's name; the system rejects much longer file names


@cache
def names(kind: str, package: str = "") -> list[str]:
    """Returns the names of the parts of a kind, such as "grader", in redraft's own package or in `package`, without
    importing the parts."""
    return sorted(_modules(kind, package))


def load(spec: str | Factory, kind: str, package: str = "") -> Factory:
    """Returns the function that `spec` names, a part of this kind, such as "grader". A name without a colon is looked
    up in `package`, by default the package of redraft's own parts.

    Raises PartError if the part does not exist; the message lists the known parts.
    """
    if callable(spec):
        return spec
    where, colon, function = spec.rpartition(":")
    if not colon:
        module = _modules(kind, package, spec if spec.isidentifier() and len(spec) < LONGEST else "-").get(spec)
        if module is None:
            there = alternatives(spec, names(kind, package), ", or your own as path.py:function")
            raise PartError(f"no {kind} {spec!r}; {there}")
        return getattr(_imported(module, kind), spec)
    module = _from_path(Path(where), kind) if where.endswith(".py") else _imported(where, kind)
    found = getattr(module, function, None)
    if not callable(found):
        raise PartError(f"no function {function!r} in {where}; {alternatives(function, _functions(module))}")
    return found


def _modules(kind: str, package: str, name: str = "*") -> dict[str, str]:
    """Returns a mapping from the name of each part to the name of its module. The folders of the package and their
    subfolders are searched."""
    package, returns = package or KINDS[kind].package, KINDS[kind].returns
    return {
        file.stem: ".".join([package, *file.relative_to(folder).with_suffix("").parts])
        for folder in _folders(package)
        for file in folder.rglob(f"{name}.py")
        if _makes(file, returns)
    }


@cache
def _folders(package: str) -> list[Path]:
    """Returns the paths of the folders of `package`, without importing it."""
    room, inner = package.split(".")[:2], package.split(".")[2:]
    spec = importlib.util.find_spec(".".join(room))  # a longer name would import the top package
    folders = [Path(folder, *inner) for folder in (spec and spec.submodule_search_locations) or ()]
    if not any(folder.is_dir() for folder in folders):
        raise PartError(f"no package {package!r}")
    return folders


def _makes(file: Path, returns: str) -> bool:
    """Returns whether the file defines a function that has the file's name and the annotated return type `returns`. The
    text is searched and not parsed, because parsing would double the time of a command's help."""
    text = file.read_text(encoding="utf-8")
    if f"def {file.stem}(" not in text:
        return False
    written = rf"^(?:async )?def {re.escape(file.stem)}\(.*?\)\s*->\s*(.+?):"
    head = re.search(written, text, re.MULTILINE | re.DOTALL)
    return head is not None and head[1].strip("'\" ").rpartition(".")[2] == returns


def _imported(name: str, noun: str) -> ModuleType:
    return _run(partial(importlib.import_module, name), name, noun)


def _from_path(path: Path, noun: str) -> ModuleType:
    path = path.expanduser().resolve()
    if not path.is_file():
        raise PartError(f"no {noun} at {path}: there is no such file")
    name = f"redraft_part_{path.stem}_{digest(str(path))}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        _run(partial(spec.loader.exec_module, module), str(path), noun)
    except PartError:
        del sys.modules[name]
        raise
    return module


def _run(action: Callable[[], Any], name: str, noun: str) -> Any:
    try:
        return action()
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            raise PartError(f"no {noun} in {name!r}, which is no module: write your own as path.py:function") from None
        raise PartError(f"the {noun} in {name} needs a module {error.name!r}, which is not installed") from error
    except Exception as error:
        raise PartError(f"the {noun} in {name} can't be loaded: {type(error).__name__}: {error}") from error


def _functions(module: ModuleType) -> list[str]:
    return sorted(
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", "") == module.__name__ and callable(value)
    )
