"""Spellings of the same mathematics in other LaTeX: delimiters, spaces, brackets, fractions, roots, signs."""

import re
from collections.abc import Mapping

from pairs.latex import POWER
from pairs.spellings.ways import Way, around, fractions, roots, swap, typeset, unless


def _sized(opening: str, closing: str) -> Way:
    def change(text: str) -> str:
        text = re.sub(r"\\(?:left|right)(?![a-z])\s*", "", text)
        return re.sub(r"(?<!\\)[)\]]", rf"{closing}\g<0>", re.sub(r"(?<!\\)[(\[]", rf"{opening}\g<0>", text))

    way = typeset(change)
    return lambda gold: (
        None
        if r"\sqrt[" in gold.text
        or gold.text.count("(") + gold.text.count("[") != gold.text.count(")") + gold.text.count("]")
        else way(gold)
    )


WIDE = str.maketrans({chr(code): chr(code + 0xFEE0) for code in (*range(0x30, 0x3A), *map(ord, "+-(),"))})
SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
NO_PRODUCT = r"\\(?:sin|cos|tan|cot|ln|log)(?![a-z])|_"
PRODUCT = r"(?<=\d)\s*(?=\\(?:pi|sqrt)(?![A-Za-z])|[A-Za-z](?![A-Za-z]))"
SIGN = r"(?<=[\w})])\s*([+=-])\s*(?=[\w\\({])"


WRAPS: Mapping[str, Way] = {
    "dollars": unless(r"(?<!\\)\$", around("$%s$")),
    "double dollars": unless(r"(?<!\\)\$", around("$$%s$$")),
    "round delimiters": unless(r"(?<!\\)\$", around(r"\(%s\)")),
    "square delimiters": unless(r"(?<!\\)\$", around(r"\[%s\]")),
    "bold": unless(r"(?<!\\)\$", around("**$%s$**")),
    "full stop": around("%s."),
    "spaces around": around(" %s "),
    "display style": around(r"\displaystyle %s"),
    "braces around": unless(r",|(?<![\\A-Za-z])[A-Za-z]{2}", around("{%s}", "scalar")),
}
TYPESETTING: Mapping[str, Way] = {
    "spaces around signs": swap(SIGN, r" \1 "),
    "thin spaces around signs": swap(SIGN, r"\\,\1\\,"),
    "no spaces": unless(r"\\log_|\\\\", swap(r"(?<![A-Za-z])\s+(?!\\frac)|\s+(?![A-Za-z])", "")),
    "sized brackets": _sized(r"\\left", r"\\right"),
    "big brackets": _sized(r"\\bigl", r"\\bigr"),
    "unsized brackets": swap(r"\\(?:left|right)(?![a-z])\s*", ""),
    "dfrac": swap(r"\\[tc]?frac", r"\\dfrac"),
    "tfrac": swap(r"\\[dc]?frac", r"\\tfrac"),
    "frac in braces": fractions(r"\frac{TOP}{BOTTOM}"),
    "over": fractions(r"{TOP \over BOTTOM}"),
    "fraction with a slash": fractions("((TOP)/(BOTTOM))"),
    "short frac": swap(r"\\[dtc]?frac\{(\d)\}\{(\d)\}", r"\\frac\1\2"),
    "plain root": unless(r"[a-z]\s*\\sqrt", roots("sqrt(RADICAND)")),
    "root sign": roots("√(RADICAND)"),
    "power of a half": roots("(RADICAND)^{1/2}"),
    "pi as a letter": swap(r"\\pi(?![A-Za-z])", "π"),
    "pi as a word": swap(r"\\pi(?![A-Za-z])", " pi "),
    "power in braces": swap(r"\^(\w)", r"^{\1}"),
    "power without braces": swap(r"\^\{(\w)\}", r"^\1"),
    "superscript": swap(POWER, lambda match: (match[1] or match[2]).translate(SUPERSCRIPTS)),
    "power as in Python": unless(
        r"\\(?:text|mbox)|[ckm]m\b",
        swap(r"\^(?:\{([^{}\\]+)\}|(\w))", lambda match: f"**({match[1]})" if match[1] else f"**{match[2]}"),
    ),
    "dot for a product": unless(NO_PRODUCT, swap(PRODUCT, r" \\cdot ")),
    "cross for a product": unless(NO_PRODUCT, swap(PRODUCT, r" \\times ")),
    "star for a product": unless(NO_PRODUCT, swap(PRODUCT, "*")),
    "minus sign": swap("-", "−"),
    "dash at the start": swap(r"(?<![\w})\s])-|^-", "–"),
    "wide characters": lambda gold: (
        gold.text.translate(WIDE) if re.fullmatch(r"[-\d,()+]+", gold.text) and gold.form != "list" else None
    ),
    "infinity sign": swap(r"\\infty", "∞"),
    "infinity as a word": swap(r"\\infty", "infinity"),
    "plus infinity": swap(r"(?<!-)\\infty", r"+\\infty"),
    "plus or minus sign": swap(r"\\pm(?![a-z])", "±"),
    "element sign": swap(r"\\in(?![a-z])", "∈"),
}
