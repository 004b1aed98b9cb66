"""The public names of the five packages: each is imported when it is used, in any order of imports."""

import ast
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from itertools import permutations
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
ROOMS = ("agents", "flows", "graders", "llm", "store")


def lines(code: str) -> list[str]:
    """What a program prints in a fresh process."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.mark.parametrize("room", ROOMS)
def test_each_public_name_is_what_its_module_has(room: str) -> None:
    package = importlib.import_module(f"redraft.{room}")
    listed = _imported(room)
    assert sorted(package.__all__) == sorted(listed)
    for name, (module, original) in listed.items():
        assert getattr(package, name) is getattr(importlib.import_module(module), original)
        assert name in dir(package)


@pytest.mark.parametrize("room", ROOMS)
def test_a_public_name_never_hides_a_folder(room: str) -> None:
    """A public function hides the module of the same name as an attribute; of a folder it would hide what is inside."""
    package = importlib.import_module(f"redraft.{room}")
    folders = {module.name for module in pkgutil.iter_modules(package.__path__) if module.ispkg}
    assert folders & set(package.__all__) == set()


IMPORTS = (
    "import redraft.flows.generate",
    "from redraft.flows.generate import generate as inner; assert callable(inner)",
    "from redraft.flows import generate; assert callable(generate)",
    "import importlib; assert callable(importlib.import_module('redraft.flows.generate').generate)",
)


@pytest.mark.parametrize("order", list(permutations(range(len(IMPORTS)), 2)), ids=str)
def test_a_function_and_its_module_share_a_name_in_any_order(order: tuple[int, int]) -> None:
    code = [IMPORTS[number] for number in order]
    code += [
        "from redraft.flows import generate",
        "from redraft.flows.generate import generate as inner",
        "assert generate is inner, (generate, inner)",
    ]
    assert lines("\n".join(code)) == []


@pytest.mark.parametrize("room", ROOMS)
def test_importing_a_package_imports_none_of_its_modules(room: str) -> None:
    loaded = (
        f"import redraft.{room}, sys; print(*[m for m in sys.modules if m.startswith('redraft.{room}.')], sep='\\n')"
    )
    expected = ["redraft.store.lazy_import"] if room == "store" else [""]
    assert lines(loaded) == expected


def test_all_of_a_package_can_be_imported_at_once() -> None:
    assert lines("from redraft.graders import *; print(majority.__name__, pass_at_k.__name__)") == [
        "majority pass_at_k"
    ]


def test_an_unknown_name_is_an_attribute_error() -> None:
    package = importlib.import_module("redraft.store")
    with pytest.raises(AttributeError, match=r"module 'redraft\.store' has no attribute 'Stroe'"):
        _ = package.Stroe


def test_prefect_and_importlib_find_the_function_by_its_entry_point() -> None:
    from prefect.utilities.importtools import import_object

    inner = importlib.import_module("redraft.flows.generate").generate
    assert import_object("redraft.flows.generate:generate") is inner
    assert pkgutil.resolve_name("redraft.flows.generate:generate") is inner
    assert pkgutil.resolve_name("redraft.flows:generate") is inner


def test_the_rooms_import_each_other_by_module() -> None:
    """The public names are for users. If a module imported them, it could need itself on the way."""
    faces = {f"redraft.{room}" for room in ROOMS}
    found = [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for room in ROOMS
        for file in (ROOT / room).rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module in faces
    ]
    assert found == []


def test_the_reference_is_what_the_docstrings_say() -> None:
    subprocess.run([sys.executable, ROOT / "tools" / "api.py", "--check"], check=True)


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_name_has_a_docstring(room: str) -> None:
    """A type alias has its text below it; a dataclass without one would show its signature as if it were one."""
    package = importlib.import_module(f"redraft.{room}")
    objects = {name: getattr(package, name) for name in package.__all__}
    documented = {n: o for n, o in objects.items() if inspect.isclass(o) or inspect.isroutine(o)}
    assert [n for n, o in documented.items() if not o.__doc__ or o.__doc__.startswith(f"{n}(")] == []


FIXED = ("redraft.flows.generate", "redraft.flows.evaluate", "redraft.flows.scheduled")
"""Modules that users may name, since schedules and scripts do."""


@pytest.mark.parametrize("page", [*PAGES, *sorted((ROOT / "examples").glob("*.py"))], ids=lambda page: page.name)
def test_users_are_shown_the_public_names_alone(page: Path) -> None:
    text = page.read_text()
    programs = (
        [text] if page.suffix == ".py" else re.findall(r"^```python.*?\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    )
    nodes = [node for program in programs for node in ast.walk(ast.parse(program))]
    modules = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    modules |= {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    ours = {module for module in modules if module.split(".")[0] == "redraft"}
    assert ours - {*FIXED, *(f"redraft.{room}" for room in ROOMS)} == set()


def _imported(room: str) -> dict[str, tuple[str, str]]:
    """The names that the package's `__init__.py` imports for type checkers."""
    tree = ast.parse((ROOT / room / "__init__.py").read_text())
    [block] = [node for node in tree.body if isinstance(node, ast.If)]
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom) and node.module]
    return {alias.asname or alias.name: (str(node.module), alias.name) for node in imports for alias in node.names}
