"""A position in a list of tokens, with the reading methods that several readers share."""

from abc import ABC, abstractmethod

from redraft.graders.answers.mathematics.forms import Form, Unread
from redraft.graders.answers.mathematics.reading.token import Token


class Cursor(ABC):
    """Reads tokens in their order. Each method reads what its name says and leaves what follows."""

    @abstractmethod
    def power(self) -> Form:
        """Reads a base with its exponent and other signs after it."""

    @abstractmethod
    def signed_power(self) -> Form:
        """Reads a base with its exponent, and a sign before it."""

    @abstractmethod
    def continues(self, token: Token) -> bool:
        """Returns whether a token is the next factor of a product without a sign."""

    @abstractmethod
    def group(self, closing: str) -> Form:
        """Reads the content of braces up to the closing brace. The opening brace was read before."""

    @abstractmethod
    def group_or_base(self) -> Form:
        """Reads a group in braces, or a base without braces."""

    @abstractmethod
    def argument(self) -> Form:
        """Reads the argument of a command: a group, one digit or one sign."""

    @abstractmethod
    def bracketed(self, opening: str) -> Form:
        """Reads the content of brackets up to the closing bracket. The opening bracket was read before."""

    @abstractmethod
    def environment(self, name: str) -> Form:
        """Reads an environment of LaTeX, such as a matrix or cases. The command that begins it was read before."""

    def __init__(self, found: list[Token]) -> None:
        self.tokens = found
        self.at = 0
        self.depth = 0
        self.bars = 0  # open bars of absolute values
        self.in_set = False  # where a colon says "such that"
        self._divided = False
        self.unit = ""  # the currency that was read with a number of this side

    @property
    def peek(self) -> Token | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def expect(self, text: str) -> None:
        if not self.peek or self.peek.text != text:
            raise Unread(f"{text!r} is missing")
        self.at += 1

    def enter(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Unread("it is nested too deeply")

    def sign(self) -> str:
        sign = "+"
        while (token := self.peek) and token.text in ("+", "-", "±", "∓"):
            self.at += 1
            if token.text == "-" and sign in "+-":
                sign = "-" if sign == "+" else "+"
            elif token.text != "+":
                if sign != "+":
                    raise Unread("there are too many signs")
                sign = token.text
        return sign

    def temperature(self) -> None:
        """Reads the letter of a temperature, as in 13 °C."""
        if (token := self.peek) and token.kind == "name" and token.text in ("C", "F"):
            self.at += 1
            self.unit = f"°{token.text}"


MAX_DEPTH = 60
