"""Jupyter notebooks: a real kernel shows progress without arguments, and results as HTML."""

import re
from ast import literal_eval
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

HOOK = """
from IPython import get_ipython
kinds = []
get_ipython().display_pub.register_hook(lambda message: kinds.append(message["msg_type"]) or message)
"""
GENERATE = """
from redraft.flows.generate import generate
summary = await generate(limit=4, samples=2)
"""
EVALUATE = """
from redraft.flows.evaluate import evaluate
found = await evaluate("builtin:levels=1", strategies=["greedy", "best_of_n"], limit=2, baseline=0)
"""
ANNOTATE = """
from redraft.flows.annotate import annotate
annotated = await annotate(grader="prm", limit=2)
"""
SOLVE = """
from redraft.agents import solve
best, *others = paths = await solve("<script>alert(1)</script> Ann has 2 pens & buys 3.", samples=2, answer="5")
"""
CELLS = [
    HOOK,
    GENERATE,
    "kinds",
    "summary",
    EVALUATE,
    "found",
    ANNOTATE,
    "annotated",
    SOLVE,
    "best",
    "paths",
    "repr(best), others",
]


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """What each cell shows, in one notebook of one kernel."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    folder = tmp_path_factory.mktemp("notebook")
    NotebookClient(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": folder}}).execute()
    assert (folder / "redraft.duckdb").exists()
    return {cell.source: cell.outputs for cell in notebook.cells}


def html(outputs: list[Any]) -> str:
    [shown] = outputs
    return shown["data"]["text/html"]


@pytest.mark.parametrize(
    ("cell", "last"),
    [(GENERATE, "4 of 4 problems, "), (EVALUATE, "best_of_n on embedded"), (ANNOTATE, r"(\d) of \1 units")],
)
def test_progress_is_one_display_without_arguments(cell: str, last: str, outputs: dict[str, list[Any]]) -> None:
    shown = html(outputs[cell])
    assert re.search(last, shown)
    assert "width:100.0%" in shown
    assert "left" not in shown.replace("border-left", "").replace("margin-left", "").replace("padding-left", "")


def test_progress_changes_while_it_runs(outputs: dict[str, list[Any]]) -> None:
    kinds = literal_eval(outputs["kinds"][0]["data"]["text/plain"])
    assert kinds[0] == "display_data"
    assert kinds[1:].count("update_display_data") == len(kinds) - 1 >= 2


@pytest.mark.parametrize(
    ("cell", "says"),
    [("summary", "first draft right"), ("found", "Cost per problem"), ("annotated", "drafts graded")],
)
def test_results_are_tables(cell: str, says: str, outputs: dict[str, list[Any]]) -> None:
    shown = html(outputs[cell])
    assert "<table" in shown
    assert says in shown
    assert len(outputs[cell][0]["data"]["text/plain"]) < 200


def test_a_trajectory_shows_its_drafts_and_whether_they_are_right(outputs: dict[str, list[Any]]) -> None:
    for cell in ("best", "paths"):
        shown = html(outputs[cell])
        assert "→" in shown
        assert "hsla(" in shown
        assert "✓ right" in shown or "✗ wrong" in shown
    assert html(outputs["paths"]).count("<details") == 2
    assert "<Trajectory " in outputs["repr(best), others"][0]["data"]["text/plain"]


def test_texts_are_escaped(outputs: dict[str, list[Any]]) -> None:
    for cell in ("best", "paths"):
        shown = html(outputs[cell])
        assert "<script" not in shown
        assert "&lt;script&gt;alert(1)&lt;/script&gt; Ann has 2 pens &amp; buys 3." in shown
