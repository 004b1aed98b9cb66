"""Settings are one thing: keywords, defaults and checks come from their fields, and a mistake is one line."""

import subprocess
import sys
from collections.abc import Callable
from inspect import signature
from typing import Any

import pytest

from redraft.flows.annotate import annotate
from redraft.flows.deployment import parameters
from redraft.flows.evaluate import evaluate
from redraft.flows.generate import generate
from redraft.flows.settings import AnnotationSettings, Selection, Settings
from redraft.llm.limits import Budget
from redraft.store.errors import RedraftError
from redraft.store.fields import described


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
        await stage(db=":memory:", **given)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("stage", "kinds"),
    [(generate, (Settings, Selection)), (annotate, (AnnotationSettings,))],
    ids=["generate", "annotate"],
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
    with pytest.raises(RedraftError, match=r"^samples=0 must be at least 1$"):
        parameters.Generate.read({"samples": 0})


def test_fields_are_read_without_pydantic() -> None:
    code = "import sys, redraft.flows.settings, redraft.flows.cli.main; print('pydantic' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
