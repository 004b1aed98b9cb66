"""Reads the whole of a text as one mathematical answer. What is not understood is not skipped: it raises Unread."""

import re
from fractions import Fraction
from functools import lru_cache

from redraft.graders.answers.mathematics.forms import (
    Based,
    Call,
    Dots,
    Expression,
    Form,
    Listing,
    Matrix,
    Name,
    Number,
    Quantity,
    Ratio,
    Relation,
    SetOf,
    Union,
    Unread,
    Words,
)
from redraft.graders.answers.mathematics.tokens import Token, tokens


@lru_cache(2048)
def parse(text: str) -> Form:
    """The answer that a text is, all of it. Raises Unread."""
    parser = _Parser(_turned(tokens(text)))
    try:
        form = parser.listing("")
    except RecursionError as error:
        raise Unread("it is nested too deeply") from error
    if parser.peek:
        raise Unread(f"{parser.peek.text!r} is left over")
    return form


def _turned(found: list[Token]) -> list[Token]:
    """The tokens of an interval with the brackets of ]2, 5[ as (2, 5)."""
    if len(found) > 2 and found[0].text == "]":
        found[0] = Token("open", "(", False)
    if len(found) > 2 and found[-1].text == "[":
        found[-1] = Token("close", ")", False)
    return found


class _Parser:
    """Recursive descent. Each method reads what its name says and leaves what follows."""

    def __init__(self, found: list[Token]) -> None:
        self._tokens = found
        self._at = 0
        self._depth = 0
        self._bars = 0  # open bars of absolute values
        self._in_set = False  # where a colon says "such that"
        self._unit = ""  # the currency that was read with a number of this side

    @property
    def peek(self) -> Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def listing(self, brackets: str, such_that: bool = False) -> Form:
        """Items apart by separators, until a closing bracket, a bar (if `such_that`) or the end."""
        items: list[Form] = []
        signs: list[str] = []
        conditions = False
        while (token := self.peek) and not self._closes(token, such_that):
            if token.kind == "separator":
                self._at += 1
                if items and len(signs) < len(items):
                    signs.append(token.text)
            elif token.kind == "condition":
                self._condition()
                conditions = True
                break
            else:
                if len(signs) < len(items):
                    raise Unread(f"{token.text!r} is left over")
                items.append(self.item())
        if not items or (conditions and brackets):
            if brackets and not conditions:
                return Listing(brackets, ())
            raise Unread("there is nothing to read")
        if not brackets and len(items) == 1:
            return items[0]
        joined = next((sign for sign in (";", "or", "and") if sign in signs), ",")
        return Listing(brackets, tuple(items), joined)

    def item(self) -> Form:
        """One side, or a chain of sides with signs between them."""
        sides: list[Form | None] = []
        signs: list[str] = []
        if (token := self.peek) and token.kind == "relation":
            sides.append(None)
        else:
            sides.append(self.side())
        while (token := self.peek) and token.kind == "relation":
            self._at += 1
            signs.append(token.text)
            sides.append(self.side())
        if not signs:
            assert sides[0] is not None
            return sides[0]
        return Relation(tuple(sides), tuple(signs))

    def side(self) -> Form:
        """One value, set, matrix or text, with its unit."""
        self._unit = ""
        token = self.peek
        if token and token.kind == "dots":
            self._at += 1
            return Dots()
        if token and (token.kind == "words" or self._is_article(token)):
            return self._label()
        form = self._ratio(self.union())
        unit = self._unit
        self._unit = ""
        found = self._unit_after()
        if found or unit:
            if not isinstance(form, Number | Name | Call):
                if isinstance(form, Ratio) and found.replace(".", "").replace(" ", "").casefold() in ("am", "pm"):
                    return Ratio(form.parts, found.replace(".", "").replace(" ", "").casefold())
                raise Unread(f"{found or unit!r} is no unit here")
            return Quantity(form, f"{unit} {found}".strip())
        return form

    def _is_article(self, token: Token) -> bool:
        following = self._tokens[self._at + 1 : self._at + 2]
        return token.text in ("a", "A") and bool(following) and following[0].kind == "words" and following[0].spaced

    def union(self) -> Form:
        form = self.sum()
        while (token := self.peek) and token.text in ("∪", "∩", "∖"):
            self._at += 1
            form = Union(token.text, form, self.sum())
        return form

    def sum(self) -> Form:
        self._enter()
        form: Form | None = None
        sign = self._sign()
        form = self.product()
        if sign != "+":
            form = Call("neg" if sign == "-" else sign, (_scalar(form),))
        while (token := self.peek) and token.text in ("+", "-", "±", "∓"):
            self._at += 1
            other = self.product(signed=True)
            form = Call(token.text, (_scalar(form), _scalar(other)))
        if (token := self.peek) and token.text == "mod":
            self._at += 1
            form = Call("mod", (_scalar(form), _scalar(self.product(signed=True))))
        self._depth -= 1
        return form

    def product(self, signed: bool = False) -> Form:
        form = self._signed_power() if signed else self.power()
        while token := self.peek:
            if token.text in ("*", "/") and token.kind == "operator":
                self._at += 1
                form = Call(token.text, (_scalar(form), _scalar(self._signed_power())))
            elif self._continues(token):
                form = Call("*", (_scalar(form), _scalar(self.power())))
            else:
                break
        return form

    def _digits_in_brackets(self) -> Form | None:
        """A number in a base whose digits stand in brackets: (52)_8."""
        found = self._tokens[self._at : self._at + 4]
        if (
            len(found) < 4
            or [token.text for token in found[::2]] != ["(", ")"]
            or found[1].kind != "number"
            or found[3].text != "_"
        ):
            return None
        self._at += 3
        return self._based(found[1].text)

    def power(self) -> Form:
        """A base with what is written behind it: an exponent, a factorial, per cent, degrees."""
        form = self._digits_in_brackets() or self.base()
        while token := self.peek:
            if token.text == "^":
                self._at += 1
                form = self._raised(form)
            elif token.text == "!":
                self._at += 1
                form = Call("!", (_scalar(form),))
            elif token.text == "%" or token.text == "°":
                self._at += 1
                form = Call("percent" if token.text == "%" else "degree", (_scalar(form),))
                self._temperature()
            elif token.text == "'" and isinstance(form, Name):
                self._at += 1
                form = Name(form.name + "'")
            else:
                break
        return form

    def base(self) -> Form:
        token = self.peek
        if token is None:
            raise Unread("something is missing at the end")
        self._at += 1
        if token.kind == "number":
            return self._number(token)
        if token.kind == "name":
            return self._named(token)
        if token.kind == "currency":
            if self._unit:
                raise Unread("there are two currencies")
            self._unit = token.text
            return self.base()
        if token.kind == "function":
            return self._applied(token.text)
        if token.kind == "command":
            return self._command(token.text)
        if token.text == "{" and self._has_over():
            return self._group("}")
        if token.kind == "open":
            return self._bracketed(token.text)
        if token.kind == "begin":
            return self._environment(token.text)
        if token.text in ("|", "‖"):
            return self._absolute(token.text)
        if token.text == "∠":
            return self.power()
        raise Unread(f"{token.text!r} is not expected here")

    def _has_over(self) -> bool:
        """Whether a group that was opened is {a \\over b} or {n \\choose k}."""
        depth = 0
        for token in self._tokens[self._at :]:
            depth += {"{": 1, "}": -1}.get(token.text, 0)
            if depth < 0:
                return False
            if depth == 0 and token.text in ("over", "choose"):
                return True
        return False

    def _sign(self) -> str:
        sign = "+"
        while (token := self.peek) and token.text in ("+", "-", "±", "∓"):
            self._at += 1
            if token.text == "-" and sign in "+-":
                sign = "-" if sign == "+" else "+"
            elif token.text != "+":
                if sign != "+":
                    raise Unread("there are too many signs")
                sign = token.text
        return sign

    def _signed_power(self) -> Form:
        sign = self._sign()
        form = self.power()
        if sign == "+":
            return form
        return Call("neg" if sign == "-" else sign, (_scalar(form),))

    def _continues(self, token: Token) -> bool:
        """Whether a token goes on with a product that has no sign."""
        if token.kind in ("name", "function", "command", "begin"):
            return token.text != "pmod"
        if token.text in ("|", "‖"):
            return self._bars == 0 and self._closing_bar(token.text)
        return token.kind == "open"

    def _closing_bar(self, bar: str) -> bool:
        return any(token.text == bar for token in self._tokens[self._at + 1 :])

    def _closes(self, token: Token, such_that: bool) -> bool:
        return token.kind in ("close", "end") or (such_that and token.text in ("|", ":"))

    def _enter(self) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise Unread("it is nested too deeply")

    def _number(self, token: Token) -> Form:
        after = self.peek
        if token.text.isalnum() and not token.text.isdigit() and after and after.text == "_":
            return self._based(token.text)
        number = _rational(token.text)
        if after is None:
            return number
        if after.text == "_" and number.decimals is None:
            return self._based(token.text)
        if after.kind == "words" and after.text.casefold() in SCALES:
            self._at += 1
            return Number(number.value * SCALES[after.text.casefold()])
        if after.kind == "words" and after.text.casefold() in ("percent", "pct"):
            self._at += 1
            return Call("percent", (number,))
        if number.decimals is None and after.text == "frac":
            return self._mixed(number)
        if number.decimals is None and after.kind == "number":
            return self._mixed(number)
        return number

    def _based(self, digits: str) -> Form:
        self._expect("_")
        base = self._group_or_base()
        if isinstance(base, Number) and base.value.denominator == 1 and 2 <= base.value <= 36:
            return Based(digits, int(base.value))
        raise Unread("a base is not read")

    def _mixed(self, whole: Number) -> Form:
        """A mixed number, such as 7 3/4, or the number alone if an unknown stands in the fraction."""
        start = self._at
        if self._tokens[start].kind == "number":
            parts = self._tokens[start : start + 3]
            if len(parts) < 3 or parts[1].text != "/" or parts[2].kind != "number" or not parts[0].spaced:
                raise Unread("two numbers stand side by side")
            top, bottom = _rational(parts[0].text), _rational(parts[2].text)
            self._at += 3
        else:
            self._at += 1
            top, bottom = self._argument(), self._argument()
            if not (isinstance(top, Number) and isinstance(bottom, Number)):
                self._at = start
                return whole
        whole_parts = top.decimals is None and bottom.decimals is None
        if not whole_parts or bottom.value == 0 or top.value >= bottom.value:
            raise Unread("a whole number and a fraction stand side by side")
        return Number(whole.value + top.value / bottom.value)

    def _named(self, token: Token) -> Form:
        name = token.text
        after = self.peek
        if after and after.text == "_":
            self._at += 1
            name = f"{name}_{self._subscript()}"
        elif after and after.kind == "number" and not after.spaced and after.text.isdigit() and len(name) == 1:
            self._at += 1
            name = f"{name}_{after.text}"
        after = self.peek
        if after and after.text == "(" and name in ("C", "f", "g", "h", "F", "G", "P", "Q", "p", "q"):
            mark = self._at
            self._at += 1
            inside = self._bracketed("(")
            if isinstance(inside, Listing) and inside.brackets == "()":
                arguments = tuple(_scalar(item) for item in inside.items)
                return Call("binom" if name == "C" and len(arguments) == 2 else f"{name}()", arguments)
            if name in ("f", "g", "h", "F", "G", "P") and isinstance(inside, Number | Name | Call):
                return Call(f"{name}()", (inside,))
            self._at = mark
        return Name(name)

    def _subscript(self) -> str:
        token = self.peek
        if token is None:
            raise Unread("a subscript is missing")
        self._at += 1
        if token.text != "{":
            return token.text
        text = ""
        while (token := self.peek) and token.text != "}":
            text += token.text
            self._at += 1
        self._expect("}")
        return text

    def _raised(self, form: Form) -> Form:
        token = self.peek
        if token and token.text == "°":
            self._at += 1
            self._temperature()
            return Call("degree", (_scalar(form),))
        if token and token.text == "{":
            inside = self._tokens[self._at + 1 : self._at + 3]
            if len(inside) == 2 and inside[0].text in ("°", "'") and inside[1].text == "}":
                self._at += 3
                self._temperature()
                return Call("degree", (_scalar(form),)) if inside[0].text == "°" else form
        sign = self._sign()
        exponent = _scalar(self._group_or_base())
        if (token := self.peek) and token.text == "^":
            self._at += 1
            exponent = _scalar(self._raised(exponent))
        if (token := self.peek) and token.text == "!":
            self._at += 1
            exponent = Call("!", (exponent,))
        return Call("^", (_scalar(form), exponent if sign == "+" else Call("neg", (exponent,))))

    def _temperature(self) -> None:
        """The letter of a temperature, as in 13 °C."""
        if (token := self.peek) and token.kind == "name" and token.text in ("C", "F"):
            self._at += 1
            self._unit = f"°{token.text}"

    def _group_or_base(self) -> Form:
        token = self.peek
        if token and token.kind == "number":
            self._at += 1
            return _rational(token.text)
        if token and token.text == "{":
            self._at += 1
            return self._group("}")
        return self.base()

    def _group(self, closing: str) -> Form:
        bars, self._bars = self._bars, 0
        form = self.union()
        if (token := self.peek) and token.text in ("over", "choose"):
            self._at += 1
            form = Call("/" if token.text == "over" else "binom", (_scalar(form), _scalar(self.union())))
        self._expect(closing)
        self._bars = bars
        return form

    def _argument(self) -> Form:
        """The argument of a command: a group, one digit or one sign."""
        token = self.peek
        if token and token.kind == "number" and len(token.text) > 1 and token.text.isdigit():
            self._tokens[self._at] = Token("number", token.text[1:], False)
            return Number(Fraction(token.text[0]))
        if token and token.text == "-":
            raise Unread("a sign is no argument")
        return self._group_or_base()

    def _expect(self, text: str) -> None:
        if not self.peek or self.peek.text != text:
            raise Unread(f"{text!r} is missing")
        self._at += 1

    def _applied(self, function: str) -> Form:
        """A function with its power, base and argument: sin^2 x, log_2 8, sin 2x, max(a, b)."""
        power = base = None
        while (token := self.peek) and token.text in ("^", "_"):
            self._at += 1
            if token.text == "^":
                sign = self._sign()
                power = _scalar(self._group_or_base())
                power = Call("neg", (power,)) if sign == "-" else power
            else:
                base = _scalar(self._group_or_base())
        token = self.peek
        if token and token.text in ("(", "["):
            self._at += 1
            inside = self._bracketed(token.text)
            arguments = inside.items if isinstance(inside, Listing) else (inside,)
        elif token and token.text == "{":
            arguments = (self._group_or_base(),)
        else:
            arguments = (self._bare_argument(),)
        values = tuple(_scalar(argument) for argument in arguments)
        if (function in SEVERAL) != (len(values) > 1):
            raise Unread(f"{function} has {len(values)} arguments")
        if base is not None and function not in ("log", "ln"):
            raise Unread(f"{function} has no base")
        if power == Call("neg", (Number(Fraction(1)),)):
            return Call(f"arc{function}", values)
        form = Call(function, (*values, base) if base is not None else values)
        return form if power is None else Call("^", (form, power))

    def _bare_argument(self) -> Expression:
        """The argument of a function without brackets: the factors up to the next sign or function."""
        form = _scalar(self._signed_power())
        while (token := self.peek) and self._continues(token) and token.kind != "function" and token.text != "(":
            form = Call("*", (form, _scalar(self.power())))
        return form

    def _command(self, name: str) -> Form:
        if name == "frac":
            return Call("/", (_scalar(self._argument()), _scalar(self._argument())))
        if name == "binom":
            return Call("binom", (_scalar(self._argument()), _scalar(self._argument())))
        if name == "cbrt":
            return Call("root", (_scalar(self._root_argument()), Number(Fraction(3))))
        if name == "sqrt":
            if self.peek and self.peek.text == "[":
                self._at += 1
                degree = _scalar(self._group("]"))
                return Call("root", (_scalar(self._root_argument()), degree))
            return Call("sqrt", (_scalar(self._root_argument()),))
        raise Unread(f"{name} is not expected here")

    def _root_argument(self) -> Form:
        if self.peek and self.peek.kind == "operator" and self.peek.text in "+-":
            raise Unread("a root of a sign")
        return self._group_or_base()

    def _bracketed(self, opening: str) -> Form:
        self._enter()
        bars, in_set = self._bars, self._in_set
        self._bars, self._in_set = 0, opening in ("{", "{{")
        form = self._inside(opening)
        self._bars, self._in_set = bars, in_set
        self._depth -= 1
        return form

    def _inside(self, opening: str) -> Form:
        if opening in ("⌊", "⌈"):
            form = _scalar(self.union())
            self._expect("⌋" if opening == "⌊" else "⌉")
            return Call("floor" if opening == "⌊" else "ceil", (form,))
        is_set = opening in ("{", "{{")
        form = self.listing(opening, such_that=is_set)
        assert isinstance(form, Listing)
        token = self.peek
        if is_set and token and token.text in ("|", ":"):
            return self._set_of(form)
        if token is None or token.kind != "close":
            raise Unread("a bracket is not closed")
        self._at += 1
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
        self._at += 1
        conditions = self.listing("set")
        self._at += 1 if self.peek and self.peek.text in ("}", "}}") else 0
        if len(elements.items) != 1 or not isinstance(conditions, Listing):
            raise Unread("a set is not read")
        return SetOf(elements.items[0], conditions.items)

    def _absolute(self, bar: str) -> Form:
        self._bars += 1
        form = self.sum()
        self._expect(bar)
        self._bars -= 1
        return Call("abs", (_scalar(form),))

    def _environment(self, name: str) -> Form:
        if name.rstrip("*") in ("pmatrix", "bmatrix", "matrix", "array", "smallmatrix", "Bmatrix"):
            rows: list[list[Form]] = [[]]
            while (token := self.peek) and token.kind != "end":
                if token.text == r"\\":
                    self._at += 1
                    rows.append([])
                elif token.text == "&":
                    self._at += 1
                else:
                    rows[-1].append(self.item())
            self._at += 1
            kept = tuple(tuple(row) for row in rows if row)
            if len({len(row) for row in kept}) != 1:
                raise Unread("the rows of a matrix differ in length")
            return Matrix(kept)
        if name.rstrip("*") in ("cases", "aligned", "align", "gathered", "equation"):
            self._tokens = [token for token in self._tokens if token.text != "&" or name == "cases"]
            form = self.listing("")
            if not self.peek or self.peek.kind != "end":
                raise Unread(f"the end of {name} is missing")
            self._at += 1
            return form
        raise Unread(f"{name} is not read")

    def _label(self) -> Form:
        """Words: alone an answer, before "=" or ":" a name for what follows."""
        words = []
        while (token := self.peek) and (token.kind in ("words", "name") or token.text == "∠"):
            words.append(token.text)
            self._at += 1
        after = self.peek
        if after and after.text == ":" and " ".join(words).casefold() in LABELS:
            self._at += 1
            return self.side()
        if " ".join(words).casefold() in ABOUT and after:
            return self.side()
        text = " ".join(" ".join(words).casefold().split())
        return Number(Fraction(NUMBER_WORDS.index(text))) if text in NUMBER_WORDS else Words(text)

    def _ratio(self, form: Form) -> Form:
        parts = [form]
        while (token := self.peek) and token.text == ":" and not self._in_set:
            self._at += 1
            parts.append(self.union())
        return form if len(parts) == 1 else Ratio(tuple(parts))

    def _unit_after(self) -> str:
        """The unit that follows a value, as text, to the end of the side; empty for none."""
        parts: list[str] = []
        while token := self.peek:
            if token.kind in ("words", "currency") or (parts and token.kind == "name"):
                parts.append(token.text)
            elif parts and token.text in ("/", "^") and self._at + 1 < len(self._tokens):
                following = self._tokens[self._at + 1]
                if following.text == "{":
                    following = self._tokens[min(self._at + 2, len(self._tokens) - 1)]
                    self._at += 2
                parts.append(token.text + following.text)
                self._at += 1
            elif parts and token.text in ("'", "."):
                pass
            else:
                break
            self._at += 1
        return " ".join(parts).replace(" /", "/").replace(" ^", "^")

    def _condition(self) -> None:
        """A condition behind the answer, such as "for x ≠ 2": it has to be a relation, and is left out."""
        self._at += 1
        rest = self._tokens[self._at :]
        if not any(token.kind == "relation" for token in rest) and [t.text for t in rest][:1] != ["all"]:
            raise Unread("a condition is not read")
        self._at = len(self._tokens)


def _scalar(form: Form) -> Expression:
    if isinstance(form, Number | Name | Call):
        return form
    raise Unread("a list, a set or words stand where a value should")


def _rational(text: str) -> Number:
    repeated = REPEATED.match(text)
    if repeated:
        whole, digits = repeated.groups()
        places = len(whole.partition(".")[2])
        return Number(Fraction(f"0{whole}0") + Fraction(int(digits), (10 ** len(digits) - 1) * 10**places))
    text = text.rstrip(".") if text.endswith(".") else text
    places = len(text.partition(".")[2]) if "." in text and "e" not in text.casefold() else None
    return Number(Fraction(text), places)


REPEATED = re.compile(r"(\d*\.\d*)\D+(\d+)")
MAX_DEPTH = 60
SEVERAL = ("max", "min", "gcd", "lcm")
SCALES = {
    "dozen": 12, "dozens": 12, "hundred": 100, "hundreds": 100, "thousand": 10**3, "thousands": 10**3, "million": 10**6,
    "millions": 10**6, "billion": 10**9, "billions": 10**9, "trillion": 10**12, "trillions": 10**12,
}  # fmt: skip
NUMBER_WORDS = tuple(
    re.findall(
        r"\w+",
        """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
        seventeen eighteen nineteen twenty""",
    )
)
LABELS = ("answer", "final answer", "the answer", "result", "solution")
ABOUT = ("about", "approximately", "exactly", "around", "roughly")
