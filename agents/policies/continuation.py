"""Continues a half-written draft by an instruction, for models that can't continue a text directly. The model sees the
draft and is asked for the rest, or for the next step as JSON. The reply is parsed leniently, and its text is appended
to the draft."""

import json
import re
from itertools import islice
from typing import Any

from msgspec.structs import replace

from redraft.agents.policies.step_reader import Continuation
from redraft.graders.answers.extract import marked
from redraft.llm.model import Choice, Finish
from redraft.store.problems import Kind

STEP_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"step": {"type": "string"}, "final": {"type": "boolean"}},
    "required": ["step", "final"],
    "additionalProperties": False,
}
"""A strict JSON schema: the next step, and whether the solution ends with this step."""


def next_step(choice: Choice, draft: str, kind: Kind, separator: str) -> Continuation:
    """Returns the next step of `draft` from a reply to a request with STEP_SCHEMA.

    The JSON may be anywhere in the reply, in a code fence, or cut off, and may contain LaTeX with single backslashes.
    If the reply has no JSON, its whole text is the step. This step is the last one if it marks an answer.
    """
    part = _fit_to_draft(_parse_step(choice.text, kind), draft)
    open_ended = part.ended or choice.finish is Finish.LENGTH or not part.text.strip()
    return part if open_ended else _with_separator(part, separator)


def rest_of_draft(choice: Choice, draft: str) -> Continuation:
    """Returns the rest of `draft` from a reply, ready to be appended to the draft."""
    ended = choice.finish is Finish.END
    part = _fit_to_draft(Continuation(choice.text, ended, tuple(range(len(choice.text) + 1))), draft)
    return Continuation(choice.text, ended) if part.text == choice.text else part


def _parse_step(reply: str, kind: Kind) -> Continuation:
    found = STEP.search(reply)
    if found is None:
        return _parse_unstructured(reply, kind)
    text, places = unescape(found["step"], found.start("step"))
    if not found["end"]:  # the reply was cut off
        return Continuation(text, False, places)
    last = FINAL.search(reply, found.end()) or FINAL.search(reply[: found.start()])
    ended = last[1].lower() == "true" if last else marked(text, kind) is not None
    return Continuation(text, ended, places)


def _parse_unstructured(reply: str, kind: Kind) -> Continuation:
    """Returns the step in a reply that has no step in JSON: the whole text of the reply. If the reply is an object that
    states only whether the solution ends, the step is empty."""
    fenced = FENCED.fullmatch(reply)
    start, end = fenced.span(1) if fenced else (0, len(reply))
    text = reply[start:end]
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        said = None
    if isinstance(said, dict):
        return Continuation("", said.get("final") is True, (end,))
    return Continuation(text, marked(text, kind) is not None, tuple(range(start, end + 1)))


def unescape(raw: str, start: int = 0) -> tuple[str, tuple[int, ...]]:
    """Returns a pair (text, positions). The text is the decoded content of a JSON string. The positions are the index
    of each of its characters, and of its end, in a text that contains the string at index `start`.

    LaTeX commands with a single backslash are not decoded: `\\frac` does not contain a form feed. If the text has such
    a command, `\\neq` does not contain a line break either.
    """
    tokens = list(ESCAPE.finditer(raw))
    careless = any(LATEX.match(raw, token.start()) or not _is_valid_escape(token[0]) for token in tokens)
    characters: list[str] = []
    places: list[int] = []
    for token in tokens:
        at = token.start()
        kept = LATEX.match(raw, at) or (careless and LATEX_N.match(raw, at))
        text = token[0] if kept or not _is_valid_escape(token[0]) else _decode(token[0])
        characters.append(text)
        verbatim = len(text) == len(token[0])
        places += range(start + at, start + token.end()) if verbatim else [start + at] * len(text)
    return "".join(characters), (*places, start + len(raw))


def _is_valid_escape(token: str) -> bool:
    return not token.startswith("\\") or len(token) > 2 or token[1:] in {*'"\\/bfnrt'}


def _decode(token: str) -> str:
    if not token.startswith("\\"):
        return token
    text = json.loads(f'"{token}"')
    return "\ufffd" if "\ud800" <= text <= "\udfff" else text


def _fit_to_draft(part: Continuation, draft: str) -> Continuation:
    """Returns the part adjusted to continue the draft: text that repeats the draft is removed."""
    repeated = _repetition_length(draft, part.text)
    part = _without_start(part, repeated)
    if draft[-1:].isspace():
        blank = len(part.text) - len(part.text.lstrip() if repeated else part.text.lstrip("\r\n"))
        return _without_start(part, blank)
    if part.text[:1].strip():
        places = part.places or ()
        return replace(part, text=f" {part.text}", places=places[:1] + places)
    return part


def _without_start(part: Continuation, at: int) -> Continuation:
    return replace(part, text=part.text[at:], places=(part.places or ())[at:])


def _with_separator(part: Continuation, separator: str) -> Continuation:
    """Returns the part with the separator appended."""
    if part.text.endswith(separator):
        return part
    text, places = part.text.rstrip(), part.places or ()
    return replace(part, text=text + separator, places=places[: len(text)] + places[-1:] * (len(separator) + 1))


def _repetition_length(draft: str, text: str) -> int:
    """Returns how many characters at the beginning of the text repeat the whole draft. White space between words may
    differ. Fewer than ENOUGH words count as a repetition only if they form a paragraph of their own."""
    words = draft.split()
    found = list(islice(re.finditer(r"\S+", text), len(words)))
    if not words or [match[0] for match in found] != words:
        return 0
    end = found[-1].end()
    after = text[end:]
    alone = not after.strip() or "\n" in after[: len(after) - len(after.lstrip())]
    return end if alone or len(words) >= ENOUGH else 0


ENOUGH = 4  # a repetition of this many words is no coincidence

STEP = re.compile(
    r'"step"\s*:\s*"(?P<step>(?:[^"\\]++|\\.|"(?!\s*(?:[,}]|"final"|\Z)))*+)(?P<end>"?)', re.DOTALL | re.IGNORECASE
)
FINAL = re.compile(r'"final"\s*:\s*"?(true|false)', re.IGNORECASE)
FENCED = re.compile(r"\s*```\w*\n(.*?)\s*```\s*", re.DOTALL)

ESCAPE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|[^\\]+", re.DOTALL
)
LATEX = re.compile(
    r"\\(?:[bf][a-zA-Z]|t(?:imes|ext(?:bf|it|rm|tt)?|heta|anh?|o|frac|ag|au|ilde|op|riangle|herefore|binom)(?![a-zA-Z])"
    r"|r(?:ight(?:arrow)?|ho|angle|ceil|floor)(?![a-zA-Z]))"
)
LATEX_N = re.compile(r"\\n(?:eq?|u|abla|ot(?:in)?|eg|mid|i)(?![a-zA-Z])")
