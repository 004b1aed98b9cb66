"""Feedback from a person, who is asked at the terminal, or by an interrupt of a LangGraph graph."""

import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from langgraph.runtime import get_runtime
from langgraph.types import interrupt

from redraft.agents.annotator import Quit, Said, Shown, Terminal, said
from redraft.agents.feedback.feedback import Feedback, Remark, line_of, wording
from redraft.llm.client.client import Client
from redraft.llm.model import ModelError
from redraft.store.records import Call, Trajectory, digest

NAME = "human"


def human(client: Client | None = None, *, keep: bool = False) -> Feedback:
    """Shows a person each draft. One that they call right ends its trajectory; of a wrong one they may name the first
    wrong step and remark something, which is what the writer is told. With `keep` the steps before it stand.

    In a graph that runs with a checkpointer the person is asked by `interrupt`, all drafts of a turn at once, and
    answers with `Command(resume=...)`: for each draft "right", "wrong", or an object with `verdict`,
    `first_wrong_step` and `remark`; one draft's answer may stand alone. Elsewhere they are asked at the terminal.
    What they say is kept in the client's journal as a call of the model `human`, and is never asked for again. Raises a
    fatal ModelError where there is neither a checkpointer nor a terminal, and where the person quits.
    """
    terminal = Terminal()

    async def remark(trajectories: Sequence[Trajectory]) -> list[Remark | None]:
        answers = {path.place: answer for path in trajectories if (answer := _recalled(client, path))}
        missing = [path for path in trajectories if path.place not in answers]
        if missing and _pausable():
            told = _interrupted(missing)
            for path, answer in zip(missing, told, strict=True):
                _record(client, path, answer)
                answers[path.place] = answer
        else:
            for path in missing:
                start = time.perf_counter()
                answers[path.place] = await _asked(terminal, path)
                _record(client, path, answers[path.place], (time.perf_counter() - start) * 1000)
        return [_remark(client, path, answers[path.place], keep) for path in trajectories]

    return remark


def _texts(path: Trajectory) -> list[str]:
    return [step.text for step in path.draft()]


def _shown(path: Trajectory) -> Shown:
    return Shown(path.question.text, path.turn, tuple(_texts(path)), path.answer)


def _pausable() -> bool:
    """Whether this runs in a graph with a checkpointer: only there does a thread have an id."""
    try:
        info = get_runtime().execution_info
    except RuntimeError:  # in no graph at all
        return False
    return info is not None and info.thread_id is not None


def _interrupted(paths: Sequence[Trajectory]) -> list[Said]:
    """What the person says of these drafts; an answer that does not fit them is asked for again, with the reason."""
    drafts = [{"sample": path.sample, **asdict(_shown(path)), "steps": _texts(path)} for path in paths]
    given = interrupt({"drafts": drafts})
    while True:
        answers = given if isinstance(given, list) else [given]
        try:
            if len(answers) != len(paths):
                raise ValueError(f"{len(answers)} answers for {len(paths)} drafts: give one a draft, in a list")
            return [said(answer, len(path.draft())) for path, answer in zip(paths, answers, strict=True)]
        except ValueError as error:
            given = interrupt({"drafts": drafts, "error": str(error)})


async def _asked(terminal: Terminal, path: Trajectory) -> Said:
    if not terminal.there():
        raise ModelError(
            "Feedback 'human' has to ask a person, and standard input is no terminal:",
            cure="run it at one, give the graph a checkpointer, or choose another feedback.",
            fatal=True,
        )
    try:
        return await terminal.ask(_shown(path), note=f"draft {path.turn}")
    except Quit:
        raise ModelError(
            "Nobody judged the draft; what was said before is kept:",
            cure="run the same command again to go on.",
            fatal=True,
        ) from None


def _remark(client: Client | None, path: Trajectory, answer: Said, keep: bool) -> Remark | None:
    if answer.verdict == "right":
        return None
    step = answer.first_wrong_step
    named = [wording(client, "doubtful", line=str(line_of(path.draft(), step - 1)))] if step else []
    words = " ".join([*named, *filter(None, [answer.remark])])
    return Remark(words or wording(client, "is_wrong"), NAME, keep=step - 1 if keep and step else 0)


def _recalled(client: Client | None, path: Trajectory) -> Said | None:
    """What the journal knows that the person has said of this draft."""
    if client is None or client.journal is None:
        return None
    answer = client.journal.answer(path.question.unit, "feedback", path.place, 0, _hash(path))
    return None if answer is None else Said(**answer)


def _record(client: Client | None, path: Trajectory, answer: Said, latency_ms: float = 0.0) -> None:
    if client is None or client.journal is None:
        return
    question, shown = path.question, _hash(path)
    call = Call(
        call_id=digest("call", question.unit, "feedback", path.place, shown),
        unit=question.unit,
        problem_id=question.problem_id,
        purpose="feedback",
        place=path.place,
        first=0,
        n=1,
        model=NAME,
        prompt_hash=shown,
        params={},
        cost_usd=0.0,
        latency_ms=round(latency_ms, 3),
        attempts=0,  # no request was sent: budgets of calls are a model's
        answered_at=round(time.time(), 3),
    )
    choice: dict[str, Any] = asdict(answer)
    client.journal.record(call, [choice])


def _hash(path: Trajectory) -> str:
    return digest(NAME, asdict(_shown(path)))
