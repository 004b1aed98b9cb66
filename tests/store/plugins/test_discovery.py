from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

import pytest

from redraft.store.errors import PartError
from redraft.store.plugins.arguments import arguments
from redraft.store.plugins.discovery import load, names


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package with two graders, a helper, a broken grader and one that only looks like one."""
    folder = tmp_path / "parts_of_a_test"
    folder.mkdir()
    files = {
        "__init__": "",
        "exact": "def exact(*, digits: int = 2) -> 'Grader':\n    return digits\n",
        "fuzzy": "import graders\nasync def fuzzy() -> graders.Grader: ...\n",
        "helper": "def helper() -> int: ...\n",
        "other": "def exact() -> 'Grader': ...\n",
        "broken": "import no_such_module\ndef broken() -> 'Grader': ...\n",
    }
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    return "parts_of_a_test"


def test_the_folder_is_the_catalogue(package: str) -> None:
    assert names("grader", package) == ["broken", "exact", "fuzzy"]


def test_a_part_is_found_by_name(package: str) -> None:
    assert load("exact", "grader", package)(digits=3) == 3


def test_an_unknown_name_gets_the_names_there_are(package: str) -> None:
    with pytest.raises(
        PartError, match=r"^no grader 'mth'; there are broken, exact, fuzzy, or your own as path\.py:function$"
    ):
        load("mth", "grader", package)
    with pytest.raises(PartError, match="no grader 'helper'"):
        load("helper", "grader", package)


def test_a_part_that_cannot_be_imported_says_why(package: str) -> None:
    with pytest.raises(PartError, match=r"the grader in parts_of_a_test.broken needs a module 'no_such_module', which"):
        load("broken", "grader", package)


def test_a_part_of_ones_own_by_path_module_or_itself(package: str, tmp_path: Path) -> None:
    own = tmp_path / "own.py"
    own.write_text(
        "from dataclasses import dataclass\n\n@dataclass\nclass Mine:\n    a: int\n\ndef mine():\n    return Mine(1)\n"
    )
    assert load(f"{own}:mine", "grader", package)().a == 1
    assert load(f"{own}:mine", "grader", package) is load(f"{own}:mine", "grader", package)
    assert load("json:dumps", "grader", package)([1]) == "[1]"
    assert load(len, "grader", package) is len


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("{folder}/none.py:f", "there is no such file"),
        ("{folder}/own.py:nine", "no function 'nine' in .*own.py; there are mine"),
        ("no_module:f", "no grader in 'no_module', which is no module: write your own as path.py:function"),
        ("{folder}/wrong.py:f", "the grader in .*wrong.py can't be loaded: SyntaxError"),
    ],
)
def test_what_is_wrong_with_a_part_of_ones_own_is_one_line(package: str, tmp_path: Path, spec: str, words: str) -> None:
    (tmp_path / "own.py").write_text("import json\n\ndef mine(): ...\n")
    (tmp_path / "wrong.py").write_text("def f(:\n")
    with pytest.raises(PartError, match=words) as caught:
        load(spec.format(folder=tmp_path), "grader", package)
    assert "\n" not in str(caught.value)


class Colour(StrEnum):
    RED = "red"


def factory(
    client: Any,
    *,
    samples: int = 8,
    threshold: float | None = None,
    mode: Literal["last", "best"] = "last",
    colour: Colour = Colour.RED,
    loud: bool = False,
    grader: Callable[..., Any] | str = "oracle",
    anything=None,
) -> None: ...


def test_texts_become_what_the_arguments_are() -> None:
    given = {
        "samples": "16", "threshold": "0.5", "mode": "best", "colour": "red", "loud": "true", "grader": "8",
        "anything": "1",
    }  # fmt: skip
    assert arguments(factory, given) == {
        "samples": 16, "threshold": 0.5, "mode": "best", "colour": Colour.RED, "loud": True, "grader": "8",
        "anything": 1,
    }  # fmt: skip
    assert arguments(factory, {"threshold": "none", "anything": "a name"}) == {"threshold": None, "anything": "a name"}
    assert arguments(factory, {"threshold": 1, "loud": False}) == {"threshold": 1, "loud": False}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            {"sample": "8"},
            "^strategy 'factory' has no argument 'sample'; there are samples, threshold, mode, colour, loud,",
        ),
        ({"client": "x"}, "has no argument 'client'"),
        ({"samples": "many"}, "^samples='many' does not fit: it wants a whole number$"),
        ({"samples": "0.5"}, "it wants a whole number"),
        ({"threshold": "high"}, "it wants none or a number"),
        ({"mode": "first"}, "it wants last or best"),
        ({"colour": "blue"}, "it wants red"),
        ({"loud": "maybe"}, "it wants true or false"),
    ],
)
def test_arguments_that_do_not_fit_are_named(given: dict[str, str], words: str) -> None:
    with pytest.raises(PartError, match=words):
        arguments(factory, given, "strategy")
