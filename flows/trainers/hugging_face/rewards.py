"""Turns a grader of redraft into a reward function for trainers that draw completions themselves."""

import asyncio
import shlex
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import groupby
from typing import Any

from redraft.agents.build import build
from redraft.agents.policies.step_reader import split_steps
from redraft.flows.annotation.annotation_job import GRADER_ALONE
from redraft.flows.readers.reader import written
from redraft.graders.answers.checker import Checker
from redraft.graders.programs.sandbox import Sandbox
from redraft.llm.client.client import Client
from redraft.llm.model import ModelError
from redraft.llm.prompts.prompts import Prompts
from redraft.llm.providers.route import route
from redraft.store.errors import PartError, plural
from redraft.store.problems import Keyring, Kind, Problem
from redraft.store.trajectory import Trajectory

OWN = "embedded"
"""The default model of graders: redraft's embedded model."""


class GraderReward:
    """The values of a grader as rewards. `grader` is a name with arguments, such as "prm profile=judge model=...". Each
    row has its `question`, its answer key `answer` and its `kind`. Raises PartError for a grader that cannot be built,
    and the errors of the grader."""

    def __init__(self, grader: str, prompts: Prompts | None = None) -> None:
        self.__name__ = grader
        self._runner = asyncio.Runner()
        self._runner.get_loop()
        prompts = prompts or Prompts()
        self._client = Client(route(OWN), prompts=Prompts(templates=prompts.templates))
        self._separator = prompts.template("separator", {})
        self._keys, self._sandbox = Keyring(), Sandbox()
        self._checker = Checker(sandbox=self._sandbox)
        name, arguments = grader_spec(grader)
        self._grader: Any = self._runner.run(self._made(name, arguments))
        self._graded = self._undecided = 0
        self.drawn_tokens = 0
        self.oracle_used = False

    @property
    def figures(self) -> Mapping[str, Any]:
        """Returns the number of graded completions, the number of completions without a reward, the number of tokens
        that the trainer drew for them, and whether the grader read the answer key."""
        counts = {"graded": self._graded, "undecided": self._undecided, "drawn_tokens": self.drawn_tokens}
        return {**counts, "oracle_used": self.oracle_used}

    def __call__(self, rows: Sequence[Mapping[str, Any]], texts: Sequence[str]) -> list[float | None]:
        """Returns the reward of each text, which is an answer to the question of its row. A text that the grader cannot
        grade has None. Consecutive rows with the same question are graded together."""
        numbered = enumerate(zip(rows, texts, strict=True))
        groups = [list(group) for _, group in groupby(numbered, lambda each: each[1][0]["question"])]
        drafts = [[self._draft(number, row, text) for number, (row, text) in group] for group in groups]
        found = self._runner.run(self._grades(drafts))
        self._graded += len(found)
        self._undecided += sum(value is None for value in found)
        units = (draft.question.unit for group in drafts for draft in group)
        self.oracle_used = self.oracle_used or any(map(self._keys.was_opened, units))
        return found

    def close(self) -> None:
        """Ends the processes and closes the connections of the grader."""
        self._runner.run(self._close())
        self._runner.close()

    async def _made(self, name: str, arguments: Mapping[str, str]) -> Any:
        named: dict[str, Any] = {f"grader.{key}": value for key, value in arguments.items()}
        return build(
            GRADER_ALONE.factory,
            self._client,
            grader=name,
            keys=self._keys,
            checker=self._checker,
            sandbox=self._sandbox,
            **named,
        )

    async def _grades(self, drafts: Sequence[Sequence[Trajectory]]) -> list[float | None]:
        found = await asyncio.gather(*(self._grader(group) for group in drafts))
        return [grade.value for grades in found for grade in grades]

    async def _close(self) -> None:
        await self._checker.close()
        await self._sandbox.close()
        await self._client.close_others()
        with suppress(ModelError):
            await self._client.model.close()

    def _draft(self, number: int, row: Mapping[str, Any], text: str) -> Trajectory:
        problem = Problem(row["question"], row.get("answer"), kind=Kind(row.get("kind") or Kind.MATH))
        self._keys.add(problem)
        pieces = split_steps(text, self._separator if self._separator in text else "\n") or [""]
        return written(problem.ask(f"{problem.problem_id}-{self._graded + number}"), pieces)


def grader_spec(spec: str) -> tuple[str, dict[str, str]]:
    """Returns a pair of the name and the arguments of a grader. Raises PartError."""
    try:
        name, *words = shlex.split(spec)
    except ValueError as error:
        raise PartError(f"grader {spec!r} of trainer 'trl' cannot be read: write it as 'prm aggregate=last'") from error
    pairs = [word.partition("=") for word in words]
    if wrong := [key for key, equals, _ in pairs if not equals]:
        raise PartError(
            f"{plural(len(wrong), 'word')} of grader {spec!r} without '=': write it as 'prm aggregate=last'"
        )
    return name, {key: value for key, _, value in pairs}
