"""Compares two mathematical answers by Math-Verify, in a separate process.

The process is separate because sympy may compute forever; the parent (`redraft.graders.answers.checker`) waits for its
replies. Requests and replies are lines of JSON on standard input and output. The process ends when its standard input
ends. It also ends at the limits of a request: `limit_s` seconds of processor time, or `wait_s` seconds of wall-clock
time. Timers of the operating system enforce these limits, even while no Python code can run.
"""

import json
import logging
import os
import re
import resource
import signal
import sys
from itertools import product
from typing import Any

from redraft.graders.answers.normalize import bare


def same(gold: str, given: str) -> bool | None:
    """Returns whether a given answer equals the key; None if one of the texts can't be read completely as mathematics.
    The order of the arguments matters: a key "x = 5" accepts "5", and a key "(1, 2)" accepts "1, 2"."""
    from math_verify import verify

    golds, answers = _parse(gold), _parse(given)
    if not golds or not answers:
        return None
    return any(verify(one, other, timeout_seconds=None) for one, other in product(golds, answers))


def main() -> None:
    """Answers requests until standard input ends. First writes a line that says that it is ready."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    logging.disable(logging.CRITICAL)
    replies.write(json.dumps(_warm_up(int(sys.argv[1]))) + "\n")
    for line in sys.stdin:
        request = json.loads(line)
        signal.setitimer(signal.ITIMER_PROF, request["limit_s"])
        signal.setitimer(signal.ITIMER_REAL, request["wait_s"] + GRACE_S)
        reply = _reply(request["gold"], request["given"])
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.setitimer(signal.ITIMER_PROF, 0)
        replies.write(json.dumps(reply) + "\n")


def _warm_up(memory_mb: int) -> dict[str, Any]:
    resource.setrlimit(resource.RLIMIT_AS, (memory_mb << 20, memory_mb << 20))
    try:
        same(r"\sum_{k=1}^{3} k^2", "14")
    except ImportError as error:
        return {"failed": f"{error}"}
    return {"ready": True}


def _reply(gold: str, given: str) -> dict[str, Any]:
    try:
        equal = same(gold, given)
    except MemoryError:
        return {"same": None, "reason": "the comparison needs more memory than the checker has"}
    except RecursionError:
        return {"same": None, "reason": "the answer is nested too deeply to compare"}
    return {"same": equal, "reason": "not all of the answer and the key can be read" if equal is None else None}


def _parse(answer: str) -> list[Any]:
    """Returns the expressions that Math-Verify reads in an answer, except those that miss a number or a letter of the
    answer."""
    from math_verify import ExprExtractionConfig, LatexExtractionConfig, parse

    text = OR.sub(",", bare(answer)).replace("$", "").replace("**", "^")
    if not text.startswith(("(", "[", "{", r"\{")):
        text = THOUSANDS.sub(lambda match: match[0].replace(",", ""), text)
    text = PRODUCT.sub(r"\1 \\cdot (", text)
    text = NAMES.sub(r"\\\1 ", INFINITY.sub(r"\\infty ", PERCENT.sub(r"\\%", text)))
    targets = [LatexExtractionConfig(), ExprExtractionConfig()]
    found = parse(f"${text}$", targets, parsing_timeout=None)  # pyright: ignore[reportArgumentType]
    return [reading for reading in found if not isinstance(reading, str) and _reads_all(reading, text)]


def _reads_all(reading: Any, text: str) -> bool:
    """Returns whether every number and letter of a text is in the expression that was read from it."""
    atoms = reading.atoms() if hasattr(reading, "atoms") else set()
    read = " ".join(str(atom) for atom in atoms)
    plain = COMMANDS.sub(" ", text)
    if HANGING.search(plain):
        return False
    numbers = set(DIGITS.findall(plain)) <= set(DIGITS.findall(read))
    letters = set(LETTER.findall(plain)) - CONSTANTS <= set(LETTER.findall(read))
    return numbers and letters


GRACE_S = 1.0  # seconds; the parent stops waiting first
OR = re.compile(r"\s*(?:\\text\s*\{\s*(?:or|and)\s*\}|\b(?:or|and)\b)\s*")
COMMANDS = re.compile(r"\\(?:text|mathrm|operatorname)\b|\\[A-Za-z]+")
HANGING = re.compile(r"[-+*/^=<>±,:!|]\s*$")
DIGITS = re.compile(r"\d+")
LETTER = re.compile(r"[A-Za-z]")
CONSTANTS = frozenset("dei")  # the sign of a derivative, and names that an expression spells differently
THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?!\d)")
PRODUCT = re.compile(r"(?<![\w^.])(\d+(?:\.\d+)?)\s*\(")  # Math-Verify reads 2(9) as the mixed number 2 + 9
PERCENT = re.compile(r"(?<!\\)%")
NAMES = re.compile(r"(?<![\\A-Za-z])(pi|theta|alpha|beta)(?![A-Za-z])")
INFINITY = re.compile(r"(?<![\\A-Za-z])(?:infinity|inf|oo)(?![A-Za-z])", re.IGNORECASE)

if __name__ == "__main__":
    main()
