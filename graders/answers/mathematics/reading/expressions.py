"""Parses sums, products and powers."""

from redraft.graders.answers.mathematics.forms import Call, Form, Name, Union, Unread
from redraft.graders.answers.mathematics.reading.functions import Functions, scalar
from redraft.graders.answers.mathematics.reading.numbers import rational_of
from redraft.graders.answers.mathematics.reading.token import Token


class Expressions(Functions):
    """Parses expressions."""

    def over(self) -> Form:
        """Parses a value, or two values with \\over or \\choose between them."""
        form = self.union()
        if (token := self.peek) and token.text in ("over", "choose"):
            self.at += 1
            form = Call("/" if token.text == "over" else "binom", (scalar(form), scalar(self.union())))
        return form

    def union(self) -> Form:
        form = self.sum()
        while (token := self.peek) and token.text in ("∪", "∩", "∖"):
            self.at += 1
            form = Union(token.text, form, self.sum())
        return form

    def sum(self) -> Form:
        self.enter()
        sign = self.sign()
        form = self.product()
        if sign != "+":
            form = Call("neg" if sign == "-" else sign, (scalar(form),))
        while (token := self.peek) and token.text in ("+", "-", "±", "∓"):
            self.at += 1
            other = self.product(signed=True)
            form = Call(token.text, (scalar(form), scalar(other)))
        if (token := self.peek) and token.text == "mod":
            self.at += 1
            form = Call("mod", (scalar(form), scalar(self.product(signed=True))))
        self.depth -= 1
        return form

    def product(self, signed: bool = False) -> Form:
        form = self.signed_power() if signed else self.power()
        self._divided = False  # whether the last operator was "/", and not a LaTeX fraction
        while token := self.peek:
            if token.text in ("*", "/") and token.kind == "operator":
                self.at += 1
                form = Call(token.text, (scalar(form), scalar(self.signed_power())))
                self._divided = token.text == "/"
            elif self.continues(token):
                form = self._times(form, token)
            else:
                break
        return form

    def _times(self, form: Form, token: Token) -> Form:
        """Parses a product without an operator. 1/2x may mean half of x or 1/(2x); it is parsed as half of x, and
        marked by the function "/*"."""
        other = scalar(self.power())
        if isinstance(form, Call) and form.function == "/" and self._divided and not token.spaced:
            return Call("/*", (*form.arguments, other))
        return Call("*", (scalar(form), other))

    def power(self) -> Form:
        """Parses a base with postfix signs: an exponent, a factorial, percent, degrees."""
        form = self.digits_in_brackets() or self.base()
        while token := self.peek:
            if token.text == "^":
                self.at += 1
                form = self.raised(form)
            elif token.text == "!":
                self.at += 1
                form = Call("!", (scalar(form),))
            elif token.text == "%" or token.text == "°":
                self.at += 1
                form = Call("percent" if token.text == "%" else "degree", (scalar(form),))
                self.temperature()
            elif token.text == "'" and isinstance(form, Name):
                self.at += 1
                form = Name(form.name + "'")
            else:
                break
        return form

    def base(self) -> Form:
        token = self.peek
        if token is None:
            raise Unread("something is missing at the end")
        self.at += 1
        if token.kind == "number":
            return self.number(token)
        if token.kind == "name":
            return self.named(token)
        if token.kind == "currency":
            if self.unit:
                raise Unread("there are two currencies")
            self.unit = token.text
            return self.base()
        if token.kind == "function":
            return self.applied(token.text)
        if token.kind == "command":
            return self.command(token.text)
        if token.text == "{" and self.has_over():
            return self.group("}")
        if token.kind == "open":
            return self.bracketed(token.text)
        if token.kind == "begin":
            return self.environment(token.text)
        if token.text in ("|", "‖"):
            return self.absolute(token.text)
        if token.text == "∠":
            return self.power()
        raise Unread(f"{token.text!r} is not expected here")

    def signed_power(self) -> Form:
        sign = self.sign()
        form = self.power()
        if sign == "+":
            return form
        return Call("neg" if sign == "-" else sign, (scalar(form),))

    def continues(self, token: Token) -> bool:
        """Returns whether a token begins the next factor of a product without an operator."""
        if token.kind in ("name", "function", "command", "begin"):
            return token.text != "pmod"
        if token.text in ("|", "‖"):
            return self.bars == 0 and self._closing_bar(token.text)
        if token.kind == "number":
            return self.at > 0 and self.tokens[self.at - 1].text == ")"
        following = self.tokens[self.at + 1 : self.at + 2]
        return token.kind == "open" and not (following and following[0].text == "mod")

    def _closing_bar(self, bar: str) -> bool:
        return any(token.text == bar for token in self.tokens[self.at + 1 :])

    def raised(self, form: Form) -> Form:
        token = self.peek
        if token and token.text == "°":
            self.at += 1
            self.temperature()
            return Call("degree", (scalar(form),))
        if token and token.text == "{":
            inside = self.tokens[self.at + 1 : self.at + 3]
            if len(inside) == 2 and inside[0].text in ("°", "'") and inside[1].text == "}":
                self.at += 3
                self.temperature()
                return Call("degree", (scalar(form),)) if inside[0].text == "°" else form
        sign = self.sign()
        exponent = scalar(self.group_or_base())
        if (token := self.peek) and token.text == "^":
            self.at += 1
            exponent = scalar(self.raised(exponent))
        if (token := self.peek) and token.text == "!":
            self.at += 1
            exponent = Call("!", (exponent,))
        return Call("^", (scalar(form), exponent if sign == "+" else Call("neg", (exponent,))))

    def group_or_base(self) -> Form:
        token = self.peek
        if token and token.kind == "number":
            self.at += 1
            return rational_of(token.text)
        if token and token.text == "{":
            self.at += 1
            return self.group("}")
        return self.base()

    def group(self, closing: str) -> Form:
        bars, self.bars = self.bars, 0
        form = self.over()
        self.expect(closing)
        self.bars = bars
        return form

    def has_over(self) -> bool:
        """Returns whether the group after an opening brace is {a \\over b} or {n \\choose k}."""
        depth = 0
        for token in self.tokens[self.at :]:
            depth += {"{": 1, "}": -1}.get(token.text, 0)
            if depth < 0:
                return False
            if depth == 0 and token.text in ("over", "choose"):
                return True
        return False

    def absolute(self, bar: str) -> Form:
        self.bars += 1
        form = self.sum()
        self.expect(bar)
        self.bars -= 1
        return Call("abs", (scalar(form),))
