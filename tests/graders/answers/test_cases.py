"""The cases by which answers were once read or compared wrongly, a line each in cases.jsonl.

A verdict "not right" allows wrong and undecided, and "not wrong" right and undecided.
"""

import json
from pathlib import Path

import pytest

from redraft.graders import grade

CASES = [json.loads(line) for line in Path(__file__).with_name("cases.jsonl").read_text("utf-8").splitlines()]
ALLOWED = {
    "right": {"right"},
    "wrong": {"wrong"},
    "not right": {"wrong", "undecided"},
    "not wrong": {"right", "undecided"},
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['answer'][:30]} | {case['reply'][:60]}")
def test_a_case_gets_its_verdict(case: dict[str, str]) -> None:
    found = grade(case["reply"], case["answer"], case["kind"])
    assert found.verdict in ALLOWED[case["verdict"]], (case["kind_of_error"], found)


def test_no_case_stands_twice() -> None:
    assert len({(case["kind"], case["answer"], case["reply"]) for case in CASES}) == len(CASES)
