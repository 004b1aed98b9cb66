"""Writes docs/api.md: every public name with its signature and its docstring. `make api`; `--check` only compares."""

import enum
import importlib
import inspect
import os
import re
import sys
from pathlib import Path
from typing import Any

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else LiteLLM downloads a list

PAGE = Path(__file__).resolve().parents[1] / "docs" / "api.md"
ROOMS = ("agents", "flows", "graders", "llm", "store")
HEAD = """\
# Python reference

The public names, from their docstrings. `make api` writes this page. Everything else may move between versions.
"""


def page() -> str:
    """Returns the whole page."""
    return "\n".join([HEAD, *(part for room in ROOMS for part in section(room))])


def section(room: str) -> list[str]:
    """Returns the lines of the page about one package: its classes and values, then its functions."""
    package = importlib.import_module(f"redraft.{room}")
    parts = [f"## redraft.{room}\n", f"{first_paragraph(package)}\n"]
    for name in sorted(package.__all__, key=lambda name: (name[0].islower(), name)):
        parts += entry(name, getattr(package, name))
    return parts


def entry(name: str, value: Any) -> list[str]:
    """Returns the lines about a public name: its heading, its signature if it is callable, and its docstring."""
    parts = [f"### {name}\n"]
    if head := signature(name, value):
        parts.append(f"```text\n{head}\n```\n")
    if text := docstring(value):
        parts.append(f"{text}\n")
    return parts


def docstring(value: Any) -> str:
    """Returns the docstring, with its `Args:` as a list. Returns "" for a value, because its type's docstring does not
    describe it."""
    if not (inspect.isclass(value) or inspect.isroutine(value)):
        return ""
    text, _, arguments = inspect.cleandoc(value.__doc__ or "").partition("\nArgs:\n")
    listed = re.sub(r"\n {8,}", " ", arguments)
    return text.strip() + re.sub(r"^ {4}(\w+): ", r"- `\1`: ", f"\n\n{listed}" if listed else "", flags=re.MULTILINE)


def signature(name: str, value: Any) -> str:
    """Returns the signature, with one argument per line if it is long; the members of an enum; or "" for a protocol."""
    if inspect.isclass(value) and issubclass(value, enum.Enum):
        return " | ".join(repr(member.value) for member in value)
    if inspect.isclass(value) and (issubclass(value, Exception) or getattr(value, "_is_protocol", False)):
        return ""
    if not callable(value) or not (inspect.isclass(value) or inspect.isroutine(value)):
        return ""
    try:
        found = inspect.signature(value)
    except ValueError:
        return ""
    word = "async " if inspect.iscoroutinefunction(value) else ""
    arguments = [plain(str(each)) for each in _marked(found)]
    result = (
        ""
        if found.return_annotation is inspect.Signature.empty or inspect.isclass(value)
        else (f" -> {plain(inspect.formatannotation(found.return_annotation))}")
    )
    line = f"{word}{name}({', '.join(arguments)}){result}"
    if len(line) <= 100:
        return line
    return "\n".join([f"{word}{name}(", *(f"    {argument}," for argument in arguments), f"){result}"])


def plain(text: str) -> str:
    """Returns an annotation or a default without the names of modules, quotes, memory addresses and folders."""
    text = re.sub(r"<function \S*?(<lambda>|\w+) at 0x\w+>", r"\1", text).replace("<lambda>", "...")
    text = re.sub(r"<(?:class )?'?([\w.]+)(?:'| object at 0x\w+)?>", r"\1", text)
    text = re.sub(r"<\w+\.(\w+): [^>]*>", r"\1", text)
    text = re.sub(r"\w+Path\('[^']*'\)", "...", text)  # a folder of this machine
    return re.sub(r"\b(?:[a-z_]\w*\.)+(?=[A-Za-z_])", "", text)


def first_paragraph(package: Any) -> str:
    return inspect.cleandoc(package.__doc__ or "").split("\n\n")[0]


def _marked(found: inspect.Signature) -> list[Any]:
    """Returns the parameters, with a `*` before the first keyword-only parameter."""
    parameters: list[Any] = list(found.parameters.values())
    kinds = [each.kind for each in parameters]
    if inspect.Parameter.KEYWORD_ONLY in kinds and inspect.Parameter.VAR_POSITIONAL not in kinds:
        parameters.insert(kinds.index(inspect.Parameter.KEYWORD_ONLY), "*")
    return parameters


if __name__ == "__main__":
    if "--check" not in sys.argv:
        PAGE.write_text(page(), encoding="utf-8")
    elif PAGE.read_text(encoding="utf-8") != page():
        sys.exit("docs/api.md is not what the docstrings say: run `make api`")
