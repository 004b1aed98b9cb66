"""The rules for every outcome: no traceback, a documented exit code, and a message that names cause and cure."""

import builtins
import re

from cases import Case
from execute import Outcome

CODES = {0, 1, 2, 130}
UNDECIDED = 3  # exit code of `redraft grade`
LONGEST = 1100  # characters of a message
MOST_REPEATED = 100  # characters of an argument in a message
NAMES = [name for name, value in vars(builtins).items() if isinstance(value, type) and issubclass(value, Exception)]
CLASS = re.compile(rf"\b(?:{'|'.join(NAMES)}|UnicodeEncodeError|JSONDecodeError)\b:?")
CURE = re.compile(r"[:;(,]|\. \w|must be")  # a second part after the cause


def faults(case: Case, outcome: Outcome) -> list[str]:
    """Returns the rules that an outcome breaks, each as "rule: details". The list is empty if it breaks none."""
    return [f"{rule}: {what}" for rule, what in _faults(case, outcome)]


def _faults(case: Case, outcome: Outcome) -> "list[tuple[str, str]]":
    if outcome.late:
        return [("hangs", "it took too long")]
    found = []
    if case.interrupt_s is not None and _before_python(outcome):
        return []
    allowed = CODES | ({UNDECIDED} if case.arguments[:1] == ("grade",) else set())
    if outcome.code not in allowed:
        found.append(("exit code", str(outcome.code)))
    shown = outcome.out + outcome.err
    if "Traceback (most recent call last)" in shown:
        found.append(("traceback", _last_line(outcome.err)))
    elif outcome.code == 2:
        found += _message_faults(case, _last_line(outcome.err))
    elif outcome.code in (1, 130) and not shown.strip():
        found.append(("silent", f"exit code {outcome.code} and not a word"))
    return found


def _before_python(outcome: Outcome) -> bool:
    """Returns True if Ctrl-C came before Python itself could handle it."""
    return outcome.code in (-2, 1) and (not outcome.err or "frozen site" in outcome.err or "init_" in outcome.err)


def _message_faults(case: Case, line: str) -> list[tuple[str, str]]:
    found = []
    if not line.startswith("redraft: ") or len(line) < 25:
        found.append(("no message", line))
    if len(line) > LONGEST:
        found.append(("long", f"{len(line)} characters"))
    if not CURE.search(line.removeprefix("redraft: ")):
        found.append(("no cure", line))
    if not any(".py:" in text for text in case.texts) and (name := CLASS.search(line)):
        found.append(("class name", name[0]))
    found += [("repeats", text[:40]) for text in case.texts if _repeated(" ".join(text.split()), line)]
    return found


def _repeated(text: str, line: str) -> bool:
    """Returns True if a line repeats more characters of a text than allowed."""
    most = MOST_REPEATED + 1
    return len(text) >= most and any(line[at : at + most] in text for at in range(len(line) - most + 1))


def _last_line(text: str) -> str:
    return next((line for line in reversed(text.splitlines()) if line.strip()), "")
