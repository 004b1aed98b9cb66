"""Answers against keys: a table of pairs, and expressions whose equality computer algebra tells, too."""

import json
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as some

from redraft.graders.answers.exact_match import decide
from redraft.graders.answers.mathematics.comparison.equal import equal
from redraft.graders.answers.mathematics.forms import Unread
from redraft.graders.ruling import Ruling
from redraft.store.trajectory import Verdict

PAIRS = [json.loads(line) for line in (Path(__file__).parent / "pairs.jsonl").read_text().splitlines()]
X, Y = sympy.symbols("x y")


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair['key']} | {pair['answer']}")
def test_a_pair_of_the_table(pair: dict[str, str]) -> None:
    ruling = decide(pair["key"], pair["answer"])
    right = ruling is not None and ruling.verdict is Verdict.RIGHT  # None: the text is left to computer algebra
    assert right == (pair["verdict"] == "right"), ruling


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("(-1)^n", r"\cos(n\pi)"),  # equal for whole numbers alone
        (r"x\sqrt{x^2}", "x^2"),  # equal for positive numbers alone
        (r"\log 2", r"\ln 2"),  # "log" may be the natural logarithm
        (r"\frac{1}{2x}", "1/2x"),
        ("12.5", "12,5"),
        ("5", "5 m"),
        ("X", "x"),
        ("1,2,3,\\ldots,n", "1,2,\\ldots,n"),
        ("9^{9^{9^9}}", "9^{9^{9^8}}"),  # too large to compute
        ("5", "(" * 500 + "5" + ")" * 500),
        ("5", "x + " * 1000 + "x"),
        ("3:4", "6:8"),
        (r"15\text{ cm}^2", r"15\text{ cm}"),
        (r"\begin{pmatrix} 1 & 2 \\ 3 \end{pmatrix}", "1"),
        ("5", "the answer is in 5 parts"),
    ],
)
def test_what_cannot_be_told(key: str, answer: str) -> None:
    ruling = decide(key, answer)
    assert ruling is not None
    assert ruling.verdict is Verdict.UNDECIDED
    assert ruling.reason


NUMBERS = some.fractions(max_denominator=9, min_value=-9, max_value=9).map(
    lambda n: sympy.Rational(n.numerator, n.denominator)
)
LEAVES = some.sampled_from([X, Y, sympy.pi, sympy.sqrt(2)]) | NUMBERS
EXPRESSIONS = some.recursive(
    LEAVES,
    lambda parts: (
        some.builds(sympy.Add, parts, parts)
        | some.builds(sympy.Mul, parts, parts)
        | some.builds(sympy.Pow, parts, some.sampled_from([2, 3]))
        | some.builds(sympy.sin, parts)
    ),
    max_leaves=6,
)


@given(EXPRESSIONS)
@settings(deadline=None, max_examples=150)
def test_an_expression_equals_itself_expanded_and_not_one_more(expression: sympy.Expr) -> None:
    latex = sympy.latex(expression)
    for other in (sympy.latex(sympy.expand(expression)), str(expression)):
        assert equal(latex, other) is True
    assert equal(latex, f"{latex} + 1") is False
    if sympy.expand(expression) != 0:
        assert equal(latex, rf"2 \cdot \left({latex}\right)") is False


@given(
    some.text(max_size=60) | some.text(alphabet=r"\{}()[]$,.^_-+=/0123456789 xfractboxedsqrtpi|<>:;!%°", max_size=60)
)
def test_any_text_is_read_or_refused_and_equals_itself(text: str) -> None:
    with suppress(Unread):
        assert equal(text, text) is not False
    decide("7", text)


@given(some.fractions(), some.fractions())
def test_fractions_are_exact(one: Fraction, two: Fraction) -> None:
    spelled = rf"\frac{{{one.numerator}}}{{{one.denominator}}}"
    assert equal(spelled, f"({two.numerator})/({two.denominator})") is (one == two)


def test_rulings_say_why() -> None:
    assert decide("x+1", "5 (or 6)") == Ruling(Verdict.UNDECIDED, "not all of the answer and the key can be read")
