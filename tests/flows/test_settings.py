"""Settings are one thing: keywords, defaults and checks come from their fields, and a mistake is one line."""

import subprocess
import sys
from collections.abc import Callable
from inspect import signature
from typing import Any

import click
import pytest

from redraft.agents.solve import solve
from redraft.flows.annotate import annotate
from redraft.flows.cli.main import cli
from redraft.flows.deployment import parameters
from redraft.flows.evaluate import evaluate
from redraft.flows.export import export
from redraft.flows.filter import filter
from redraft.flows.generate import generate
from redraft.flows.settings import (
    AnnotationSettings,
    ExportSettings,
    FilterSettings,
    Selection,
    Settings,
    SettingsError,
    StoreSettings,
)
from redraft.flows.settings_validation import read
from redraft.llm.limits import Budget
from redraft.llm.providers.embedded.training.settings import FinetuneSettings
from redraft.store.errors import RedraftError
from redraft.store.fields import described
from redraft.store.problems import Problem
from redraft.store.tables.store import Store


@pytest.mark.parametrize(
    ("stage", "given", "says"),
    [
        (generate, {"limit": -1}, "limit=-1 must be at least 1"),
        (generate, {"samples": "three"}, "samples='three' must be a whole number"),
        (generate, {"samples": 2.5}, "samples=2.5 must be a whole number"),
        (generate, {"temperature": float("nan")}, "temperature=nan must be a finite number"),
        (generate, {"top_p": 2}, "top_p=2 must be at most 1"),
        (generate, {"model": ""}, "model='' must be a text that is not empty or a Model"),
        (generate, {"strategy": 3}, "strategy=3 must be a text or a function"),
        (generate, {"arguments": "turns=2"}, "arguments='turns=2' must be a mapping from names to values"),
        (generate, {"budget": Budget(calls=-1)}, "must be a Budget of amounts that are finite and at least 0"),
        (generate, {"sampels": 3}, "no setting 'sampels'; there are answer_column, "),
        (generate, {"sampels": 3}, "Did you mean 'samples'?"),
        (generate, {"turns": 2}, "correct it, or give an argument of a part as arguments={'turns': ...}"),
        (generate, {"source": [{"question": "1 + 1?"}]}, "the source has a dict, {'question': '1 + 1?'}: give a file"),
        (evaluate, {"source": [{"question": "1 + 1?"}]}, "the source has a dict, {'question': '1 + 1?'}: give a file"),
        (evaluate, {"source": ["builtin", Problem("1 + 1?", "2")]}, "the source has a str, 'builtin': give a file"),
        (annotate, {"samples": 3}, "no setting 'samples'; there are api_base, "),
        (evaluate, {"strategies": [3]}, "strategies.0=3 must be a text or a function or a Method"),
        (evaluate, {"settings": Settings(samples="three")}, "samples='three' must be a whole number"),  # type: ignore
        (evaluate, {"settings": 4}, "settings=4 must be Settings, as in Settings(samples=4)"),
    ],
)
async def test_a_mistake_is_one_line_that_names_the_setting(
    stage: Callable[..., Any], given: dict[str, Any], says: str
) -> None:
    with pytest.raises(RedraftError) as caught:
        await stage(db=Store(":memory:"), **given)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("stage", "kinds"),
    [
        (generate, (Settings, Selection, StoreSettings)),
        (annotate, (AnnotationSettings, StoreSettings)),
        (filter, (FilterSettings, StoreSettings)),
        (export, (ExportSettings, StoreSettings)),
    ],
    ids=["generate", "annotate", "filter", "export"],
)
def test_the_keywords_of_a_stage_are_the_fields_of_its_settings(
    stage: Callable[..., Any], kinds: tuple[type, ...]
) -> None:
    taken = signature(stage).parameters
    for name, field in [item for kind in kinds for item in described(kind).items()]:
        assert field.metadata["about"].endswith("."), name
        assert taken[name].kind is taken[name].KEYWORD_ONLY
        assert taken[name].default == (getattr(kinds[0](), name, field.default))


def test_a_scheduled_flow_takes_every_setting_with_its_bounds() -> None:
    assert described(Settings).keys() | described(Selection).keys() <= parameters.Generate.model_fields.keys()
    assert described(AnnotationSettings).keys() <= parameters.Annotate.model_fields.keys()
    for flow, settings in ((parameters.Filter, FilterSettings), (parameters.Nightly, ExportSettings)):
        for name, field in {**described(settings), **described(StoreSettings)}.items():
            found = flow.model_fields[name]
            assert (found.description, found.default) == (field.metadata["about"], field.default)
    with pytest.raises(RedraftError, match=r"^samples=0 must be at least 1$"):
        parameters.Generate.read({"samples": 0})


def test_help_is_shown_without_pydantic() -> None:
    help_of = "from redraft.flows.cli.main import run; [run(of) for of in (['--help'], ['generate', '--help'])]"
    code = f"import sys; {help_of}; print('pydantic' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "False"


def test_agents_solve_has_the_defaults_of_settings() -> None:
    taken = {name: one.default for name, one in signature(solve).parameters.items()}
    settings = Settings()
    same = [name for name in described(Settings) if name in taken and name != "arguments"]
    assert {"strategy", "model", "api_base", "temperature", "max_tokens", "top_p", "seed", "prompts"} <= set(same)
    assert {name: taken[name] for name in same} == {name: getattr(settings, name) for name in same}


COMMANDS = {
    "generate": (Settings, Selection, StoreSettings),
    "annotate": (AnnotationSettings, StoreSettings),
    "filter": (FilterSettings, StoreSettings),
    "export": (ExportSettings, StoreSettings),
    "train": (FinetuneSettings,),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_an_option_has_the_default_and_the_meaning_of_its_field(command: str) -> None:
    found = cli.get_command(click.Context(cli), command)
    assert found is not None
    options = {one.name: one for one in found.params if isinstance(one, click.Option)}
    if "filter" in options:
        options["filters"] = options["filter"]  # one at a time
    if "for" in options:
        options["trainer"] = options["for"]
    for name, field in [item for kind in COMMANDS[command] for item in described(kind).items()]:
        if name in ELSEWHERE:
            continue
        option = options[name]
        assert (option.help or "").startswith(field.metadata["about"]), name
        assert option.default == field.default or field.default is None, name
        if field.metadata["bounds"]:
            low, high = (getattr(option.type, side) for side in ("min", "max"))
            assert {low, high} - {None} == set(field.metadata["bounds"].values()), name


ELSEWHERE = ("arguments", "limits", "budget", "problem_budget", "prompts")
"""Settings of which several options are made, or whose default is made."""


async def test_a_bound_of_a_field_is_a_bound_of_its_option(commands: Any) -> None:
    for arguments, says in [
        (["generate", "--top-p", "0"], "0.0 is not in the range 0<x<=1"),
        (["generate", "--min-p", "1"], "1.0 is not in the range 0<=x<1"),
        (["generate", "--samples", "0"], "0 is not in the range x>=1"),
        (["generate", "--budget-usd", "nan"], "nan is"),
        (["train", "rows.jsonl", "--out", "o", "--rate", "0"], "0.0 is not in the range x>0"),
    ]:
        code, _, err = await commands(arguments, {})
        assert (code, says in err) == (2, True), err


@pytest.mark.parametrize("name", ["samples", "temperature", "seed", "top_p", "max_tokens"])
@pytest.mark.parametrize("value", [True, False])
def test_true_is_no_number(name: str, value: bool) -> None:
    with pytest.raises(SettingsError, match=f"^{name}={value} must be a number$"):
        read(Settings, {name: value})
