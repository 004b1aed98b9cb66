"""Names, functions and the commands that take arguments."""

from fractions import Fraction

from redraft.graders.answers.mathematics.forms import Call, Expression, Form, Listing, Name, Number, Unread
from redraft.graders.answers.mathematics.reading.numerals import Numerals
from redraft.graders.answers.mathematics.reading.tokens import Token


class Functions(Numerals):
    """Reads functions with their arguments."""

    def named(self, token: Token) -> Form:
        name = token.text
        after = self.peek
        if after and after.text == "_":
            self.at += 1
            name = f"{name}_{self._subscript()}"
        elif after and after.kind == "number" and not after.spaced and after.text.isdigit() and len(name) == 1:
            self.at += 1
            name = f"{name}_{after.text}"
        after = self.peek
        if after and after.text == "(" and name in ("C", "f", "g", "h", "F", "G", "P", "Q", "p", "q"):
            mark = self.at
            self.at += 1
            inside = self.bracketed("(")
            if isinstance(inside, Listing) and inside.brackets == "()":
                arguments = tuple(scalar(item) for item in inside.items)
                return Call("binom" if name == "C" and len(arguments) == 2 else f"{name}()", arguments)
            if name in ("f", "g", "h", "F", "G", "P") and isinstance(inside, Number | Name | Call):
                return Call(f"{name}()", (inside,))
            self.at = mark
        return Name(name)

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
        """A function with its power, base and argument: sin^2 x, log_2 8, sin 2x, max(a, b)."""
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
        """The argument of a command: a group, one digit or one sign."""
        token = self.peek
        if token and token.kind == "number" and len(token.text) > 1 and token.text.isdigit():
            self.tokens[self.at] = Token("number", token.text[1:], False)
            return Number(Fraction(token.text[0]))
        if token and token.text == "-":
            raise Unread("a sign is no argument")
        return self.group_or_base()


def scalar(form: Form) -> Expression:
    if isinstance(form, Number | Name | Call):
        return form
    raise Unread("a list, a set or words stand where a value should")


SEVERAL = ("max", "min", "gcd", "lcm")
