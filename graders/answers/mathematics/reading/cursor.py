"""A position in a list of tokens, with the parsing methods that several parsers share."""

from abc import ABC, abstractmethod

from redraft.graders.answers.mathematics.forms import Form, Unread
from redraft.graders.answers.mathematics.reading.token import Token


class Cursor(ABC):
    """Parses tokens in order. Each method parses what its name says, and moves the position to the token after it."""

    @abstractmethod
    def power(self) -> Form:
        """Parses a base with its exponent and other postfix signs."""

    @abstractmethod
    def signed_power(self) -> Form:
        """Parses a base with its exponent, and signs before it."""

    @abstractmethod
    def continues(self, token: Token) -> bool:
        """Returns whether a token begins the next factor of a product without an operator."""

    @abstractmethod
    def group(self, closing: str) -> Form:
        """Parses the content of braces up to the closing brace. The opening brace was already consumed."""

    @abstractmethod
    def group_or_base(self) -> Form:
        """Parses a group in braces, or a base without braces."""

    @abstractmethod
    def argument(self) -> Form:
        """Parses the argument of a command: a group, one digit or one sign."""

    @abstractmethod
    def bracketed(self, opening: str) -> Form:
        """Parses the content of brackets up to the closing bracket. The opening bracket was already consumed."""

    @abstractmethod
    def environment(self, name: str) -> Form:
        """Parses a LaTeX environment, such as a matrix or cases. The command that begins it was already consumed."""

    def __init__(self, found: list[Token]) -> None:
        self.tokens = found
        self.at = 0
        self.depth = 0
        self.bars = 0  # number of open bars of absolute values
        self.in_set = False  # whether a colon means "such that"
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
        """Parses the letter of a temperature, as in 13 °C."""
        if (token := self.peek) and token.kind == "name" and token.text in ("C", "F"):
            self.at += 1
            self.unit = f"°{token.text}"


MAX_DEPTH = 60
