"""A package whose public names are imported on first use, from what type checkers read."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from redraft.store.lazy_import import LazyPackage, sources

INIT = """
from typing import TYPE_CHECKING
from redraft.store.lazy_import import import_lazily

if TYPE_CHECKING:
    from fractions import Fraction
    from lazy_of_a_test.solve import solve
    from lazy_of_a_test.broken import missing
    from lazy_of_a_test.solve import helper as aid

__all__ = ["Fraction", "aid", "missing", "solve"]
import_lazily(__name__)
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    folder = tmp_path / "lazy_of_a_test"
    folder.mkdir()
    (folder / "__init__.py").write_text(INIT)
    (folder / "solve.py").write_text("def solve(): return 42\n\ndef helper(): return 7\n")
    (folder / "broken.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("lazy_of_a_test")
    for name in [name for name in sys.modules if name.split(".")[0] == "lazy_of_a_test"]:
        del sys.modules[name]


def test_the_sources_are_read_from_the_imports_for_type_checkers(package: ModuleType) -> None:
    assert sources(package) == {
        "Fraction": ("fractions", "Fraction"),
        "solve": ("lazy_of_a_test.solve", "solve"),
        "missing": ("lazy_of_a_test.broken", "missing"),
        "aid": ("lazy_of_a_test.solve", "helper"),
    }


def test_a_name_is_imported_when_it_is_first_used(package: ModuleType) -> None:
    assert isinstance(package, LazyPackage)
    assert "lazy_of_a_test.solve" not in sys.modules
    assert package.aid() == 7
    assert "lazy_of_a_test.solve" in sys.modules
    assert vars(package)["aid"] is package.aid


@pytest.mark.parametrize("submodule_first", [False, True])
def test_a_public_name_hides_the_submodule_of_its_name(package: ModuleType, *, submodule_first: bool) -> None:
    if submodule_first:
        importlib.import_module("lazy_of_a_test.solve")
    assert package.solve() == 42
    importlib.import_module("lazy_of_a_test.broken")
    assert package.solve() == 42
    assert isinstance(package.broken, ModuleType), "another submodule is an attribute as ever"


def test_a_public_name_can_be_set_to_another_object(package: ModuleType) -> None:
    setattr(package, "solve", len)  # noqa: B010 - type checkers know no such attribute
    assert package.solve is len


def test_names_that_there_are_not(package: ModuleType) -> None:
    with pytest.raises(AttributeError, match=r"^module 'lazy_of_a_test' has no attribute 'nine'$"):
        _ = package.nine
    with pytest.raises(AttributeError, match="missing"):
        _ = package.missing
    assert set(dir(package)) >= {"Fraction", "aid", "missing", "solve", "__name__"}
