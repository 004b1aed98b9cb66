from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.graders.answers.canonical import canonical
from redraft.graders.answers.numbers import Plain, plain
from redraft.store.problems import Kind


@pytest.mark.parametrize(
    ("spellings", "key"),
    [
        (["1,000", "1000", "1000.0", "$1000", r"\$1,000.00", "1000.", r"1{,}000", r"1,\!000", "10^3", "1e3"], "1000"),
        (["1/2", "0.5", ".5", r"\frac{1}{2}", r"\dfrac12", r"\frac 12", "2/4", "½", r"$\tfrac{2}{4}$"], "1/2"),
        (["-3", "−3", "$-3$", "-$3", "- 3", r"\boxed{-3}", "**-3**", "-3."], "-3"),
        (["50%", r"50\%", "50 percent", "50"], "50"),
        (["12 cm", r"12\text{ cm}", r"12 \mbox{ cm}^2", "12 dollars", "12", "12 km/h", "x = 12", r"12^\circ"], "12"),
        (["7 3/4", r"7\frac{3}{4}", "7.75", "31/4"], "31/4"),
        ([r"3 \times 10^{-2}", "0.03", "3e-2", "3 x 10^-2"], "3/100"),
        (["1.5 million", "1500000", r"1.5\text{ million}"], "1500000"),
        (["3 + 4 = 7", "7"], "7"),
        (["2, 1", r"\{1, 2\}", "1 and 2", "x = 1 or x = 2", "1.0,2"], "{1,2}"),
        (["(3, 4)", r"\left(3, 4\right)", "(3.0,4)"], "(3,4)"),
        (["(3, 4]", r"\left( 3,4 \right]"], "(3,4]"),
        ([r"2\sqrt3", r"2\sqrt{3}", r"$2 \sqrt {3}$".replace(" {", "{"), "2√3"], r"2\sqrt{3}"),
        ([r"\dfrac{\pi}{2}", r"\frac{\pi}{2}", r"\frac{ \pi }{ 2 }".replace(" ", "")], r"\frac{\pi}{2}"),
        (["x^{2}+1", "x^2 + 1", r"x^2\,+\,1"], "x^2+1"),
        ([r"\text{Evelyn}", "Evelyn", "evelyn", "Evelyn."], "evelyn"),
        (["No solution", r"\text{no solution}"], "no solution"),
        ([r"\text{(C)}", "(C)", "C"], "C"),
        (["52_8", "52_{8}"], "52_8"),
    ],
)
def test_spellings_of_one_answer_share_a_key(spellings: list[str], key: str) -> None:
    assert {spelling: canonical(spelling) for spelling in spellings} == dict.fromkeys(spellings, key)


@pytest.mark.parametrize("answer", [None, "", "  ", "$$", "."])
def test_no_answer_has_no_key(answer: str | None) -> None:
    assert canonical(answer) is None


@pytest.mark.parametrize(
    "answer", ["3x", "2i", "2 pi", "6 xy", "5 m", "1/0", "3 or 5", "(1)", "12:30", "x", "", "9^{9999}", "٣", "1" * 3000]
)
def test_what_is_no_plain_number(answer: str) -> None:
    assert plain(answer) is None


def test_a_name_and_a_percent_sign_are_kept() -> None:
    assert plain("x = 50%") == Plain(Fraction(50), percent=True, name="x")


@given(st.fractions(max_denominator=10**6))
def test_fractions_survive_every_spelling(value: Fraction) -> None:
    sign, top, bottom = "-" if value < 0 else "", abs(value.numerator), value.denominator
    spellings = [
        f"{sign}{top}/{bottom}",
        rf"{sign}\frac{{{top}}}{{{bottom}}}",
        rf"${sign}\dfrac{{{top}}}{{{bottom}}}$.",
    ]
    assert {canonical(spelling) for spelling in spellings} == {str(value)}


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=3))
def test_decimals_survive_thousands_separators(value) -> None:
    assert canonical(f"{value:,}") == canonical(f"{value:f}") == str(Fraction(value))


@given(st.text(max_size=60))
def test_any_text_has_a_key_or_none(text: str) -> None:
    for kind in Kind:
        key = canonical(text, kind)
        assert key is None or key


@given(st.text(alphabet=r"\{}()[]$,.^_-+=/0123456789 xfractboxedsqrtpi", max_size=80))
def test_latex_soup_has_a_key_or_none(text: str) -> None:
    key = canonical(text)
    assert key is None or key


def test_choices_and_text() -> None:
    assert [canonical(a, Kind.CHOICE) for a in ("(c)", "C.", r"\text{(C)}", "C) 42", "dunno")] == [
        "C",
        "C",
        "C",
        "C",
        None,
    ]
    assert canonical("  The Blue   Whale. ", Kind.TEXT) == "the blue whale"
