"""Prompts of one's own, out of a file: what they hold, what goes before what, and what is said of a bad one."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from redraft.llm.client.client import Client
from redraft.llm.model import Message, Request, UnsupportedRequest
from redraft.llm.prompts.prompts import Example, PromptError, Prompts
from redraft.llm.prompts.templates import SOLVE, SOLVE_CHOICE, TEMPLATES, fill
from redraft.llm.providers.embedded import prompts as prompt_formats
from redraft.llm.providers.embedded.model import embedded
from redraft.llm.scripted import Scripted
from redraft.store.digest import digest
from redraft.store.journal import Journal
from redraft.store.problems import Kind, Question

QUESTION = Question("p", "How much?", unit="u")

WHOLE = """
system = "Be brief."
examples = "shots.jsonl"
shots = 2
chat_template_file = "chat.jinja"
bos_token = "<s>"
eos_token = "</s>"

[templates]
solve = "Solve: {question}"
judge = "Right or wrong? Put \\\\boxed{verdict} on the last line."
"""

SHOTS = """\
{"question": "1+1?", "answer": "1+1 is 2.\\n#### 2"}
{"Problem": "Which?", "choices": ["a cat", "a dog"], "answer": "B", "rationale": "It barks. B"}
{"query": "3+3?", "output": "6"}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a file of prompts and those that it names."""
    (tmp_path / "prompts.toml").write_text(WHOLE)
    (tmp_path / "shots.jsonl").write_text(SHOTS)
    (tmp_path / "chat.jinja").write_text("{% for m in messages %}{{ m.content }}{% endfor %}\n")
    return tmp_path


def scripted(templates: Mapping[str, str] | None = None) -> Scripted:
    return Scripted(lambda request, index: "#### 8", templates=templates)


def test_a_file_holds_wordings_examples_a_system_prompt_and_a_chat_template(folder: Path) -> None:
    assert Prompts.read(folder / "prompts.toml") == Prompts(
        templates={
            "solve": "Solve: {question}",
            "judge": "Right or wrong? Put \\boxed{verdict} on the last line.",
        },
        examples=(
            Example("1+1?", "1+1 is 2.\n#### 2"),
            Example("Which?\nA) a cat\nB) a dog", "It barks. B", Kind.CHOICE),
        ),
        system="Be brief.",
        chat_template="{% for m in messages %}{{ m.content }}{% endfor %}\n",
        bos_token="<s>",
        eos_token="</s>",
    )


def test_examples_may_stand_in_the_file_itself(tmp_path: Path) -> None:
    file = tmp_path / "p.toml"
    file.write_text(
        'shots = 1\n[[examples]]\nquestion = "1+1?"\nsolution = "2"\n[[examples]]\nquestion = "?"\nsolution = "!"\n'
    )
    assert Prompts.read(file) == Prompts(examples=(Example("1+1?", "2"),))
    file.write_text("")
    assert Prompts.read(str(file)) == Prompts()


def test_examples_are_turns_before_the_question_each_worded_for_its_kind(folder: Path) -> None:
    client = Client(scripted(), prompts=Prompts.read(folder / "prompts.toml"))
    choice = fill(SOLVE_CHOICE, question="Which?\nA) a cat\nB) a dog")
    assert client.opening == (
        Message("system", "Be brief."),
        Message("user", "Solve: 1+1?"),
        Message("assistant", "1+1 is 2.\n#### 2"),
        Message("user", choice),
        Message("assistant", "It barks. B"),
    )
    assert client.ask(QUESTION) == Message("user", "Solve: How much?")


@pytest.mark.parametrize(
    ("given", "own", "kind", "asked"),
    [
        ({}, {}, Kind.MATH, fill(SOLVE, question="How much?")),
        ({}, {}, Kind.CHOICE, fill(SOLVE_CHOICE, question="How much?")),
        ({}, {"solve": "solve\n{question}"}, Kind.MATH, "solve\nHow much?"),
        ({}, {"solve": "solve\n{question}"}, Kind.CHOICE, "solve\nHow much?"),
        ({"solve": "Mine: {question}"}, {"solve": "solve\n{question}"}, Kind.MATH, "Mine: How much?"),
        ({"solve": "Mine: {question}"}, {}, Kind.CHOICE, fill(SOLVE_CHOICE, question="How much?")),
        ({"solve_choice": "Pick: {question}"}, {"solve": "solve\n{question}"}, Kind.CHOICE, "Pick: How much?"),
    ],
)
def test_the_file_goes_before_the_models_own_wording_and_that_before_redrafts(
    given: dict[str, str], own: dict[str, str], kind: Kind, asked: str
) -> None:
    client = Client(scripted(own), prompts=Prompts(templates=given))
    assert client.ask(replace(QUESTION, kind=kind)) == Message("user", asked)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("system = ", r"p\.toml is not TOML \(Invalid value \(at end of document\)\): mend it there"),
        ('sistem = "x"', r"no setting 'sistem'; there are templates, examples, shots, chat_template_file, system, "),
        ("system = 3", r'system has to be a text, as in system = "\.\.\."'),
        ("templates = 3", r"templates has to be a table"),
        ('[templates]\nslove = "{question}"', r"p\.toml: no template 'slove'; there are solve, solve_choice,"),
        ('[templates]\nsolve = ""', r"templates\.solve has to be a text"),
        ('[templates]\nsolve = "Solve it."', r"templates\.solve lacks \{question\}: put it where that is to stand"),
        (
            '[templates]\nsolve = "{question} {hint}"',
            r"templates\.solve has a place \{hint\}, for which there is nothing; there is \{question\}: write braces",
        ),
        ('[templates]\nis_wrong = "No: {line}."', r"is_wrong has a place \{line\}, for which .*; there is none:"),
        ('[templates]\njudge = "{solution}?"', r"templates\.judge lacks \{question\}"),
        ('[templates]\nfinished = "{question}?"', r"templates\.finished lacks \{solution\}"),
        ('chat_template = "a"\nchat_template_file = "b"', r"chat_template and chat_template_file are the same thing"),
        ('chat_template_file = "b"', r"b can't be read: No such file or directory: check chat_template_file"),
        ('examples = "shots.jsonl"', r"no file .*shots\.jsonl: check the name"),
        ("examples = 3", r"examples has to be the name of a file, or tables under \[\[examples\]\]"),
        ("examples = [3]", r"example 1: not a table"),
        ("[[examples]]\nquestion = 'a'", r"example 1: no solution in it"),
        ("[[examples]]\nasked = 'a'\nsolution = 'b'", r"example 1: no column for the question among asked, solution"),
        ("shots = 2\n[[examples]]\nquestion = 'a'\nsolution = 'b'", r"shots = 2, and there are 1 examples"),
        ("shots = true", r"shots has to be a whole number from 0, not True"),
        ("shots = -1", r"shots has to be a whole number from 0, not -1"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_said_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "p.toml").write_text(text)
    with pytest.raises(PromptError, match=message) as caught:
        Prompts.read(tmp_path / "p.toml")
    assert "\n" not in str(caught.value)
    assert str(caught.value).count(str(tmp_path / "p.toml")) == 1


def test_a_file_that_is_not_there_or_not_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(PromptError, match=r"p\.toml can't be read: No such file or directory: check the name"):
        Prompts.read(tmp_path / "p.toml")
    (tmp_path / "p.toml").write_bytes(b'system = "\xff"')
    with pytest.raises(PromptError, match=r"p\.toml is not TOML"):
        Prompts.read(tmp_path / "p.toml")
    (tmp_path / "shots.jsonl").write_text('{"question": "a", "answer": "b"}\n{"question": \n')
    (tmp_path / "p.toml").write_text('examples = "shots.jsonl"')
    with pytest.raises(PromptError, match=r"shots\.jsonl, line 2: broken JSON"):
        Prompts.read(tmp_path / "p.toml")


@pytest.mark.parametrize(
    "text",
    [
        r"Put it in \boxed{answer}. {question}",
        r"Write $x_{n}$, $x^{n}$, \frac{a}{b} and {\it this}. {question}",
        'Answer as {"answer": 1} or {}. {question}',
        "{question} Then { braces }.",
    ],
)
def test_braces_of_latex_and_json_are_no_places(tmp_path: Path, text: str) -> None:
    (tmp_path / "p.toml").write_text(f"[templates]\nsolve = '{text}'")
    assert Prompts.read(tmp_path / "p.toml").templates == {"solve": text}


def test_every_default_has_the_places_that_a_file_must_have(tmp_path: Path) -> None:
    lines = [f"{name} = {json.dumps(template.text)}" for name, template in TEMPLATES.items()]
    (tmp_path / "p.toml").write_text("\n".join(["[templates]", *lines]))
    assert Prompts.read(tmp_path / "p.toml").templates == {name: one.text for name, one in TEMPLATES.items()}


@pytest.mark.parametrize(
    "prompts",
    [Prompts(system="Be brief."), Prompts(examples=(Example("1+1?", "2"),)), Prompts(chat_template="{{ messages }}")],
)
def test_the_embedded_model_has_no_place_for_examples_and_a_system_prompt(prompts: Prompts) -> None:
    message = "embedded was trained on forms of its own, which know no system prompt, no few-shot examples and no chat"
    with pytest.raises(PromptError, match=message):
        Client(embedded(), prompts=prompts)


async def test_the_embedded_model_says_which_wordings_it_knows() -> None:
    client = Client(embedded(), prompts=Prompts(templates={"solve": "Solve: {question}"}))
    with pytest.raises(UnsupportedRequest, match=r"not trained for 'Solve: How \.\.\.'; it knows solve, judge"):
        await client.complete(QUESTION, "propose", "u/", [client.ask(QUESTION)])
    assert Client(embedded()).template("judge") == prompt_formats.TEMPLATES["judge"]


ASKED = Request((Message("user", "How much?"),))


@pytest.mark.parametrize(
    ("request_", "prompts", "same"),
    [
        (ASKED, Prompts(), True),
        (ASKED, Prompts(templates={"judge": "Right?"}), True),
        (replace(ASKED, seeds=(7,), temperature=0.0), Prompts(), True),
        (replace(ASKED, messages=(Message("system", "Be brief."), *ASKED.messages)), Prompts(), False),
        (replace(ASKED, messages=(Message("user", "How many?"),)), Prompts(), False),
        (replace(ASKED, prefix="So"), Prompts(), False),
        (replace(ASKED, schema={"type": "object"}), Prompts(), False),
        (ASKED, Prompts(chat_template="{{ messages }}"), False),
        (ASKED, Prompts(chat_template="{{ messages }}", bos_token="<s>"), False),
    ],
)
def test_a_prompts_hash_is_that_of_all_that_the_model_is_shown(request_: Request, prompts: Prompts, same: bool) -> None:
    assert (prompts.digest(request_) == Prompts().digest(ASKED)) is same
    assert Prompts().digest(ASKED) == digest([["user", "How much?"]], "")


async def test_the_hash_of_what_was_shown_is_on_every_call() -> None:
    schema: dict[str, Any] = {"type": "object"}
    hashes = set()
    for prompts in (Prompts(), Prompts(system="Be brief."), Prompts(chat_template="x"), Prompts(eos_token="x")):
        journal = Journal(None)
        client = Client(scripted(), journal=journal, prompts=prompts)
        for request in (client.request([*client.opening, client.ask(QUESTION)]), client.request([], schema=schema)):
            await client.draw(QUESTION, "propose", "u/", request)
        hashes |= {call.prompt_hash for call, _ in journal.calls("u")}
    # The system prompt is in the messages only, and special tokens count with a chat template or a schema only.
    assert len(hashes) == 3 + 3


def test_moving_the_files_changes_nothing(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    moved = tmp_path_factory.mktemp("elsewhere") / "prompts"
    before = Prompts.read(folder / "prompts.toml")
    shutil.copytree(folder, moved)
    assert Prompts.read(moved / "prompts.toml") == before
