"""Which part of a reply is the program: told from the text alone, whatever stands beside it.

A case of `replies.txt` is a title, a reply, and the program that is read from it.
"""

import time
from pathlib import Path

import pytest

from redraft.graders.answers.extract import extract, marked
from redraft.graders.programs.program_reader import program
from redraft.store.problems import Kind

CASES = [
    pytest.param(*body.split("\n-----\n"), id=title)
    for title, body in (
        part.split("\n", 1) for part in Path(__file__).with_name("replies.txt").read_text().split("=== ")[1:]
    )
]
ADD = "def add(a, b):\n    return a + b"


@pytest.mark.parametrize(("reply", "code"), CASES)
def test_the_program_is_what_a_reply_defines(reply: str, code: str) -> None:
    assert extract(reply, Kind.CODE) == (code.rstrip() or None)
    windows = reply.replace("\n", "\r\n")
    assert extract(windows, Kind.CODE) == (code.rstrip() or None)


@pytest.mark.parametrize("text", [ADD, "", "\n"])
def test_a_text_without_blocks_is_a_program_but_marks_none(text: str) -> None:
    assert extract(text, Kind.CODE) == (text.strip() or None)
    assert marked(text, Kind.CODE) is None
    assert marked(f"```\n{ADD}\n```", Kind.CODE) == ADD


def test_what_uses_a_program_follows_it_if_its_result_is_asked_for() -> None:
    text = f"```python\n{ADD}\n```\nSo:\n```python\nans = add(1, 2)\n```\n```\n3\n```"
    assert program(text) == ADD
    assert program(text, used=True) == f"{ADD}\n\nans = add(1, 2)"


@pytest.mark.parametrize(
    "part",
    ["```\n", "```py\n", "`", "\n", " ", "    \n", "x = 1\n", "def f(\n", "@a\n", '"""', "# a\n", "[BEGIN]", "<|"],
)
def test_reading_takes_time_that_grows_as_the_text(part: str) -> None:
    for opening in ("", "```python\n"):
        quarter, whole = (_seconds(opening + part * (size // len(part))) for size in (250_000, 1_000_000))
        assert whole < 8 * max(quarter, 0.005)  # four times in theory; a square would be sixteen times
        assert whole < 1


def _seconds(text: str) -> float:
    """The processor time of one reading: the shortest of five, since a collection of garbage may fall into one."""
    times = []
    for _ in range(5):
        begun = time.process_time()
        program(text)
        times.append(time.process_time() - begun)
    return min(times)
