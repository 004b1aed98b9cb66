"""Converts the LaTeX in a text to MathML. The rest of the text, and every formula that cannot be parsed, remains
text."""

import re
from functools import lru_cache
from xml.etree import ElementTree

from markupsafe import Markup, escape

FORMULA = re.compile(
    r"\$\$(?P<block>.{1,2000}?)\$\$|\\\[(?P<display>.{1,2000}?)\\\]|\\\((?P<inline>.{1,2000}?)\\\)"
    r"|(?<![\\$\w])\$(?P<dollars>[^\s$](?:[^$\n]{0,2000}?[^\s$\\])?)\$(?![\d$])",
    re.DOTALL,
)
"""Matches a formula. As in Pandoc, an opening dollar sign has no space after it, and a closing dollar sign has no space
before it and no digit after it. Therefore prices such as $5 and $6 are not formulas. Formulas of more than 2,000
characters remain text."""

BARE = re.compile(
    r"(?=[^\n]*\\[a-zA-Z])"
    r"(?:\\text\{[^{}$]{0,100}\}|\\[a-zA-Z]+|[^\\$\na-zA-Z]|(?<![a-zA-Z])[a-zA-Z]{1,2}(?![a-zA-Z])){1,300}"
)
"""Matches a short text that is a formula as a whole, such as the answer key of a problem. It contains a command, and no
words."""

ELEMENTS = frozenset(
    [
        "math",
        "mrow",
        "mi",
        "mn",
        "mo",
        "ms",
        "mtext",
        "mspace",
        "mfrac",
        "msqrt",
        "mroot",
        "mstyle",
        "mpadded",
        "mphantom",
        "msub",
        "msup",
        "msubsup",
        "munder",
        "mover",
        "munderover",
        "mmultiscripts",
        "mprescripts",
        "none",
        "mtable",
        "mtr",
        "mtd",
        "menclose",
    ]
)
ATTRIBUTES = frozenset(
    [
        "display",
        "mathvariant",
        "stretchy",
        "fence",
        "separator",
        "form",
        "accent",
        "accentunder",
        "columnalign",
        "rowspacing",
        "columnspacing",
        "linethickness",
        "minsize",
        "maxsize",
        "lspace",
        "rspace",
        "width",
        "height",
        "depth",
        "notation",
        "displaystyle",
        "scriptlevel",
        "symmetric",
        "movablelimits",
    ]
)


def with_formulas(text: str | None) -> Markup:
    """Returns a text as HTML, with its formulas as MathML."""
    found, at, text = Markup(""), 0, text or ""
    if BARE.fullmatch(text):
        maths = _mathml(text, False)
        return escape(text) if maths is None or "\\" in maths else maths  # an unknown command: the text is not changed
    for match in FORMULA.finditer(text):
        block = match["block"] or match["display"]
        maths = _mathml(block or match["inline"] or match["dollars"], bool(block))
        found += escape(text[at : match.start()]) + (maths or escape(match[0]))
        at = match.end()
    return found + escape(text[at:])


@lru_cache(4096)
def _mathml(latex: str, block: bool) -> Markup | None:
    """Returns a formula as MathML, or None if it is not valid. The LaTeX may come from a model, and the library's
    output could contain links or styles. Therefore only the elements and attributes that formulas need are kept."""
    from latex2mathml import converter, exceptions

    own = [kind for kind in vars(exceptions).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    try:
        written = converter.convert(latex, display="block" if block else "inline")
        return _kept(ElementTree.fromstring(written))
    except (ElementTree.ParseError, *BROKEN, *own):
        return None


BROKEN = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RecursionError,
    StopIteration,
    TypeError,
    ValueError,
)
"""The exceptions that latex2mathml raises for LaTeX that it cannot parse, in addition to its own classes."""


def _kept(element: ElementTree.Element) -> Markup:
    tag = element.tag.rpartition("}")[2]
    inner = escape(element.text or "") + Markup("").join(_kept(child) + escape(child.tail or "") for child in element)
    if tag not in ELEMENTS:
        return inner
    facts = Markup("").join(
        Markup(' {}="{}"').format(name, value) for name, value in element.items() if name in ATTRIBUTES
    )
    return Markup("<{0}{1}>{2}</{0}>").format(tag, facts, inner)
