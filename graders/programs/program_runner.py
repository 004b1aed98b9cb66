"""Runs model-written programs on tests that the writer may see, or for the answer that they compute."""

import math
import re
from collections.abc import Sequence
from typing import Any

from redraft.graders.programs.program_reader import PYTHON, blocks, program
from redraft.graders.programs.result import SandboxError
from redraft.graders.programs.sandbox import Sandbox, shared
from redraft.llm.model import ModelError
from redraft.store.errors import PartError


async def failure(code: str | None, tests: Sequence[str], limit_s: float, sandbox: Sandbox | None = None) -> str | None:
    """Returns the error of a program, or a line for each failed test. Returns None if all tests pass, or if a
    limitation of the sandbox may have caused the failure. Raises ModelError if the tests are not Python, and PartError
    if the sandbox can't run anything."""
    if not code:
        return "There is no program in it."
    try:
        outcome = await (sandbox or shared()).run(code, tests="\n".join(tests), limit_s=limit_s)
    except SandboxError as error:
        raise PartError(str(error)) from error
    if outcome.unreadable:
        raise ModelError(f"The tests are no Python ({outcome.unreadable}): write others.")
    if outcome.lacking:
        return None
    return outcome.error or "\n".join(": ".join(pair) for pair in outcome.failed) or None


async def computed(text: str, limit_s: float, sandbox: Sandbox | None = None) -> tuple[str | None, str]:
    """Returns a pair: the answer that the program in a text computes (None if there is none), and the result in words.
    The answer is `ans`, else the value of `solution()`, else the last expression, else the last printed line. Raises
    PartError if the sandbox can't run anything."""
    code = program(text, used=True)
    if not code:
        return None, "There is no program in it."
    asked = next((ask for sign, ask in RESULTS if sign.search(code)), "")
    try:
        outcome = await (sandbox or shared()).run(f"{code}\n\n{asked}", limit_s=limit_s)
    except SandboxError as error:
        raise PartError(str(error)) from error
    if outcome.error:
        return None, f"The sandbox lacks {outcome.lacking}." if outcome.lacking else outcome.error
    printed = [line.strip() for line in outcome.output.splitlines() if line.strip()]
    value = printed[-1] if outcome.value is None and printed else outcome.value
    answer = spelled(value)
    if answer is not None:
        return answer, f"It computes {answer}."
    return None, "It computes nothing." if value is None else f"What it computes is no answer: {value!r:.100}"


def spelled(value: Any) -> str | None:
    """Returns a computed value as the text of an answer; None if the value is not an answer. A float that is nearly an
    integer becomes an integer, and other floats have 12 significant digits. The items of a list are joined by commas.
    """
    match value:
        case bool() | int():
            return str(value)
        case float():
            return _number(value) if math.isfinite(value) else None
        case str():
            return value.strip() or None
        case [*members]:
            parts = [spelled(member) for member in members]
            known = [part for part in parts if part is not None]
            return ", ".join(known) if known and len(known) == len(parts) else None
    return None


def _number(value: float) -> str:
    whole = round(value)
    near = abs(value - whole) < (1e-6 if whole else 1e-12)
    return str(whole) if near else f"{value:.12g}"


def apart(text: str) -> list[str]:
    """Returns the parts of a text: the part before its program, the program's block, and the part after it. Joined,
    they are the whole text. A text without a block is one part."""
    found = blocks(text)
    python = [block for block in found if block.tag in PYTHON]
    block = (python or found or [None])[-1]
    if block is None:
        return [text]
    pieces = [text[: block.start], text[block.start : block.end], text[block.end :]]
    first = pieces[0] if pieces[0].strip() else ""
    last = pieces[2] if pieces[2].strip() else ""
    middle = text[len(first) : len(text) - len(last)]
    return [piece for piece in (first, middle, last) if piece]


RESULTS = (
    (re.compile(r"^ans\s*(?:[-+*/%]?=(?!=)|:)", re.MULTILINE), "ans"),
    (re.compile(r"^def solution\(", re.MULTILINE), "solution()"),
)
"""Pairs: a pattern of the program, and the expression that is appended to a program that matches."""
