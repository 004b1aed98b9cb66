"""A hundred inputs of the fuzz, and that its rules see what they are for."""

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def fuzz() -> tuple[ModuleType, ModuleType, ModuleType]:
    """The modules of the fuzz: `cases`, `execute` and `rules`."""
    sys.path.insert(0, str(ROOT / "tools" / "fuzz"))
    try:
        import cases
        import execute
        import rules
    finally:
        sys.path.pop(0)
    return cases, execute, rules


def test_a_hundred_broken_inputs_are_refused_in_a_line_each() -> None:
    command = [sys.executable, ROOT / "tools" / "fuzz", "--runs", "100", "--seed", "2026"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("seed 2026: 100 inputs in")


@pytest.mark.parametrize(
    ("arguments", "code", "err", "rules"),
    [
        (("query", "x"), 2, "redraft: no table x: name another", []),
        (("query", "x"), 1, "", ["exit code 1 and not a word"]),
        (("query", "x"), 3, "x", ["3"]),
        (("grade", "x"), 3, "x", []),
        (("query", "x"), 1, "Traceback (most recent call last):\nValueError: no\n", ["ValueError: no"]),
        (("query", "x"), 2, "redraft: it failed (ValueError): try again", ["ValueError"]),
        (("query", "x"), 2, "redraft: it does not work here", ["redraft: it does not work here"]),
        (("query", "x"), 2, "Usage: none of it is right", ["Usage: none of it is right"]),
        (("query", "a" * 101), 2, f"redraft: no table {'a' * 101}: name another", ["a" * 40]),
        (("query", "a" * 101), 2, f"redraft: no table {'a' * 100}: name another", []),
        (("query", "x"), 2, f"redraft: {'no table, ' * 200}", ["2009 characters"]),
    ],
)
def test_what_breaks_a_rule_is_seen(
    fuzz: tuple[ModuleType, ModuleType, ModuleType], arguments: tuple[str, ...], code: int, err: str, rules: list[str]
) -> None:
    cases, execute, checked = fuzz
    found = checked.faults(cases.Case(0, "sql", arguments), execute.Outcome(code, "", err))
    assert [text.partition(": ")[2] for text in found] == rules
