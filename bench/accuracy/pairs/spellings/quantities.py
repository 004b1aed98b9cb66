"""Spellings of the same number or quantity in other digits, words and units."""

import re
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

from pairs.latex import Gold
from pairs.spellings.ways import Way, degrees, grouped, number, part, percent, ratio, unit, whole


def _scientific(digits: str) -> str | None:
    bare = digits.lstrip("-")
    if "." in digits or len(bare) < 4 or bare[-1] != "0":
        return None
    first, rest = bare[0], bare[1:].rstrip("0")
    return rf"{digits[: -len(bare)]}{first}{'.' if rest else ''}{rest} \times 10^{{{len(bare) - 1}}}"


def _lowest(digits: str) -> str | None:
    value = Fraction(digits)
    sign = "-" if value < 0 else ""
    return rf"{sign}\frac{{{abs(value.numerator)}}}{{{value.denominator}}}" if value.denominator > 1 else None


def _terminating(value: Fraction, top: int, bottom: int) -> str | None:
    return f"{Decimal(top) / Decimal(bottom):f}" if (10**8 * value).denominator == 1 else None


def _decimal_percent(value: Fraction) -> str:
    return f"{Decimal(value.numerator) / Decimal(value.denominator) / 100:f}"


def _bare(gold: Gold) -> str | None:
    told = gold.unit and gold.unit["percent"]
    return gold.body if gold.form == "scalar" and gold.body != gold.text and not told else None


def _after(spelling: str) -> Way:
    """Returns a way that adds a unit to a plain non-negative number without a unit."""

    def way(gold: Gold) -> str | None:
        alone = gold.number and gold.body == gold.text and not gold.number.startswith("-")
        return spelling.replace("%s", gold.text) if alone else None

    return way


NUMBERS: Mapping[str, Way] = {
    "commas between groups": grouped(","),
    "commas in braces": grouped("{,}"),
    "commas and a negative space": grouped(r",\!"),
    "thin spaces between groups": grouped(r"\,"),
    "ties between groups": grouped("~"),
    "no-break spaces between groups": grouped("\u00a0"),
    "narrow spaces between groups": grouped("\u202f"),
    "no groups": number(str),
    "a zero after the point": whole("{}.0".format),
    "two zeros after the point": whole("{}.00".format),
    "a zero more": number(lambda digits: f"{digits}0" if "." in digits else None),
    "no zero before the point": number(lambda digits: re.sub(r"^(-?)0\.", r"\1.", digits) if "." in digits else None),
    "a zero before the point": number(lambda digits: re.sub(r"^(-?)\.", r"\g<1>0.", digits) if "." in digits else None),
    "whole number over two": whole(lambda value: rf"\frac{{{2 * value}}}{{2}}"),
    "scientific": number(_scientific),
    "decimal as a fraction": number(_lowest),
    "bold number": number(r"\mathbf{{{}}}".format),
    "roman number": number(r"\mathrm{{{}}}".format),
    "quoted number": number(r"\text{{{}}}".format),
    "slash": ratio(lambda value, top, bottom: f"{top}/{bottom}"),
    "doubled fraction": ratio(lambda value, top, bottom: rf"\frac{{{2 * top}}}{{{2 * bottom}}}"),
    "fraction as a decimal": ratio(_terminating),
    "sign in the numerator": ratio(lambda value, top, bottom: rf"\frac{{{top}}}{{{bottom}}}"),
    "slash and brackets": ratio(lambda value, top, bottom: f"({top})/({bottom})"),
    "base in braces": part("based", lambda gold: re.sub(r"_(\d+)$", r"_{\1}", gold.text)),
    "base without braces": part("based", lambda gold: re.sub(r"_\{(\d)\}$", r"_\1", gold.text)),
    "without its base": part("based", lambda gold: gold.text.split("_")[0]),
    "digits in brackets": part("based", lambda gold: re.sub(r"^(\w+?)_", r"(\1)_", gold.text)),
}
UNITS: Mapping[str, Way] = {
    "in dollars": _after(r"\$%s"),
    "dollar sign": _after("$%s"),
    "dollars in words": _after("%s dollars"),
    "euros": _after("€%s"),
    "quoted unit": _after(r"%s\text{ cm}"),
    "roman unit": _after(r"%s\,\mathrm{kg}"),
    "unit in words": _after("%s meters"),
    "counted things": _after("%s apples"),
    "without its unit": _bare,
    "unit without quotes": unit(lambda word, power: f" {word}{power}"),
    "unit in another font": unit(lambda word, power: rf"\,\mathrm{{{word}}}{power}" if " " not in word else None),
    "degree sign": degrees("°"),
    "degrees in words": degrees(" degrees"),
    "degrees quoted": degrees(r"\text{ degrees}"),
    "degrees in braces": degrees(r"^{\circ}"),
    "percent in words": percent(lambda value: f"{_decimal_percent(value * 100)} percent"),
    "percent as a decimal": percent(_decimal_percent),
    "percent left out": percent(lambda value: _decimal_percent(value * 100)),
    "percent without a backslash": percent(lambda value: f"{_decimal_percent(value * 100)}%"),
}
