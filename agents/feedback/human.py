"""Feedback from a person, who is asked at the terminal or by an interrupt of a LangGraph graph."""

import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from langgraph.runtime import get_runtime
from langgraph.types import interrupt

from redraft.agents.feedback.feedback import Feedback, Remark, line_number, wording
from redraft.agents.human_label import DraftView, Judgement, Quit, Terminal, judgement_from_json
from redraft.llm.client.client import Client
from redraft.llm.model import ModelError
from redraft.store.calls import Call
from redraft.store.digest import digest
from redraft.store.trajectory import Trajectory

NAME = "human"


def human(client: Client | None = None, *, keep: bool = False) -> Feedback:
    """Shows a person each draft, and returns the person's remark and the first wrong step.

    A draft that the person calls right ends its trajectory. With `keep`, the next draft begins with the steps before
    the first wrong step.

    In a graph with a checkpointer, the person is asked by `interrupt` about all drafts of a turn at once. The person
    answers with `Command(resume=...)` and a list: for each draft "right", "wrong", or an object with `verdict`,
    `first_wrong_step` and `remark`. If there is only one draft, the answer needs no list. Without a checkpointer, the
    person is asked at the terminal.

    Each answer is recorded in the client's journal as a call of the model `human`, so the person is never asked twice
    about a draft. Raises a fatal ModelError if there is neither a checkpointer nor a terminal, and if the person quits.
    """
    terminal = Terminal()

    async def remark(trajectories: Sequence[Trajectory]) -> list[Remark | None]:
        answers = {
            trajectory.place: answer
            for trajectory in trajectories
            if (answer := _recorded_judgement(client, trajectory))
        }
        missing = [trajectory for trajectory in trajectories if trajectory.place not in answers]
        if missing and _can_interrupt():
            told = _ask_by_interrupt(missing)
            for trajectory, answer in zip(missing, told, strict=True):
                _record(client, trajectory, answer)
                answers[trajectory.place] = answer
        else:
            for trajectory in missing:
                start = time.perf_counter()
                answers[trajectory.place] = await _ask_at_terminal(terminal, trajectory)
                _record(client, trajectory, answers[trajectory.place], (time.perf_counter() - start) * 1000)
        return [_remark_from(client, trajectory, answers[trajectory.place], keep) for trajectory in trajectories]

    return remark


def _step_texts(trajectory: Trajectory) -> list[str]:
    return [step.text for step in trajectory.draft()]


def _draft_view(trajectory: Trajectory) -> DraftView:
    return DraftView(trajectory.question.text, trajectory.turn, tuple(_step_texts(trajectory)), trajectory.answer)


def _can_interrupt() -> bool:
    """Returns True if this code runs in a graph with a checkpointer. Only such a graph has a thread with an id."""
    try:
        info = get_runtime().execution_info
    except RuntimeError:  # not inside a graph
        return False
    return info is not None and info.thread_id is not None


def _ask_by_interrupt(trajectories: Sequence[Trajectory]) -> list[Judgement]:
    """Returns the person's judgements of these drafts. If an answer does not fit the drafts, asks again and shows the
    reason."""
    drafts = [
        {"sample": trajectory.sample, **asdict(_draft_view(trajectory)), "steps": _step_texts(trajectory)}
        for trajectory in trajectories
    ]
    given = interrupt({"drafts": drafts})
    while True:
        answers = given if isinstance(given, list) else [given]
        try:
            if len(answers) != len(trajectories):
                raise ValueError(f"{len(answers)} answers for {len(trajectories)} drafts: give one a draft, in a list")
            return [
                judgement_from_json(answer, len(trajectory.draft()))
                for trajectory, answer in zip(trajectories, answers, strict=True)
            ]
        except ValueError as error:
            given = interrupt({"drafts": drafts, "error": str(error)})


async def _ask_at_terminal(terminal: Terminal, trajectory: Trajectory) -> Judgement:
    if not terminal.there():
        raise ModelError(
            "Feedback 'human' has to ask a person, and standard input is no terminal:",
            cure="run it at one, give the graph a checkpointer, or choose another feedback.",
            fatal=True,
        )
    try:
        return await terminal.ask(_draft_view(trajectory), note=f"draft {trajectory.turn}")
    except Quit:
        raise ModelError(
            "Nobody judged the draft; what was said before is kept:",
            cure="run the same command again to go on.",
            fatal=True,
        ) from None


def _remark_from(client: Client | None, trajectory: Trajectory, answer: Judgement, keep: bool) -> Remark | None:
    if answer.verdict == "right":
        return None
    step = answer.first_wrong_step
    named = [wording(client, "doubtful", line=str(line_number(trajectory.draft(), step - 1)))] if step else []
    words = " ".join([*named, *filter(None, [answer.remark])])
    return Remark(words or wording(client, "is_wrong"), NAME, keep=step - 1 if keep and step else 0)


def _recorded_judgement(client: Client | None, trajectory: Trajectory) -> Judgement | None:
    """Returns the person's recorded judgement of this draft from the journal, or None if the journal has none."""
    if client is None or client.journal is None:
        return None
    answer = client.journal.answer(trajectory.question.unit, "feedback", trajectory.place, 0, _draft_hash(trajectory))
    return None if answer is None else Judgement(**answer)


def _record(client: Client | None, trajectory: Trajectory, answer: Judgement, latency_ms: float = 0.0) -> None:
    if client is None or client.journal is None:
        return
    question, shown = trajectory.question, _draft_hash(trajectory)
    call = Call(
        call_id=digest("call", question.unit, "feedback", trajectory.place, shown),
        unit=question.unit,
        problem_id=question.problem_id,
        purpose="feedback",
        place=trajectory.place,
        first=0,
        n=1,
        model=NAME,
        prompt_hash=shown,
        params={},
        cost_usd=0.0,
        latency_ms=round(latency_ms, 3),
        attempts=0,  # no request was sent to a model, so no budget counts this call
        answered_at=round(time.time(), 3),
    )
    choice: dict[str, Any] = asdict(answer)
    client.journal.record(call, [choice])


def _draft_hash(trajectory: Trajectory) -> str:
    return digest(NAME, asdict(_draft_view(trajectory)))
