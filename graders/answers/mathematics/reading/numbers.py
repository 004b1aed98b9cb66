"""Parses numbers: mixed numbers, numbers in a base, and numbers with a scale word such as "million"."""

import re
from fractions import Fraction

from redraft.graders.answers.mathematics.forms import Based, Call, Form, Number, Unread
from redraft.graders.answers.mathematics.reading.cursor import Cursor
from redraft.graders.answers.mathematics.reading.token import Token


class Numerals(Cursor):
    """Parses numbers."""

    def number(self, token: Token) -> Form:
        after = self.peek
        if token.text.isalnum() and not token.text.isdigit() and after and after.text == "_":
            return self.based(token.text)
        number = rational_of(token.text)
        if after is None:
            return number
        if after.text == "_" and number.decimals is None:
            return self.based(token.text)
        if after.kind == "words" and after.text.casefold() in SCALES:
            self.at += 1
            return Number(number.value * SCALES[after.text.casefold()])
        if after.kind == "words" and after.text.casefold() in ("percent", "pct", "percentage"):
            self.at += 1
            return Call("percent", (number,))
        if number.decimals is None and after.text == "frac":
            return self._mixed(number)
        if number.decimals is None and after.kind == "number":
            return self._mixed(number)
        return number

    def based(self, digits: str) -> Form:
        self.expect("_")
        base = self.group_or_base()
        if isinstance(base, Number) and base.value.denominator == 1 and 2 <= base.value <= 36:
            return Based(digits, int(base.value))
        raise Unread("a base is not read")

    def _mixed(self, whole: Number) -> Form:
        """Parses a mixed number, such as 7 3/4. Returns only the integer part if the fraction contains an unknown."""
        start = self.at
        if self.tokens[start].kind == "number":
            parts = self.tokens[start : start + 3]
            if len(parts) < 3 or parts[1].text != "/" or parts[2].kind != "number" or not parts[0].spaced:
                raise Unread("two numbers stand side by side")
            top, bottom = rational_of(parts[0].text), rational_of(parts[2].text)
            self.at += 3
        else:
            self.at += 1
            top, bottom = self.argument(), self.argument()
            if not (isinstance(top, Number) and isinstance(bottom, Number)):
                self.at = start
                return whole
        whole_parts = top.decimals is None and bottom.decimals is None
        if not whole_parts or bottom.value == 0 or top.value >= bottom.value:
            raise Unread("a whole number and a fraction stand side by side")
        return Number(whole.value + top.value / bottom.value)

    def digits_in_brackets(self) -> Form | None:
        """Parses a number in a base whose digits are in brackets: (52)_8. Returns None if there is none."""
        found = self.tokens[self.at : self.at + 4]
        if (
            len(found) < 4
            or [token.text for token in found[::2]] != ["(", ")"]
            or found[1].kind != "number"
            or found[3].text != "_"
        ):
            return None
        self.at += 3
        return self.based(found[1].text)


def rational_of(text: str) -> Number:
    repeated = REPEATED.match(text)
    if repeated:
        whole, digits = repeated.groups()
        places = len(whole.partition(".")[2])
        return Number(Fraction(f"0{whole}0") + Fraction(int(digits), (10 ** len(digits) - 1) * 10**places))
    text = text.rstrip(".") if text.endswith(".") else text
    places = len(text.partition(".")[2]) if "." in text and "e" not in text.casefold() else None
    return Number(Fraction(text), places)


REPEATED = re.compile(r"(\d*\.\d*)\D+(\d+)")


SCALES = {
    "dozen": 12, "dozens": 12, "hundred": 100, "hundreds": 100, "thousand": 10**3, "thousands": 10**3, "million": 10**6,
    "millions": 10**6, "billion": 10**9, "billions": 10**9, "trillion": 10**12, "trillions": 10**12,
}  # fmt: skip
