"""A run's own prompts from a file: templates, few-shot examples, a system prompt, a chat template.

>>> from redraft.llm.prompts.prompts import Prompts
>>> Prompts(system="Be brief.").opening({})
(Message(role='system', content='Be brief.'),)
"""

import re
import tomllib
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from redraft.llm.model import Message, Model, Request
from redraft.llm.prompts.chat_template import ChatTemplate
from redraft.llm.prompts.templates import TEMPLATES, fill
from redraft.store.digest import digest, texts_digest
from redraft.store.errors import ColumnError, RedraftError, SourceError, alternatives
from redraft.store.problems import Kind
from redraft.store.sources.files import rows
from redraft.store.sources.problem import problem, worked


class PromptError(RedraftError):
    """The prompts cannot be used. The message names the file and the mistake."""


@dataclass(frozen=True, slots=True)
class Example:
    """A question and its solution, shown to the model as if it had written the solution."""

    question: str
    solution: str
    kind: Kind = Kind.MATH


@dataclass(frozen=True, slots=True)
class Prompts:
    """The prompts that a run replaces or adds. `chat_template` is Jinja text for raw completions, which may use
    `bos_token` and `eos_token`."""

    templates: Mapping[str, str] = field(default_factory=dict)
    examples: tuple[Example, ...] = ()
    system: str = ""
    chat_template: str = ""
    bos_token: str = ""
    eos_token: str = ""

    @classmethod
    def read(cls, path: str | Path) -> "Prompts":
        """Returns the prompts of a TOML file. Paths in it are relative to the file's folder. Raises PromptError."""
        return _read(Path(path).expanduser())

    @property
    def chat(self) -> ChatTemplate | None:
        """Returns the chat template, or None if there is none."""
        tokens = {"bos_token": self.bos_token, "eos_token": self.eos_token}
        return ChatTemplate(self.chat_template, **tokens) if self.chat_template else None

    def template(self, name: str, own: Mapping[str, str]) -> str:
        """Returns the template with a name: the run's, else the model's in `own`, else redraft's."""
        default = TEMPLATES[name]
        return self.templates.get(name) or own.get(name) or own.get(default.family) or default.text

    def ask(self, question: str, kind: Kind, own: Mapping[str, str]) -> Message:
        """Returns the message that asks for a question's solution, with the wording for the question's kind."""
        return Message("user", fill(self.template(SOLVE.get(kind, "solve"), own), question=question))

    def opening(self, own: Mapping[str, str]) -> tuple[Message, ...]:
        """Returns the messages that every conversation begins with: the system prompt, then the question and the answer
        of each example."""
        shown = [
            message
            for example in self.examples
            for message in (self.ask(example.question, example.kind, own), Message("assistant", example.solution))
        ]
        return (Message("system", self.system), *shown) if self.system else tuple(shown)

    def digest(self, request: Request) -> str:
        """Returns a hash of everything that the model sees of a request."""
        shown: list[Any] = [[[m.role, m.content] for m in request.messages], request.prefix]
        if request.schema is None and not self.chat_template:
            return texts_digest(shown)
        return digest(*shown, request.schema, self.chat_template, self.bos_token, self.eos_token)

    def shown(self, request: Request) -> dict[str, Any]:
        """Returns everything that the model sees of a request, as JSON data."""
        extras = {"prefix": request.prefix, "schema": request.schema, "chat_template": self.chat_template}
        messages = [{"role": message.role, "content": message.content} for message in request.messages]
        return {"messages": messages, **{name: value for name, value in extras.items() if value}}

    def plain(self, own: Mapping[str, str], parts: Container[str] = ()) -> dict[str, Any]:
        """Returns, as JSON data, everything that the text of a call depends on, except its question and drafts. A
        prompt that belongs to one part is included only if `parts` contains the part's name."""
        sent = (name for name, template in TEMPLATES.items() if not template.part or template.part in parts)
        return {
            "templates": {name: self.template(name, own) for name in sent},
            "opening": [[message.role, message.content] for message in self.opening(own)],
            "chat_template": [self.chat_template, self.bos_token, self.eos_token],
        }

    def check(self, model: Model) -> None:
        """Raises PromptError if the model was trained on its own prompt formats and these prompts do not fit them."""
        if model.templates and (self.system or self.examples or self.chat_template):
            raise PromptError(
                f"{model.name} was trained on forms of its own, which know no system prompt, no few-shot examples and"
                " no chat template: leave them out of the file of prompts, or name another model with --model"
            )


def _read(path: Path) -> Prompts:
    try:
        with path.open("rb") as file:
            given = tomllib.load(file)
    except OSError as error:
        raise PromptError(f"{path} can't be read: {error.strerror}: check the name of the file of prompts") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PromptError(f"{path} is not TOML ({error}): mend it there") from error
    try:
        return _prompts(given, path.parent)
    except (PromptError, SourceError) as error:
        raise PromptError(f"{path}: {error}") from error


def _prompts(given: Mapping[str, Any], folder: Path) -> Prompts:
    known = ("templates", "examples", "shots", "chat_template_file", *TEXTS)
    for key in given:
        if key not in known:
            raise PromptError(f"no setting {key!r}; {alternatives(key, known)}")
    texts = {name: _text(given[name], name) for name in TEXTS if name in given}
    if "chat_template_file" in given:
        if "chat_template" in given:
            raise PromptError("chat_template and chat_template_file are the same thing: leave one out")
        texts["chat_template"] = _content(folder / _text(given["chat_template_file"], "chat_template_file"))
    return Prompts(
        templates=_templates(given.get("templates", {})),
        examples=_examples(given.get("examples", []), given.get("shots"), folder),
        **texts,
    )


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str) or not value:
        raise PromptError(f'{name} has to be a text, as in {name} = "..."')
    return value


def _content(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise PromptError(f"{path} can't be read: {error.strerror}: check chat_template_file") from error
    except UnicodeDecodeError as error:
        raise PromptError(f"{path} is not UTF-8 ({error}): save it as UTF-8") from error


def _templates(given: Any) -> dict[str, str]:
    if not isinstance(given, Mapping):
        raise PromptError('templates has to be a table, as in [templates] and below it solve = "..."')
    for name, text in given.items():
        if name not in TEMPLATES:
            raise PromptError(f"no template {name!r}; {alternatives(name, TEMPLATES)}")
        _check_places(name, _text(text, f"templates.{name}"))
    return dict(given)


def _check_places(name: str, text: str) -> None:
    """Raises PromptError unless the placeholders in a template are exactly those of one of its allowed forms."""
    forms = TEMPLATES[name].forms
    known = frozenset[str]().union(*forms)
    found = {place for place in known if f"{{{place}}}" in text}
    if strange := set(PLACE.findall(text)) - known:
        raise PromptError(
            f"templates.{name} has a place {{{min(strange)}}}, for which there is nothing; there is"
            f" {_places(known) or 'none'}: write braces that are no place with a space in them"
        )
    if found not in forms:
        wanted = min((form for form in forms if found < form), key=len)
        raise PromptError(f"templates.{name} lacks {_places(wanted - found)}: put it where that is to stand")


def _places(names: Iterable[str]) -> str:
    return " and ".join(f"{{{name}}}" for name in sorted(names))


def _examples(given: Any, shots: Any, folder: Path) -> tuple[Example, ...]:
    """Returns the first `shots` examples of a file or of a list of tables; all examples if `shots` is None."""
    if shots is not None and (not isinstance(shots, int) or isinstance(shots, bool) or shots < 0):
        raise PromptError(f"shots has to be a whole number from 0, not {shots!r}")
    if isinstance(given, str):
        path = folder / Path(given).expanduser()
        found = ((f"{path}, {place}", row) for place, row in rows(path))
    elif isinstance(given, list):
        found = ((f"example {number}", row) for number, row in enumerate(given, start=1))
    else:
        raise PromptError("examples has to be the name of a file, or tables under [[examples]]")
    examples = tuple(_example(row, place) for place, row in islice(found, shots))
    if shots is not None and len(examples) < shots:
        raise PromptError(f"shots = {shots}, and there are {len(examples)} examples")
    return examples


def _example(row: Any, place: str) -> Example:
    """Returns an example from a row that has a question and its worked solution, in the same columns as the rows of
    problems."""
    if isinstance(row, SourceError):
        raise PromptError(f"{place}: {row}")
    if not isinstance(row, Mapping):
        raise PromptError(f"{place}: not a table: an example has a question and a solution")
    try:
        asked = problem(row, source="", split=None, question=None, answer=None)
        solution = worked(row)
    except ColumnError as error:
        there = ", ".join(map(str, row)) or "none"
        raise PromptError(f"{place}: no column for the question among {there}: call it question") from error
    except SourceError as error:
        raise PromptError(f"{place}: {error}") from error
    if not solution:
        raise PromptError(f"{place}: no solution in it: an example has a question and a solution")
    return Example(asked.question, solution, asked.kind)


SOLVE = {Kind.CHOICE: "solve_choice", Kind.CODE: "solve_code", Kind.RUBRIC: "solve_text"}
TEXTS = ("system", "chat_template", "bos_token", "eos_token")

PLACE = re.compile(r"(?<![\w\\}\]^])\{([A-Za-z_]\w*)\}")
"""Matches a placeholder in a template, but not the argument of a LaTeX command, as in `\\boxed{answer}`."""
