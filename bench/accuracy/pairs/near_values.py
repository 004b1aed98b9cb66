"""Near misses of a value: changes of a digit, a sign, a term, a factor, a power, a part of a fraction."""

import re
from collections.abc import Iterator, Mapping

from pairs.latex import POWER, Gold
from pairs.misses import Miss, digits, each, within


def _other_digit(digits: str) -> list[str]:
    places = [place for place, digit in enumerate(digits) if digit.isdigit()]
    return [
        digits[:place] + str((int(digits[place]) + step) % 10) + digits[place + 1 :]
        for place in places
        for step in (1, 3, 9)
        if place > 0 or len(places) == 1 or (int(digits[place]) + step) % 10
    ]


def _dropped_digit(digits: str) -> list[str]:
    return [digits[:place] + digits[place + 1 :] for place in range(1, len(digits))] if digits.isdigit() else []


def _swapped_digits(digits: str) -> list[str]:
    return [
        digits[:place] + digits[place + 1] + digits[place] + digits[place + 2 :]
        for place in range(1, len(digits) - 1)
        if digits.isdigit() and digits[place] != digits[place + 1]
    ]


def _moved_point(digits: str) -> list[str]:
    whole, dot, decimals = digits.partition(".")
    if not float(re.sub(r"[^\d.]", "", digits)):
        return []
    if not dot:
        return [f"{digits}0", f"{digits[:-1]}.{digits[-1]}"] if digits.isdigit() and len(digits) > 1 else [f"{digits}0"]
    return [f"{whole}{decimals[0]}.{decimals[1:]}0", f"{whole[:-1] or '0'}.{whole[-1:] or '0'}{decimals}"]


def _plus(gold: Gold) -> Iterator[str]:
    if gold.form == "scalar":
        yield from within(
            gold, lambda body: iter((f"{body}+1", f"{body}-1", f"{body}+x", rf"{body}+\sqrt{{2}}", f"{body}+i"))
        )


def _times(gold: Gold) -> Iterator[str]:
    if gold.form == "scalar" and gold.body not in ("0", "1"):
        inner = gold.body if len(gold.terms) == 1 and not re.search(r"\d\s*\\frac|/", gold.body) else f"({gold.body})"
        dotted = rf"{inner} \cdot "
        yield from within(
            gold,
            lambda body: iter(
                (
                    rf"2({body})",
                    rf"-({body})",
                    rf"\frac{{{body}}}{{2}}",
                    rf"\sqrt{{{body}}}",
                    rf"({body})^2",
                    rf"{dotted}\pi",
                    f"{dotted}x",
                    f"{dotted}i",
                    rf"{dotted}\sqrt{{2}}",
                    rf"\frac{{1}}{{{body}}}",
                )
            ),
        )


def _terms(gold: Gold) -> Iterator[str]:
    if len(gold.terms) < 2:
        return
    for place, term in enumerate(gold.terms):
        left = [*gold.terms[:place], *gold.terms[place + 1 :]]
        yield "".join(left).removeprefix("+").strip()
        sign = "-" if not term.startswith("-") else "+"
        flipped = sign + term.lstrip("+-").strip()
        yield "".join([*gold.terms[:place], flipped, *gold.terms[place + 1 :]]).removeprefix("+")


def _fractions(gold: Gold) -> Iterator[str]:
    def one(text: str) -> Iterator[str]:
        for match in re.finditer(r"(\\[dtc]?frac)\{((?:[^{}]|\{[^{}]*\})*)\}\{((?:[^{}]|\{[^{}]*\})*)\}", text):
            name, top, bottom = match.groups()
            for parts in ((bottom, top), (f"{top}+1", bottom), (top, f"{bottom}+1"), (f"{top}-1", bottom)):
                other = f"{name}{{{parts[0]}}}{{{parts[1]}}}"
                yield text[: match.start()] + other + text[match.end() :]
            yield text[: match.start()] + f"({top})({bottom})" + text[match.end() :]

    if gold.form not in ("words", "letter"):
        yield from within(gold, one)


def _scaled(gold: Gold) -> Iterator[str]:
    if gold.number and abs(float(gold.number)) > 2 and gold.body == gold.text:
        yield from (f"{gold.text} {word}" for word in ("hundred", "thousand", "million", "billion"))
        yield from (f"{gold.text} {word}" for word in ("squared", "dozen", "or more", "factorial", "thirds"))
        yield from (
            f"{gold.text}!",
            rf"\geq {gold.text}",
            f"{gold.text}a",
            rf"{gold.text} \pm 1",
            f"{gold.text}, 1",
            f"{gold.text}:2",
            f"({gold.text}, 2)",
        )


LETTER = r"(?<![A-Za-z\\])[a-zA-Z](?![A-Za-z])"
CONSTANTS = "eid"
VALUES: Mapping[str, Miss] = {
    "another digit": digits(_other_digit),
    "a digit less": digits(_dropped_digit),
    "two digits swapped": digits(_swapped_digits),
    "the point moved": digits(_moved_point),
    "one more or less": _plus,
    "a factor or a power": _times,
    "a sign": each(r"(?<![_^])[+-]", lambda m: {"+": "-", "-": "+"}[m[0]] if m.start() else ""),
    "a sign at the start": each(r"^(?=[\d.\\a-z])(?!\\(?:begin|text|\{|\$))", lambda m: "-", "scalar", "based"),
    "a dropped or negated term": _terms,
    "a fraction upside down, or its parts": _fractions,
    "one more power": each(POWER, lambda m: f"^{{{int(m[1] or m[2]) + 1}}}"),
    "one power less": each(POWER, lambda m: ""),
    "an unknown squared": each(rf"{LETTER}(?!\^)", lambda m: f"{m[0]}^2" if m[0] not in CONSTANTS else None, "scalar"),
    "no root": each(r"\\sqrt\{([^{}]*)\}", lambda m: f"({m[1]})"),
    "a cube root": each(r"\\sqrt(?=\{)", lambda m: r"\sqrt[3]"),
    "no pi": each(r"\\pi(?![a-z])", lambda m: "(1)"),
    "another function": each(
        r"\\(?:sin|cos|tan|cot|ln|log|sec|csc)(?![a-z])", lambda m: r"\tan" if m[0] != r"\tan" else r"\sin"
    ),
    "what a number is part of": _scaled,
}
