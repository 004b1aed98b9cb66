"""Fields with a meaning and bounds: they are found by name, inherited, and leave the dataclass as it is."""

# ruff: noqa: RUF009 - setting() makes a dataclass field
from dataclasses import dataclass, field

import pytest

from redraft.store.fields import described, made_setting, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    samples: int = setting(4, "Drafts of each problem.", ge=1, le=9)
    seen: list[str] = made_setting(list, "What was drawn.")
    silent: bool = False
    plain: int = field(default=3, metadata={"other": 1})


@dataclass(frozen=True, kw_only=True)
class Search(Draw):
    samples: int = setting(1, "Drafts of each node.")
    width: float = setting(0.5, "The share of nodes that stay.", gt=0, lt=1)


def test_the_fields_with_a_meaning_are_found_in_their_order() -> None:
    assert [*described(Draw)] == ["samples", "seen"]
    assert [*described(Search)] == ["samples", "seen", "width"]
    assert described(Draw)["samples"].metadata["about"] == "Drafts of each problem."
    assert described(Draw)["seen"].metadata["bounds"] == {}


def test_bounds_are_kept_by_the_names_that_pydantic_gives_them() -> None:
    assert described(Draw)["samples"].metadata["bounds"] == {"ge": 1, "le": 9}
    assert described(Search)["samples"].metadata["bounds"] == {}, "a field that is declared again has its own"
    assert described(Search)["width"].metadata["bounds"] == {"gt": 0, "lt": 1}


def test_defaults_are_those_of_a_dataclass() -> None:
    assert (Draw().samples, Search().samples, Search(width=0.1).width) == (4, 1, 0.1)
    assert Draw().seen == []
    assert Draw().seen is not Draw().seen, "a default that is made is made for each"


def test_bounds_alone_check_nothing() -> None:
    assert Draw(samples=-1).samples == -1
    with pytest.raises(TypeError):
        Draw(sampels=1)  # type: ignore
