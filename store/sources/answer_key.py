"""Reads the keys of two kinds of problems from the rows of files: the tests of `code`, and the rubric of `rubric`
problems."""

import ast
import builtins
import re
from collections.abc import Sequence, Set
from typing import Any

from redraft.store.errors import SourceError
from redraft.store.sources.fields import as_text

COLUMNS = {
    "tests": ("tests", "hidden_tests", "test_list"),
    "check": ("test",),  # HumanEval's column: it defines a function `check(candidate)`
    "setup": ("test_imports", "test_setup_code"),  # MBPP's columns: statements that its tests need
    "entry_point": ("entry_point",),  # the name of the function that HumanEval's `check` gets
    "visible": ("visible_tests", "public_tests"),
    "rubric": ("rubric", "rubrics", "criteria"),
    "program": ("canonical_solution", "code"),
}
"""The usual names of the columns with keys of `code` and `rubric` problems, by what the columns hold."""


def read_tests(value: Any, entry_point: Any = None, setup: Sequence[Any] = ()) -> tuple[str, ...]:
    """Returns the tests as separate Python statements, from a text or a list of texts. The statements of `setup`, such
    as imports, come first. HumanEval's tests define `check`; a call of `check` with the function `entry_point` is added
    at the end. Returns an empty tuple if there are no tests. Raises SourceError if the tests are not Python, or assert
    nothing."""
    text = "\n".join(_texts(value, "tests"))
    if entry_point and "def check(" in text:
        text += f"\ncheck({entry_point})"
    if not text.strip():
        return ()
    text = "\n".join([*(line for part in setup for line in _texts(part, "setup of the tests")), text])
    try:
        statements = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        why = getattr(error, "msg", None) or f"{error}" or "nested too deeply"
        line = getattr(error, "lineno", None)
        raise SourceError(f"the tests are no Python ({why}{f', line {line} of them' if line else ''})") from error
    if not any(isinstance(node, ast.Assert | ast.Raise) for one in statements for node in ast.walk(one)):
        raise SourceError("the tests assert nothing: write them as assert name(arguments) == value")
    return tuple(ast.get_source_segment(text, one) or ast.unparse(one) for one in statements)


def with_tests(question: str, visible: Sequence[str], tests: str | None = None) -> str:
    """Returns a question with the visible tests below it. If the question and the visible tests do not name a function
    that `tests` call, a line with its name and its number of arguments is added: without it no program could pass."""
    lines = ["It has to pass these tests:", *visible] if visible else []
    known = set(re.findall(r"\w+", "\n".join([question, *visible])))
    lines += [line for name, line in _calls(tests or "").items() if name not in known]
    return "\n".join([question, "", *lines]) if lines else question


def _calls(tests: str) -> dict[str, str]:
    """Returns the functions that the assertions of `tests` call, except functions that are defined there or built into
    Python. Maps the name of each to a sentence that states the name."""
    nodes = list(ast.walk(ast.parse(tests)))
    defined = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    defined |= {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    defined |= {(node.asname or node.name).partition(".")[0] for node in nodes if isinstance(node, ast.alias)}
    defined |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    found: dict[str, set[int]] = {}
    for node in (inner for one in nodes if isinstance(one, ast.Assert) for inner in ast.walk(one)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            whole = not node.keywords and not any(isinstance(each, ast.Starred) for each in node.args)
            found.setdefault(node.func.id, set()).add(len(node.args) if whole else -1)
    return {
        name: f"The function is called `{name}`{_takes(counts)}."
        for name, counts in found.items()
        if name not in defined and not hasattr(builtins, name)
    }


def _takes(counts: Set[int]) -> str:
    """Returns the end of a sentence that says how many arguments a function takes; "" if the number varies."""
    [count, *more] = counts
    return "" if more or count < 0 else f" and takes {count} argument{'s' * (count != 1)}"


def read_rubric(value: Any, reference: str | None) -> str | None:
    """Returns a rubric as one text with one point on each line, or None if there are no points. A reference answer is
    added below the points. Raises SourceError if the rubric is neither a text nor a list of texts."""
    points = [point.strip() for point in _texts(value, "rubric") if point.strip()]
    if not points:
        return None
    text = points[0] if len(points) == 1 else "\n".join(f"{number}. {point}" for number, point in enumerate(points, 1))
    return f"{text}\n\nA good answer:\n{reference}" if reference else text


def _texts(value: Any, what: str) -> list[str]:
    listed = [] if value is None else value if isinstance(value, list) else [value]
    for text in listed:
        if not isinstance(text, str):
            raise SourceError(f"{what} is neither a text nor a list of texts")
        as_text(text, what)
    return listed
