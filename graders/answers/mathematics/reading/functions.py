"""Parses names, functions, and commands with arguments."""

from fractions import Fraction

from redraft.graders.answers.mathematics.forms import Call, Expression, Form, Listing, Name, Number, Unread
from redraft.graders.answers.mathematics.reading.numbers import Numerals
from redraft.graders.answers.mathematics.reading.token import Token


class Functions(Numerals):
    """Parses functions with their arguments."""

    def named(self, token: Token) -> Form:
        name = token.text
        after = self.peek
        if after and after.text == "_":
            self.at += 1
            name = f"{name}_{self._subscript()}"
        elif (
            after
            and after.kind == "number"
            and not after.spaced
            and after.text.isdigit()
            and name.isascii()
            and len(name) == 1
        ):
            self.at += 1
            name = f"{name}_{after.text}"
        after = self.peek
        if after and after.text == "(" and (name in FUNCTION_NAMES or (name == "C" and self._has_two_arguments())):
            self.at += 1
            inside = self.bracketed("(")
            arguments = tuple(map(scalar, inside.items)) if isinstance(inside, Listing) else (scalar(inside),)
            return Call("binom" if name == "C" else f"{name}()", arguments)
        return Name(name)

    def _has_two_arguments(self) -> bool:
        """Returns whether the next brackets contain exactly one comma outside inner brackets."""
        depth = commas = 0
        for token in self.tokens[self.at :]:
            depth += {"open": 1, "close": -1}.get(token.kind, 0)
            commas += depth == 1 and token.text == ","
            if depth == 0:
                break
        return commas == 1

    def _subscript(self) -> str:
        token = self.peek
        if token is None:
            raise Unread("a subscript is missing")
        self.at += 1
        if token.text != "{":
            return token.text
        text = ""
        while (token := self.peek) and token.text != "}":
            text += token.text
            self.at += 1
        self.expect("}")
        return text

    def applied(self, function: str) -> Form:
        """Parses a function with its power, base and arguments: sin^2 x, log_2 8, sin 2x, max(a, b)."""
        power = base = None
        while (token := self.peek) and token.text in ("^", "_"):
            self.at += 1
            if token.text == "^":
                sign = self.sign()
                power = scalar(self.group_or_base())
                power = Call("neg", (power,)) if sign == "-" else power
            else:
                base = scalar(self.group_or_base())
        token = self.peek
        if token and token.text in ("(", "["):
            self.at += 1
            inside = self.bracketed(token.text)
            arguments = inside.items if isinstance(inside, Listing) else (inside,)
        elif token and token.text == "{":
            arguments = (self.group_or_base(),)
        else:
            arguments = (self._bare_argument(),)
        values = tuple(scalar(argument) for argument in arguments)
        if (token := self.peek) and token.kind == "words" and token.text in DEGREES and len(values) == 1:
            self.at += 1
            values = (Call("degree", values),)
        if (function in SEVERAL) != (len(values) > 1):
            raise Unread(f"{function} has {len(values)} arguments")
        if base is not None and function not in ("log", "ln"):
            raise Unread(f"{function} has no base")
        if power == Call("neg", (Number(Fraction(1)),)):
            return Call(f"arc{function}", values)
        form = Call(function, (*values, base) if base is not None else values)
        return form if power is None else Call("^", (form, power))

    def _bare_argument(self) -> Expression:
        """Parses the argument of a function without brackets: the factors up to the next sign or function."""
        form = scalar(self.signed_power())
        while (token := self.peek) and self.continues(token) and token.kind != "function" and token.text != "(":
            form = Call("*", (form, scalar(self.power())))
        return form

    def command(self, name: str) -> Form:
        if name == "frac":
            return Call("/", (scalar(self.argument()), scalar(self.argument())))
        if name == "binom":
            return Call("binom", (scalar(self.argument()), scalar(self.argument())))
        if name == "cbrt":
            return Call("root", (scalar(self._root_argument()), Number(Fraction(3))))
        if name == "sqrt":
            if self.peek and self.peek.text == "[":
                self.at += 1
                degree = scalar(self.group("]"))
                return Call("root", (scalar(self._root_argument()), degree))
            return Call("sqrt", (scalar(self._root_argument()),))
        raise Unread(f"{name} is not expected here")

    def _root_argument(self) -> Form:
        if self.peek and self.peek.kind == "operator" and self.peek.text in "+-":
            raise Unread("a root of a sign")
        return self.group_or_base()

    def argument(self) -> Form:
        """Parses the argument of a command: a group, one digit or one sign."""
        token = self.peek
        if token and token.kind == "number" and len(token.text) > 1 and token.text.isdigit():
            self.tokens[self.at] = Token("number", token.text[1:], False)
            return Number(Fraction(token.text[0]))
        if token and token.text == "-":
            raise Unread("a sign is no argument")
        if token and token.kind == "name" and [t.text for t in self.tokens[self.at + 1 : self.at + 2]] != ["_"]:
            self.at += 1
            return Name(token.text)
        return self.group_or_base()


def scalar(form: Form) -> Expression:
    if isinstance(form, Number | Name | Call):
        return form
    raise Unread("a list, a set or words stand where a value should")


DEGREES = ("degrees", "degree", "deg")
FUNCTION_NAMES = ("f", "g", "h", "F", "G", "P")
SEVERAL = ("max", "min", "gcd", "lcm")
