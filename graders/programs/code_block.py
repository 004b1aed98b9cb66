"""The program in a text that a model wrote."""

import re

FENCE = re.compile(r"^[ ]*```[ ]*(?P<tag>[\w+#.-]*)[^\n]*\n(?P<code>.*?)(?:^[ ]*```[ ]*$|\Z)", re.MULTILINE | re.DOTALL)
"""A block of code between fences, with the language that it names; a block that is never closed goes to the end."""

PYTHON = ("", "python", "python3", "py")
"""The languages that a fence may name if its block is a program: Python, or none."""


def program(text: str) -> str | None:
    """The last block of Python, or of no named language, between fences. A text without any block is a program as a
    whole. Returns None if nothing is left."""
    blocks = [(match["tag"].lower(), match["code"]) for match in FENCE.finditer(text)]
    python = [code for tag, code in blocks if tag in PYTHON]
    found = python[-1] if python else blocks[-1][1] if blocks else text
    return found.strip("\n").rstrip() or None
