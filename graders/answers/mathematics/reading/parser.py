"""Parses a whole text as one mathematical answer. Nothing is skipped: a part that can't be parsed raises Unread."""

import re
from fractions import Fraction
from functools import lru_cache

from redraft.graders.answers.mathematics.forms import (
    Call,
    Dots,
    Form,
    Listing,
    Matrix,
    Name,
    Number,
    Quantity,
    Ratio,
    Relation,
    SetOf,
    Unread,
    Words,
)
from redraft.graders.answers.mathematics.reading.expressions import Expressions
from redraft.graders.answers.mathematics.reading.functions import scalar
from redraft.graders.answers.mathematics.reading.token import Token, tokens


@lru_cache(2048)
def parse(text: str) -> Form:
    """Returns the form of a whole text. Raises Unread if the text can't be parsed completely."""
    parser = Parser(_turned(tokens(text)))
    try:
        form = parser.listing("")
    except RecursionError as error:
        raise Unread("it is nested too deeply") from error
    if parser.peek:
        raise Unread(f"{parser.peek.text!r} is left over")
    return form


def _turned(found: list[Token]) -> list[Token]:
    """Returns the tokens with an interval in the notation ]2, 5[ changed to the usual brackets: (2, 5)."""
    if len(found) > 2 and found[0].text == "]":
        found[0] = Token("open", "(", False)
    if len(found) > 2 and found[-1].text == "[":
        found[-1] = Token("close", ")", False)
    return found


class Parser(Expressions):
    """Parses answers: lists, relations, sets, matrices, words and units around expressions."""

    def listing(self, brackets: str, such_that: bool = False) -> Form:
        """Parses items and the separators between them, up to a closing bracket, a bar or colon (if `such_that`), or
        the end."""
        items: list[Form] = []
        signs: list[str] = []
        conditions = False
        while (token := self.peek) and not self._closes(token, such_that):
            if token.kind == "separator":
                self.at += 1
                if not items:
                    raise Unread(f"{token.text!r} has nothing before it")
                if len(signs) < len(items):
                    signs.append(token.text)
            elif token.kind == "condition":
                self._condition()
                conditions = True
                break
            else:
                if len(signs) < len(items):
                    raise Unread(f"{token.text!r} is left over")
                items.append(self.item())
        if len(signs) == len(items) > 0 and signs[-1] in ("and", "or"):
            raise Unread(f"{signs[-1]!r} has nothing behind it")
        if not items or (conditions and brackets):
            if brackets and not conditions:
                return Listing(brackets, ())
            raise Unread("there is nothing to read")
        if not brackets and len(items) == 1:
            return items[0]
        joined = next((sign for sign in (";", "or", "and") if sign in signs), ",")
        return Listing(brackets, tuple(items), joined)

    def item(self) -> Form:
        """Parses one side, or a chain of sides with relation signs such as "=" and "<" between them."""
        sides: list[Form | None] = []
        signs: list[str] = []
        if (token := self.peek) and token.kind == "relation":
            sides.append(None)
        else:
            sides.append(self.side())
        while (token := self.peek) and token.kind == "relation":
            self.at += 1
            signs.append(token.text)
            sides.append(self.side())
        if self._modulus():
            signs.append("mod")
            sides.append(self.union())
            self._end_of_modulus()
        if not signs:
            assert sides[0] is not None
            return sides[0]
        return Relation(tuple(sides), tuple(signs))

    def _modulus(self) -> bool:
        """Returns whether \\pmod{4} or (mod 4) follows. If so, consumes the tokens before its number."""
        following = [token.text for token in self.tokens[self.at : self.at + 2]]
        if following[:1] == ["pmod"]:
            self.at += 2 if following[1:] == ["{"] else 1
            return True
        if following == ["(", "mod"]:
            self.at += 2
            return True
        return False

    def _end_of_modulus(self) -> None:
        if (token := self.peek) and token.text in ("}", ")"):
            self.at += 1

    def side(self) -> Form:
        """Parses one value, set, matrix or text, with its unit."""
        self.unit = ""
        token = self.peek
        if token and token.kind == "dots":
            self.at += 1
            return Dots()
        if token and (token.kind == "words" or self._is_article(token)):
            return self._label()
        form = self._ratio(self.over())
        unit = self.unit
        self.unit = ""
        found = self._unit_after()
        if found or unit:
            if not isinstance(form, Number | Name | Call):
                if isinstance(form, Ratio) and found.replace(".", "").replace(" ", "").casefold() in ("am", "pm"):
                    return Ratio(form.parts, found.replace(".", "").replace(" ", "").casefold())
                raise Unread(f"{found or unit!r} is no unit here")
            return Quantity(form, f"{unit} {found}".strip())
        return form

    def _is_article(self, token: Token) -> bool:
        following = self.tokens[self.at + 1 : self.at + 2]
        return token.text in ("a", "A") and bool(following) and following[0].kind == "words" and following[0].spaced

    def _closes(self, token: Token, such_that: bool) -> bool:
        return token.kind in ("close", "end") or (such_that and token.text in ("|", ":"))

    def bracketed(self, opening: str) -> Form:
        self.enter()
        bars, in_set = self.bars, self.in_set
        self.bars, self.in_set = 0, opening in ("{", "{{")
        form = self._inside(opening)
        self.bars, self.in_set = bars, in_set
        self.depth -= 1
        return form

    def _inside(self, opening: str) -> Form:
        if opening in ("⌊", "⌈"):
            form = scalar(self.union())
            self.expect("⌋" if opening == "⌊" else "⌉")
            return Call("floor" if opening == "⌊" else "ceil", (form,))
        is_set = opening in ("{", "{{")
        is_set = is_set and not (self.peek and self.peek.text == "|" and opening == "{")
        self.in_set = is_set
        form = self.listing(opening, such_that=is_set)
        assert isinstance(form, Listing)
        token = self.peek
        if is_set and token and token.text in ("|", ":"):
            return self._set_of(form)
        if token is None or token.kind != "close":
            raise Unread("a bracket is not closed")
        self.at += 1
        if opening == "{" and len(form.items) == 1:
            return form.items[0]
        closings = {"(": ")]", "[": "])", "{": "}", "{{": ("}}",), "⟨": "⟩>"}[opening]
        if token.text not in closings:
            raise Unread("brackets do not match")
        if (
            len(form.items) == 1
            and opening + token.text in ("()", "[]")
            and isinstance(form.items[0], Number | Name | Call)
        ):
            return form.items[0]
        brackets = {"{": "{", "{{": "{", "⟨": "("}.get(opening, opening) + {"}}": "}", "⟩": ")", ">": ")"}.get(
            token.text, token.text
        )
        return Listing(brackets, form.items, form.joined)

    def _set_of(self, elements: Listing) -> Form:
        self.at += 1
        conditions = self.listing("set")
        self.at += 1 if self.peek and self.peek.text in ("}", "}}") else 0
        if len(elements.items) != 1 or not isinstance(conditions, Listing):
            raise Unread("a set is not read")
        return SetOf(elements.items[0], conditions.items)

    def environment(self, name: str) -> Form:
        if name.rstrip("*") in ("pmatrix", "bmatrix", "matrix", "array", "smallmatrix", "Bmatrix"):
            rows: list[list[Form]] = [[]]
            while (token := self.peek) and token.kind != "end":
                if token.text == r"\\":
                    self.at += 1
                    rows.append([])
                elif token.text == "&":
                    self.at += 1
                else:
                    rows[-1].append(self.item())
            self.at += 1
            kept = tuple(tuple(row) for row in rows if row)
            if len({len(row) for row in kept}) != 1:
                raise Unread("the rows of a matrix differ in length")
            return Matrix(kept)
        if name.rstrip("*") in ("cases", "aligned", "align", "gathered", "equation"):
            self.tokens = [token for token in self.tokens if token.text != "&" or name == "cases"]
            form = self.listing("")
            if not self.peek or self.peek.kind != "end":
                raise Unread(f"the end of {name} is missing")
            self.at += 1
            return form
        raise Unread(f"{name} is not read")

    def _label(self) -> Form:
        """Parses words. If "=" or ":" follows them, they are a label of the value after it; otherwise they are an
        answer."""
        words = []
        while (token := self.peek) and (token.kind in ("words", "name") or token.text == "∠"):
            words.append(token.text)
            self.at += 1
        after = self.peek
        if after and after.text == ":" and " ".join(words).casefold() in LABELS:
            self.at += 1
            return self.side()
        text = " ".join(words).casefold()
        if after and text in ABOUT:
            return self.side()
        if after and after.kind == "number" and text in ("negative", "minus"):
            return Call("neg", (scalar(self.side()),))
        return _spoken(" ".join(" ".join(words).casefold().split()))

    def _ratio(self, form: Form) -> Form:
        parts = [form]
        while (token := self.peek) and token.text == ":" and not self.in_set:
            self.at += 1
            parts.append(self.union())
        return form if len(parts) == 1 else Ratio(tuple(parts))

    def _unit_after(self) -> str:
        """Parses the unit after a value, up to the end of the side, and returns it as text. Returns "" if there is no
        unit."""
        parts: list[str] = []
        while token := self.peek:
            if token.kind in ("words", "currency") or (parts and token.kind == "name"):
                parts.append(token.text)
            elif parts and token.text in ("/", "^") and self.at + 1 < len(self.tokens):
                following = self.tokens[self.at + 1]
                if following.text == "{":
                    following = self.tokens[min(self.at + 2, len(self.tokens) - 1)]
                    self.at += 2
                parts.append(token.text + following.text)
                self.at += 1
            elif parts and token.text in ("'", "."):
                pass
            else:
                break
            self.at += 1
        return " ".join(parts).replace(" /", "/").replace(" ^", "^")

    def _condition(self) -> None:
        """Parses a condition after the answer, such as "for x ≠ 2", and discards it. It must be a relation."""
        self.at += 1
        rest = self.tokens[self.at :]
        parts: list[list[Token]] = [[]]
        for token in rest:
            parts.append([]) if token.kind == "separator" else parts[-1].append(token)
        every = all(any(token.kind == "relation" for token in part) for part in parts)
        if not every and [token.text for token in rest][:1] != ["all"]:
            raise Unread("a condition is not read")
        self.at = len(self.tokens)


def _spoken(text: str) -> Form:
    """Returns the number that words name ("three", "negative five", "one half"), or the words themselves if they name
    none."""
    sign, _, rest = text.partition(" ")
    if sign in ("negative", "minus"):
        value = _spoken(rest)
        return Number(-value.value) if isinstance(value, Number) else Words(text)
    if text in NUMBER_WORDS:
        return Number(Fraction(NUMBER_WORDS.index(text)))
    return Number(PARTS[text]) if text in PARTS else Words(text)


NUMBER_WORDS = tuple(
    re.findall(
        r"\w+",
        """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
        seventeen eighteen nineteen twenty""",
    )
)


PARTS = {
    "half": Fraction(1, 2), "one half": Fraction(1, 2), "one third": Fraction(1, 3), "two thirds": Fraction(2, 3),
    "one quarter": Fraction(1, 4), "one fourth": Fraction(1, 4), "three quarters": Fraction(3, 4),
    "three fourths": Fraction(3, 4), "one fifth": Fraction(1, 5),
}  # fmt: skip
LABELS = ("answer", "final answer", "the answer", "result", "solution")


ABOUT = ("about", "approximately", "exactly", "around", "roughly")
