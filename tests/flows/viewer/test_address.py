"""Addresses of pages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.flows.viewer.address import Address, NotThere


def test_an_address_is_a_path_and_a_query() -> None:
    address = Address.of("problem", id="source/7 & more", run=None, role="", grader="prm")
    assert str(address) == "/problem?id=source%2F7+%26+more&grader=prm"
    assert Address.read("/problem", "id=source%2F7+%26+more&grader=prm") == address
    assert str(Address.of("runs")) == "/runs"
    assert Address.read("/", "") == Address("runs")


@given(st.dictionaries(st.text(min_size=1), st.text(min_size=1)))
def test_what_is_written_is_read_again(query: dict[str, str]) -> None:
    pairs = {name.replace("\ud800", ""): value for name, value in query.items() if name.isprintable()}
    address = Address("problem", tuple(pairs.items()))
    assert Address.read("/problem", str(address).partition("?")[2]) == address


def test_names_may_come_several_times() -> None:
    address = Address.of("compare", run=["a", "b"])
    assert (address.all("run"), address.get("run"), address.get("other", "usual")) == (["a", "b"], "b", "usual")


def test_an_address_with_other_values() -> None:
    address = Address.of("problems", q="x", after="7").but(after=None, sort="rate", q="y")
    assert address == Address("problems", (("sort", "rate"), ("q", "y")))


@pytest.mark.parametrize("text", ["-1", "x", "1.5", "٣", "1" * 10, "0x1"])
def test_what_is_no_whole_number_is_told(text: str) -> None:
    with pytest.raises(NotThere, match="is no whole number"):
        Address.of("problem", start=text).whole("start")


def test_whole_numbers() -> None:
    assert Address.of("problem", start="24").whole("start") == 24
    assert Address.of("problem").whole("start", 7) == 7
