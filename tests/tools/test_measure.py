"""The measures of the repository, on small repositories whose numbers can be counted by hand."""

import importlib.util
import sys
from pathlib import Path, PurePosixPath
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def measure() -> ModuleType:
    spec = importlib.util.spec_from_file_location("measure", ROOT / "tools" / "measure.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["measure"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def repository(measure: ModuleType, readme: str = "", **files: str) -> object:
    """A repository with files that are named like `agents_search_node`, for agents/search/node.py; `-` is `_` there."""
    paths = {name: name.replace("_", "/").replace("-", "_") + ".py" for name in files}
    return measure.Repository({PurePosixPath(paths[name]): files[name] for name in files}, readme)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", 0),
        ("# a comment\n\nx = 1  # why\n", 1),
        ('"""A docstring\nof two lines."""\nx = 1\n', 1),
        ("def f():\n    'doc'\n    return (\n        1\n    )\n", 4),
        ("x = '''a string\nof two lines'''\n", 2),
        ("async def f(): ...\n", 1),
    ],
)
def test_lines_of_code_are_neither_blank_nor_comment_nor_docstring(measure: ModuleType, text: str, lines: int) -> None:
    assert measure.code_lines(text) == lines


def test_circles_are_found_through_functions_and_not_through_imports_for_checkers(measure: ModuleType) -> None:
    found = repository(
        measure,
        agents_a="def f():\n    from redraft.agents.b import g",
        agents_b="from redraft.agents import c",
        agents_c="import redraft.agents.a",
        agents_d="from redraft.agents.a import f",
        agents_e="if TYPE_CHECKING:\n    from redraft.agents.f import x",
        agents_f="from redraft.agents.e import y",
    )
    assert measure.circles(found) == [["redraft.agents.a", "redraft.agents.b", "redraft.agents.c"]]
    assert measure.imports(found)["redraft.agents.d"] == {"redraft.agents.a"}


def test_words_folders_and_shared_names_are_counted(measure: ModuleType) -> None:
    found = repository(
        measure,
        agents_search_node="",
        agents_graph_node="",
        **{"agents_search_level-search": "", "agents_graph_--init--": "", "tests_test-other": ""},
    )
    assert measure.words(found) == {"node", "level", "search"}
    assert measure.words_per_file(found) == 1.0
    assert measure.single_words(found) == ["agents: level search"]
    assert measure.largest_folder(found) == 2
    assert measure.shared_names(found) == ["agents/{graph,search}/node.py"]


def test_tests_to_code(measure: ModuleType) -> None:
    found = repository(measure, store_a="x = 1\ny = 2\nz = 3\n", tests_a="'''Doc.'''\nassert x == 1\n")
    assert measure.tests_to_code(found) == 0.333


def test_a_measure_past_its_limit_fails_and_says_why(measure: ModuleType) -> None:
    pair = {"store_a": "import redraft.store.b", "store_b": "import redraft.store.a"}
    lines, good = measure.report(repository(measure, **pair), repository(measure, store_a=""))
    assert not good
    [line] = [line for line in lines if line.startswith("Circles")]
    assert line.split() == ["Circles", "of", "imports", "between", "modules", "0", "1", "0", "0", "FAILS"]
    assert "    redraft.store.a <-> redraft.store.b" in lines


def test_every_shared_name_of_the_table_is_there(measure: ModuleType) -> None:
    """An entry that explains nothing any more would hide the next file of that name."""
    there = measure.Repository.read(ROOT).rooms
    for above, stem in measure.SHARED_NAMES:
        folders = {str(path.parent) for path in there if path.stem == stem and str(path.parent.parent) == above}
        assert len(folders) > 1, (above, stem)
