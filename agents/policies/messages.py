"""The messages that show a model a trajectory. All requests of one tree begin with the same bytes: the system prompt,
the examples, the question, and then each draft and the remark on it, so that providers can cache the common prefix."""

from redraft.llm.client.client import Client
from redraft.llm.model import Message
from redraft.llm.prompts.templates import fill
from redraft.store.trajectory import Step, Trajectory

REVIEW = "review"
"""The author (`by`) of a review that a writer wrote of its own draft. The writer sees the review as its own message,
between the request for a review and the request to improve the draft (templates `review` and `improve`)."""


def conversation(client: Client, trajectory: Trajectory, window: int | None = None) -> list[Message]:
    """Returns the messages up to the last draft: the question, then each finished draft followed by the remark on it.
    With `window` (at least 1), only the last `window` drafts are included. An empty remark asks for an independent
    draft, so the drafts before it are left out."""
    messages = [*client.opening, client.ask(trajectory.question)]
    first, last = _first_shown_turn(trajectory, window), trajectory.turn
    texts: dict[int, list[str]] = {}
    said: dict[int, Step] = {}
    for step in trajectory.steps:
        written = texts.setdefault(step.turn, [])
        if step.by == "model":
            written.append(step.text)
        else:
            said.setdefault(step.turn, step)
    for turn, written in texts.items():
        if first < turn:
            messages += _feedback_messages(client, said.get(turn))
        if first <= turn < last:
            messages.append(Message("assistant", "".join(written)))
    return messages


def _feedback_messages(client: Client, said: Step | None) -> list[Message]:
    """Returns the messages that show the writer a remark: one user message, or the writer's own review preceded by the
    request for that review."""
    if said is None or said.by != REVIEW:
        return [Message("user", said.text if said else "")]
    return [
        Message("user", client.template("review")),
        Message("assistant", said.text),
        Message("user", client.template("improve")),
    ]


def _first_shown_turn(trajectory: Trajectory, window: int | None) -> int:
    """Returns the number of the first turn that the messages include."""
    silent = [step.turn for step in trajectory.steps if not step.text and step.by != "model"]
    fresh = max(silent, default=1)
    return fresh if window is None else max(fresh, trajectory.turn - window)


def follow_up(client: Client, trajectory: Trajectory, name: str, window: int | None = None) -> list[Message]:
    """Returns the messages of `conversation`, followed by a template that asks about the last draft. If the template
    contains {question}, only the system prompt comes before it."""
    wording = client.template(name)
    if "{question}" in wording:
        asked = fill(wording, question=trajectory.question.text, solution=trajectory.text())
        return [*(message for message in client.opening if message.role == "system"), Message("user", asked)]
    return [
        *conversation(client, trajectory, window),
        Message("assistant", trajectory.text()),
        Message("user", wording),
    ]


def with_advice(client: Client, trajectory: Trajectory, messages: list[Message]) -> list[Message]:
    """Returns the messages, with the critic's advice for the next part appended to the last message."""
    if not trajectory.advice:
        return messages
    advice = fill(client.template("advice"), advice=trajectory.advice)
    return [*messages[:-1], Message(messages[-1].role, f"{messages[-1].content}\n\n{advice}")]
