"""The prompt formats that the embedded model was trained on.

The first line of the first user message names the task. A prompt with an unknown first line is rejected, because the
model would answer it with noise. Later user messages are feedback, in one of the forms below.
"""

import re
from collections.abc import Sequence

from redraft.llm.model import Message, UnsupportedRequest

TEMPLATES = {
    "solve": "solve\n{question}",
    "judge": "judge\n{question}\n---\n{solution}",
    "judge_steps": "judge steps\n{question}\n---\n{solution}",
    "finished": "finished\n{question}\n---\n{solution}",
    "rephrase": "rephrase\n{question}",
    "program": "program\n{question}",
}
"""The user message of each task. `solve` accepts questions with an unknown x, and continues a prefix. The answer to
`judge` is `right` or `wrong`, to `judge_steps` one such word per line, and to `finished` `yes` or `no`."""

FOBAR = "{question} The answer is {answer}. What is {variable}?"
"""A question in which one number is hidden as x (X if the question has LaTeX). `solve` accepts it."""

MAY_BE_WRONG = "There may be an error in the solution. Check it and solve the problem again."
IS_WRONG = "The answer is wrong. Solve the problem again."
DOUBTFUL = "Line {line} is doubtful. Check it and solve the problem again."
DOES_NOT_HOLD = "Line {line} does not hold: {equation}. Solve the problem again."

MARKS = tuple(template.split("\n")[0] for template in TEMPLATES.values())
FEEDBACK = re.compile(
    "|".join(
        re.escape(wording).replace(r"\{line\}", r"\d+").replace(r"\{equation\}", r"[^\n]+")
        for wording in (MAY_BE_WRONG, IS_WRONG, DOUBTFUL, DOES_NOT_HOLD)
    )
)

SHORT = 11  # characters
USER, ASSISTANT, END, PAD = "<|user|>", "<|assistant|>", "<|end|>", "<|pad|>"


def render(messages: Sequence[Message], prefix: str = "") -> str:
    """Returns the prompt as one text that ends where the assistant's answer begins. Raises UnsupportedRequest if the
    model was not trained on the format."""
    check(messages)
    turns = [
        f"{USER}{message.content}" if message.role == "user" else f"{ASSISTANT}{message.content}{END}"
        for message in messages
    ]
    return "".join([*turns, ASSISTANT, prefix])


def check(messages: Sequence[Message]) -> None:
    """Raises UnsupportedRequest if the model was not trained on the format of the messages."""
    cure = "Name another model with --model."
    if [m.role for m in messages] != ["user", "assistant"] * (len(messages) // 2) + ["user"]:
        raise UnsupportedRequest(f"The embedded model takes user and assistant messages in turn, and no others. {cure}")
    mark = messages[0].content.split("\n")[0]
    if mark not in MARKS:
        raise UnsupportedRequest(
            f"The embedded model was not trained for {_opening(mark)!r}; it knows {', '.join(MARKS)}. {cure}"
        )
    if len(messages) > 1 and mark != "solve":
        raise UnsupportedRequest(f"The embedded model answers feedback on a solution only, not on {mark!r}. {cure}")
    for message in messages[2::2]:
        if not FEEDBACK.fullmatch(message.content):
            raise UnsupportedRequest(
                f"The embedded model was not trained on the feedback {_opening(message.content)!r}. {cure}"
            )


def _opening(text: str) -> str:
    """Returns the first characters of a text, so few that an error message can quote them without giving a question
    away."""
    return text if len(text) <= SHORT else f"{text[:SHORT]}..."
