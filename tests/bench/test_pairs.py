"""The pairs by which the oracle is measured are what they say: a respelling keeps the value, a near miss changes it."""

import cmath
import re
from collections import Counter
from pathlib import Path

import pytest

from pairs.latex import Gold
from pairs.near_misses import WAYS as MISSES
from pairs.near_misses import near_misses
from pairs.pairs import DATA, Pair, golds, missed, respelled
from pairs.published import published
from pairs.respell import WAYS, respell
from pairs.run import Verdicts
from pairs.table import Counts
from pairs.value import equal, value

LAYOUTS = golds("layouts")
GOLDS = [*LAYOUTS, *(golds("math500") if DATA.is_dir() else [])]
PERCENT = "percent as a decimal"  # 50% as 0.5: equal by convention, not by value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12,500", 12500),
        (r"1\frac{1}{2}", 1.5),
        (r"\frac34", 0.75),
        (r"-\frac{3}{8}", -0.375),
        (r"2\sqrt{9}+1", 7),
        (r"\sqrt[3]{8}", 2),
        ("2^{10}-2^3", 1016),
        (r"\frac{2}{1+i}", 1 - 1j),
        ("1/2/2", 0.25),
        (r"2 \cdot 3 - 4", 2),
        ("-2^2", -4),
        ("(1+2)(3)", 9),
        ("7!", None),
        ("5 cm squared", None),
        ("sqrt(2)", None),
        ("1 2", None),
        (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", None),
        ("(1,2)", None),
        ("2+", None),
    ],
)
def test_the_value_of_an_expression_is_read_wholly_or_not_at_all(text: str, expected: complex | None) -> None:
    found = value(text)
    assert found is None if expected is None else found is not None and cmath.isclose(found, expected)


def test_the_reader_of_values_agrees_with_sympy() -> None:
    """A second, independent reader: Math-Verify's, on all golds that both can read as a number."""
    from latex2sympy2_extended import latex2sympy

    compared = 0
    for gold in GOLDS:
        mine = value(gold.body) if gold.form == "scalar" else None
        names = re.search(r"[A-Za-z]", re.sub(r"\\[a-z]+", "", gold.body))
        if mine is None or names or re.search(r"\\log|\\[dt]?frac *\d|\}\d|\\sqrt\d", gold.body):  # it reads no \frac34
            continue
        assert cmath.isclose(complex(latex2sympy(gold.body).evalf()), mine, rel_tol=1e-9), gold.text  # pyright: ignore
        compared += 1
    assert compared > 60


def test_a_respelling_keeps_the_value() -> None:
    checked = Counter(
        equal(gold.body, Gold("", other).body)
        for gold in GOLDS
        if gold.kind == "math"
        for how, other in respell(gold)
        if how not in (PERCENT, "unit without quotes")
    )
    assert checked[False] == 0
    assert checked[True] > 500


def test_a_near_miss_has_another_value() -> None:
    checked = Counter(
        equal(gold.body, Gold("", other).body)
        for gold in GOLDS
        if gold.form == "scalar" and gold.kind == "math" and not gold.unit
        for _, other in near_misses(gold)
    )
    assert checked[True] == 0
    assert checked[False] > 2000


def test_there_are_forty_ways_to_respell_and_twenty_to_miss_and_each_applies() -> None:
    used = {how for gold in LAYOUTS for how, _ in respell(gold)}
    assert set().union(*WAYS.values()) - used == set()
    assert len(WAYS["math"]) > 40
    missing = {how for gold in LAYOUTS for how, _ in near_misses(gold)}
    assert set().union(*MISSES.values()) - missing == set()
    assert len(MISSES["math"]) > 20
    assert sum(len(list(near_misses(gold))) for gold in LAYOUTS) >= 20 * len(LAYOUTS)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (r"\frac{3}{4}", "scalar"),
        ("12,500", "scalar"),
        (r"12\text{ cm}", "scalar"),
        ("(1,2)", "tuple"),
        ("(1,2]", "interval"),
        (r"(2,\infty)", "interval"),
        (r"\left(\frac{1}{2},3\right)", "tuple"),
        (r"(0,1)\cup(2,3)", "union"),
        (r"\{1,2\}", "set"),
        ("1, -2", "list"),
        ("x=5", "named"),
        ("x+y=10", "relation"),
        ("x>3", "relation"),
        (r"1\pm\sqrt{2}", "pair"),
        ("101_2", "based"),
        (r"\text{no solution}", "words"),
        (r"\text{(C)}", "letter"),
        (r"1,2,\ldots,n", "sequence"),
        ("5; 10", "blanks"),
        ("x=2, y=4", "assignments"),
        ("3:45 am", "time"),
    ],
)
def test_the_form_of_a_gold(text: str, form: str) -> None:
    assert Gold("", text).form == form


@pytest.mark.parametrize(
    ("text", "how", "other"),
    [
        ("12500", "thin spaces between groups", r"12\,500"),
        ("-0.25", "decimal as a fraction", r"-\frac{1}{4}"),
        (r"\frac{3}{4}", "fraction as a decimal", "0.75"),
        (r"3+2\sqrt{2}", "terms in another order", r"2\sqrt{2} +3"),
        (r"3+2\sqrt{2}", "plain root", "3+2sqrt(2)"),
        (r"\{1,2\}", "elements in another order", r"\{2, 1\}"),
        (r"50\%", PERCENT, "0.5"),
        ("y=3x-2", "name at the end", "3x-2 = y"),
        (r"72^\circ", "degree sign", "72°"),
        ("2^{10}", "superscript", "2¹⁰"),
        ("2^{n+1}-1", "power as in Python", "2**(n+1)-1"),
    ],
)
def test_a_way_to_respell(text: str, how: str, other: str) -> None:
    assert dict(respell(Gold("", text)))[how] == other


@pytest.mark.parametrize(
    ("text", "how", "other"),
    [
        ("1024", "another digit", "1025"),
        ("1024", "two digits swapped", "1204"),
        ("a+b", "a dropped or negated term", "b"),
        (r"\frac{3}{4}", "a fraction upside down, or its parts", r"\frac{4}{3}"),
        ("x^2", "one more power", "x^{3}"),
        ("(1,2)", "an element more, less or elsewhere", "(2, 1)"),
        ("[0,1]", "another bracket, a part less", "[0, 1)"),
        (r"12\text{ cm}", "another size of unit", r"12\text{ km}"),
        ("x=7", "another name", "y = 7"),
        (r"\cos 2x", "another function", r"\tan 2x"),
        ("101_2", "another base", "101_{3}"),
    ],
)
def test_a_way_to_miss(text: str, how: str, other: str) -> None:
    assert (how, other) in near_misses(Gold("", text))


def test_a_gold_of_another_problem_is_no_pair_if_it_may_be_equal() -> None:
    found = [Gold("", text) for text in ("x=5", "5", r"5\text{ cm}", "6", "(5,6)")]
    drawn = {
        (pair.answer, pair.reply.split("boxed{")[-1][:-2]) for pair in missed(found, 5) if pair.how == "another gold"
    }
    assert all({"x=5", "5", r"5\text{ cm}"} - {key, text} for key, text in drawn)
    assert not any({"5", "x=5"} == {key, text} for key, text in drawn)


def test_each_gold_is_asked_in_several_endings() -> None:
    replies = [pair.reply for pair in respelled([Gold("", r"\frac{3}{4}")]) if pair.how.startswith("ending")]
    assert len(set(replies)) == len(replies) == 8
    assert all(r"\frac{3}{4}" in reply for reply in replies)


def test_published_cases_are_read_from_the_parameters_of_tests(tmp_path: Path) -> None:
    text = '@mark.parametrize("a, b, c", [("$1$", "one: $1$", 1), ("$1$", "$2$", False), ("$1$", f(2), 1), (1, 2, 3)])'
    (tmp_path / "test_some.py").write_text(f"{text}\ndef test_some(): ...\n")
    pairs = list(published(tmp_path))
    assert [(pair.answer, pair.reply, pair.expected) for pair in pairs] == [
        ("$1$", "one: $1$", "right"),
        ("$1$", "$2$", "not right"),
    ]


def test_what_is_counted() -> None:
    expected = ("right", "right", "right", "wrong", "not right", "not right", "not wrong")
    verdicts = ["right", "wrong", "undecided", "right", "right", "undecided", "wrong"]
    pairs = [Pair("s", "how", "math", "1", "1", each) for each in expected]
    counts = Counts.of("s", "redraft", pairs, Verdicts(verdicts, [None] * 7, [None] * 7, 2.0))
    assert (counts.pairs, counts.expected, counts.false_acceptances, counts.false_rejections) == (7, 2, 2, 2)
    assert counts.undecided == 2
    assert counts.line().endswith("| 2 | 2 (28.57%) | 2 (28.57%) | 4 |")
