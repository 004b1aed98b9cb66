"""Human labels: the view of a draft that a person sees, the judgement that the person returns, and the questions at a
terminal."""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

VERDICTS = ("right", "wrong")


@dataclass(frozen=True, slots=True)
class DraftView:
    """A draft as a person sees it. It has neither the answer key nor any other grader's judgement."""

    question: str
    turn: int  # 1 for the first draft
    steps: tuple[str, ...]
    answer: str | None

    def __str__(self) -> str:
        """Returns the draft as plain text, the steps numbered from 1."""
        width = len(str(len(self.steps)))
        lines = [
            f"  {number:>{width}}  {_indented(step, width + 4)}" for number, step in enumerate(self.steps, start=1)
        ]
        return "\n".join([self.question, "", *lines, "", f"  → {self.answer or 'no answer'}"])


@dataclass(frozen=True, slots=True)
class Judgement:
    """A person's judgement of a draft. The verdict `right` means that the answer and every step are right."""

    verdict: str  # "right", "wrong", or "skip" if skipping is allowed
    first_wrong_step: int | None = None  # from 1; None if no step is wrong or the person named none
    remark: str | None = None


def judgement_from_json(given: Any, steps: int, verdicts: Sequence[str] = VERDICTS) -> Judgement:
    """Returns the judgement in a JSON value: either the verdict as a string, or an object with `verdict`,
    `first_wrong_step` and `remark`. Raises ValueError with a one-line message if the judgement does not fit a draft of
    `steps` steps."""
    facts: Mapping[str, Any] = given if isinstance(given, Mapping) else {"verdict": given}
    unknown = sorted(set(map(str, facts)) - {"verdict", "first_wrong_step", "remark"})
    if unknown:
        raise ValueError(f"no field {unknown[0]!r}; there are verdict, first_wrong_step and remark")
    verdict, step, remark = facts.get("verdict"), facts.get("first_wrong_step"), facts.get("remark")
    if not isinstance(verdict, str) or verdict not in verdicts:
        raise ValueError(f"verdict {verdict!r} is none of {', '.join(verdicts)}")
    if not isinstance(remark, str | None):
        raise ValueError(f"remark {remark!r} is no text")
    if step is not None and verdict != "wrong":
        raise ValueError(f"first_wrong_step={step!r} of a draft that is {verdict}: say wrong, or leave it out")
    if step is not None and (isinstance(step, bool) or not isinstance(step, int) or not 1 <= step <= steps):
        raise ValueError(f"first_wrong_step={step!r} is no step of this draft, whose steps are 1 to {steps}")
    return Judgement(verdict, step, (remark or "").strip() or None)


class Quit(Exception):
    """Raised if the person ends the judging."""


class Terminal:
    """Asks a person one question at a time: questions go to standard error, and answers come from standard input. The
    questions never block the event loop."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._read = b""

    @staticmethod
    def there() -> bool:
        """Returns whether standard input is a terminal."""
        return sys.stdin is not None and sys.stdin.isatty()

    async def ask(self, shown: DraftView, verdicts: Sequence[str] = VERDICTS, note: str = "") -> Judgement:
        """Prints a draft, and the `note` below it, and returns the judgement that the person types. Raises Quit on `q`
        and at the end of input."""
        async with self._turn:
            self._write(f"\n{shown}\n{note}\n")
            letters = "/".join([*(verdict[0] for verdict in verdicts), "q"])
            words = ", ".join([*verdicts, "quit"])
            verdict = await self._one_of(f"{words} [{letters}]: ", [*verdicts, "quit"])
            if verdict == "quit":
                raise Quit
            step = await self._step(len(shown.steps)) if verdict == "wrong" else None
            remark = None if verdict == "skip" else await self._line("remark (Enter: none): ")
            return judgement_from_json(
                {"verdict": verdict, "first_wrong_step": step, "remark": remark}, len(shown.steps), verdicts
            )

    async def _one_of(self, prompt: str, words: Sequence[str]) -> str:
        while True:
            typed = (await self._line(prompt)).lower()
            for word in words:
                if typed and word.startswith(typed):
                    return word
            self._write(f"  {typed!r} is none of {', '.join(words)}\n")

    async def _step(self, steps: int) -> int | None:
        while True:
            typed = await self._line(f"first wrong step, 1 to {steps} (Enter: none in particular): ")
            if not typed:
                return None
            if typed.isdecimal() and 1 <= int(typed) <= steps:
                return int(typed)
            self._write(f"  {typed!r} is no number from 1 to {steps}\n")

    async def _line(self, prompt: str) -> str:
        self._write(prompt)
        while b"\n" not in self._read:
            more = await _read_input(sys.stdin.fileno())
            if not more:
                raise Quit
            self._read += more
        line, _, self._read = self._read.partition(b"\n")
        return line.decode(errors="replace").strip()

    @staticmethod
    def _write(text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()


async def _read_input(descriptor: int) -> bytes:
    """Returns the next line that the person types, or empty bytes at the end of input."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(descriptor, lambda: ready.done() or ready.set_result(None))
    try:
        await ready
        return os.read(descriptor, 65536)
    finally:
        loop.remove_reader(descriptor)


def _indented(step: str, indent: int) -> str:
    """Returns the text of a step, with its second and later lines indented to align with its first line."""
    return f"\n{' ' * indent}".join(line.rstrip() for line in step.strip().splitlines() if line.strip())
