"""Texts as the arguments of a factory: what fits, what comes first, and what a value has to be, in words."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any, Literal, Optional, Union

import pytest
from hypothesis import given
from hypothesis import strategies as some

from redraft.store.errors import PartError
from redraft.store.plugins.arguments import arguments, convert, kind, whole


class Colour(StrEnum):
    RED = "red"
    DARK = "dark red"


@pytest.mark.parametrize(
    ("text", "hint", "value"),
    [
        ("8", int, 8),
        ("8", float, 8.0),
        ("8", str, "8"),
        ("8", int | str, 8),
        ("8", str | int, 8),
        ("8.5", int | str, "8.5"),
        ("8", float | None, 8.0),
        ("None", float | None, None),
        ("", Optional[int], None),  # noqa: UP045 - the older spelling has to work, too
        ("null", Union[int, None], None),  # noqa: UP007
        ("none", str, "none"),
        ("none", str | None, None),
        ("yes", bool, True),
        ("0", bool, False),
        ("1", bool | int, 1),
        ("1e3", int | float, 1000.0),
        ("2", Literal[1, 2, "auto"], 2),
        ("auto", Literal[1, 2, "auto"], "auto"),
        ("dark red", Colour, Colour.DARK),
        ("5", Callable[..., Any] | str, "5"),
        ("5", Callable[..., Any] | int | None, 5),
        ("x.py:f", Callable[..., Any] | None, "x.py:f"),
        ("5", Any, 5),
        ("0.5", Any, 0.5),
        ("True", Any, True),
        ("word", Any, "word"),
    ],
)
def test_the_narrowest_type_that_a_text_fits(text: str, hint: Any, value: object) -> None:
    found = convert(text, hint, "a")
    assert (found, type(found)) == (value, type(value))


@given(some.one_of(some.none(), some.booleans(), some.integers(), some.floats(allow_nan=False)))
def test_what_python_writes_is_read_by_an_argument_without_a_type(value: object) -> None:
    found = convert(str(value), Any, "a")
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("hint", "words"),
    [
        (int, "a whole number"),
        (float | None, "a number or none"),
        (None | bool | str, "true or false or a text or none"),
        (Literal["last", 2], "last or 2"),
        (Colour | None, "red or dark red or none"),
        (Callable[..., Any], "a text"),
    ],
)
def test_what_a_value_has_to_be_in_words(hint: Any, words: str) -> None:
    assert kind(hint) == words


def settable(keys: Any, width: int = 2, *names: str, policy: Any, depth: int, **rest: int) -> None: ...


def nothing(keys: Any) -> None: ...


def unresolved(*, depth: "NoSuchType" = 1, width: int = 1) -> None: ...  # type: ignore[name-defined]  # noqa: F821


def test_only_what_has_a_default_or_stands_after_the_star_can_be_set() -> None:
    assert arguments(settable, {"width": "3", "depth": "4", "policy": "5"}) == {"width": 3, "depth": 4, "policy": 5}
    for name in ("keys", "names", "rest", "none"):
        with pytest.raises(PartError, match=f"has no argument '{name}'; there are width, policy, depth$"):
            arguments(settable, {name: "1"}, "critic")
    with pytest.raises(PartError, match=r"^part 'nothing' has no argument 'a'; there are none$"):
        arguments(nothing, {"a": "1"})


def test_a_type_that_is_not_there_takes_nothing_from_the_other_arguments() -> None:
    assert arguments(unresolved, {"depth": "2", "width": "3"}) == {"depth": 2, "width": 3}


def test_values_that_are_no_texts_pass() -> None:
    values = {"width": "8", "depth": [1], "policy": print}
    assert arguments(settable, values) == {"width": 8, "depth": [1], "policy": print}


def test_a_required_argument_is_asked_for_as_it_is_set() -> None:
    assert whole(settable, {"depth": "4"}, handed=["policy"]) == {"depth": 4}
    with pytest.raises(PartError) as caught:
        whole(settable, {}, "critic", "critic.", handed=["policy"])
    assert str(caught.value) == "critic 'settable' needs its argument 'depth': give it with --set critic.depth=..."
    with pytest.raises(PartError, match=r"needs its argument 'policy': give it with --set policy="):
        whole(settable, {"depth": 1})
