"""Reads the program from a text that a model wrote.

The program may be spread over several fenced code blocks. A block is a part of the program if it defines something. A
block that defines nothing shows how the program is used, or its output. A block of tests is not a part either. If
several blocks define the same name, the last definition is used. Blocks that define different names belong together. To
decide this, the code is neither run nor parsed.
"""

import re
import textwrap
from collections import deque
from dataclasses import dataclass

FENCE = re.compile(r"^[ \t]*(?P<signs>```+|~~~+)[ \t]*(?P<tag>[\w+#.-]*)(?P<rest>[^\n`]*)(?:\n|\Z)", re.MULTILINE)
"""Matches a line that opens or closes a code block, with the language that it names."""

PYTHON = ("", "python", "python3", "py", "ipython", "pycon")
"""The languages that a fence may name if its block is a program: a name of Python, or none."""


@dataclass(frozen=True, slots=True)
class Block:
    """A code block: its offsets in the text (including fences), the language that it names, its code, and the names
    that it defines."""

    start: int
    end: int
    tag: str
    code: str
    names: frozenset[str]


def program(text: str, *, used: bool = False) -> str | None:
    """Returns the program in a text, or None if there is none. It is joined from the fenced blocks. Without blocks, it
    is the text between tags such as [PYTHON], else the lines from the first definition to the prose after it, else the
    whole text. With `used`, the blocks that use the program follow it, because their result is the answer."""
    text = END.split(text.replace("\r\n", "\n"), maxsplit=1)[0]
    found = blocks(text)
    code = _chosen(found, used) if found else _unfenced(text)
    return code.strip("\n").rstrip() or None


def blocks(text: str) -> list[Block]:
    """Returns the code blocks of a text, in order. If there are very many, only the last ones are returned. A block
    without a closing fence ends where the next block opens, or at the end of the text."""
    found, opened = list[Block](), None
    for fence in [*deque(FENCE.finditer(text), MOST_FENCES), None]:
        signs = fence["signs"] if fence else ""
        if opened and (not fence or signs.startswith(opened["signs"])):
            start, code = opened.start(), text[opened.end() : fence.start() if fence else len(text)]
            closes = not (fence and (fence["tag"] or fence["rest"].strip()))
            end = fence.end("signs") if fence and closes else opened.end() + len(code)
            found.append(_block(start, end, opened["tag"].lower(), code))
            opened = None if closes else fence
        elif not opened:
            opened = fence
    return found


def _block(start: int, end: int, tag: str, code: str) -> Block:
    if PROMPT.search(code):
        code = "".join(line[4:] for line in code.splitlines(keepends=True) if line.startswith((">>> ", "... ")))
    elif code.lstrip("\n").startswith((" ", "\t")):
        code = textwrap.dedent(code)
    return Block(start, end, tag, code, _names(code) if tag in PYTHON else frozenset())


def _names(code: str) -> frozenset[str]:
    """Returns the names that a block defines. Methods outside a class are ignored, as is a single function without a
    body."""
    names = {match[1] or match[2] or match[3] for match in DEFINITION.finditer(code)}
    return frozenset() if STUB.fullmatch(code.strip()) else frozenset(names)


def _chosen(found: list[Block], used: bool) -> str:
    defining = [block for block in found if block.names]
    main = [block for block in defining if not all(TEST.match(name) for name in block.names)] or defining
    if not main:
        tagged = [block for block in found if block.tag in PYTHON[1:]]
        plain = [block for block in found if block.tag in PYTHON]
        return (tagged or plain or found)[-1].code
    parts, later = [main[-1].code], main[-1].names
    for block in reversed(main[:-1]):
        if not block.names <= later:
            parts.insert(0, _definitions(block.code))
            later |= block.names
    if used:
        after = found[found.index(main[-1]) + 1 :]
        parts += [block.code for block in after if block.tag in PYTHON[1:]]
    return _joined(parts)


def _joined(parts: list[str]) -> str:
    """Returns the parts joined, with imports from `__future__` moved to the beginning."""
    code = "\n\n".join(part.strip("\n") for part in parts)
    future = "".join(FUTURE.findall(code)) if len(parts) > 1 else ""
    return future + FUTURE.sub("", code) if future else code


def _definitions(code: str) -> str:
    """Returns only the definitions, imports and assignments of the code, because only the last block of a program is
    run as a whole."""
    return "".join(part for part in STATEMENT.findall(code) if KEPT.match(part))


def _unfenced(text: str) -> str:
    if tagged := TAGGED.search(text):
        return tagged[1]
    first = START.search(text)
    if first is None or not PROSE.match(text.lstrip()):
        return text
    code = text[first.start() :]
    prose = PROSE.search(code)
    return code[: prose.start()] if prose else code


MOST_FENCES = 2000
END = re.compile(r"""(?<!["'])(?:<[|｜](?:im_end|endoftext|eot_id|end|end▁of▁sentence|eom_id)[|｜]>|</s>\s*\Z)""")
"""Matches a token that ends a model's turn, unless it is in a string of the program."""
PROMPT = re.compile(r"^>>> ", re.MULTILINE)
DEFINITION = re.compile(
    r"^(?:(?:async[ ]+)?def[ ]+(\w+)[ ]*\((?![ ]*self\b)|class[ ]+(\w+)\b[^\n]*:|(\w+)[ ]*=[ ]*lambda\b)", re.MULTILINE
)
STUB = re.compile(
    r"""(?:@[^\n]*\n)* (?:async[ ]+)?def[ ][^\n]*: \s* (?:(?:\.\.\.|pass|\#[^\n]*|\"{3}.*?\"{3}) \s*)+""",
    re.VERBOSE | re.DOTALL,
)
"""Matches a function without a body."""
TEST = re.compile(r"(?:[Tt]ests?(?:_|[A-Z]|$)|run_tests?$|main$|demo$|example)")
STATEMENT = re.compile(r"^[^\s#)\]}].*\n?(?:(?:[ \t)\]}#].*|)(?:\n|\Z))*", re.MULTILINE)
"""Matches a top-level statement, with the lines that belong to it."""
KEPT = re.compile(r"@|(?:async[ ]+)?def\b|class\b|import\b|from\b|[A-Za-z_][\w, ]*(?::[^=\n]*)?=(?!=)")
FUTURE = re.compile(r"^from __future__ import [^\n]*\n", re.MULTILINE)
TAGGED = re.compile(r"(?:\[(?:PYTHON|BEGIN)\]|<code>)\n?(.*?)(?:\[/PYTHON\]|\[DONE\]|</code>|\Z)", re.DOTALL)
START = re.compile(r"^(?:import |from \w[\w.]* import|(?:async )?def \w+\(|class \w+|@\w)", re.MULTILINE)
PROSE = re.compile(r"^(?:[A-Z][\w'’]*,? [a-z]|[-*•] |\d+[.)] |\*\*|#+ [A-Z])", re.MULTILINE)
