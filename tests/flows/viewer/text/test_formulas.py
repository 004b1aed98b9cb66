"""LaTeX as MathML, and nothing else."""

import html
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import escape

from redraft.flows.viewer.text.formulas import ATTRIBUTES, ELEMENTS, with_formulas

PIECES = st.lists(
    st.sampled_from(
        [
            "$", "$$", r"\(", r"\)", r"\[", r"\]", "{", "}", "^", "_", "&", r"\\", r"\frac", r"\sqrt", r"\left(",
            r"\right)", r"\begin{matrix}", r"\end{matrix}", r"\text", r"\href", r"\style", r"\color", "<script>", "x",
            "1", " ", "\n", r"\boxed", r"\over", "%", '"', "javascript:alert(1)",
        ]
    ),
    max_size=25,
).map("".join)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (r"So $x^2$.", "So <math display=\"inline\"><mrow><msup><mi>x</mi><mn>2</mn></msup></mrow></math>."),
        (
            r"\(\frac{1}{2}\)",
            '<math display="inline"><mrow><mfrac><mrow><mn>1</mn></mrow><mrow><mn>2</mn></mrow></mfrac></mrow></math>',
        ),
        (r"\[a\]", '<math display="block"><mrow><mi>a</mi></mrow></math>'),
        (r"$$a$$", '<math display="block"><mrow><mi>a</mi></mrow></math>'),
    ],
)  # fmt: skip
def test_formulas_become_mathml(text: str, shown: str) -> None:
    assert with_formulas(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "It costs $5 and then $6.",
        "From $5-$6 a day",
        "a $ b $ c",
        r"\$5$ and more",
        "US$5 or CA$7",
        r"$\frac{$",
        "$" + "x" * 3000 + "$",
        "$x\ny$",
        "5 < 6 & 7 > 6",
        "",
    ],
)
def test_what_is_no_formula_stays_text(text: str) -> None:
    assert with_formulas(text) == html.escape(text, quote=True).replace("&#x27;", "&#39;")


@pytest.mark.parametrize(
    "text",
    [
        r"$\href{javascript:alert(1)}{x}$",
        r"$\text{<script>alert(1)</script>}$",
        r"$\text{<img src=x onerror=alert(1)>}$",
        r"$\style{background:url(//x)}{x}$",
        r"$\class{top}{x}$",
        r"$\color{red}x$",
        r"$\text{</math><script>alert(1)</script>}$",
    ],
)
def test_what_the_library_would_make_of_a_models_latex_is_left_out(text: str) -> None:
    _check(with_formulas(text))


@settings(max_examples=300, deadline=None)
@given(PIECES)
def test_whatever_a_model_writes_is_text_and_mathml(text: str) -> None:
    _check(with_formulas(text))


def _check(shown: str) -> None:
    """Only the elements and attributes of formulas are there, and all of them are closed."""
    root = ElementTree.fromstring(f"<p>{shown}</p>")
    for element in list(root.iter())[1:]:
        assert element.tag in ELEMENTS
        assert set(element.keys()) <= ATTRIBUTES


def test_nothing_is_lost_around_formulas() -> None:
    assert re.sub("<[^>]*>", "", with_formulas("a $b$ c \\(d\\) e")) == "a b c d e"


def test_none_is_empty() -> None:
    assert with_formulas(None) == ""


@pytest.mark.parametrize("text", [r"\frac{7}{2}", r"3\sqrt{2}", r"\left(3, \frac{\pi}{2}\right)", r"x^2 \text{ cm}"])
def test_a_key_that_is_a_formula_as_a_whole_needs_no_dollars(text: str) -> None:
    assert with_formulas(text).startswith("<math")


@pytest.mark.parametrize("text", [r"C:\new\folder", r"Use \frac for halves", "a line\\n more", "12", "$5 \\cdot 2"])
def test_a_text_with_words_is_no_formula(text: str) -> None:
    assert with_formulas(text) == escape(text)
