"""Writes the log `tests/flows/readers/small.eval` with Inspect itself, which has a model that says what it is told:
`python write_inspect_log.py FILE`. It has each kind of message, score and end that a log may have, in two epochs."""

import shutil
import sys
import tempfile
from collections.abc import Iterator

from inspect_ai import Task, eval
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessageAssistant,
    ChatMessageUser,
    ContentReasoning,
    ContentText,
    ModelOutput,
    ModelUsage,
    get_model,
)
from inspect_ai.scorer import Score, Target, accuracy, mean, scorer
from inspect_ai.solver import Generate, Solver, TaskState, generate, solver, system_message, use_tools
from inspect_ai.tool import Tool, tool

MODEL = "mockllm/model"
SAMPLES = [
    Sample(id="hens", input="How many legs have 3 hens?", target="6", metadata={"level": 1, "subject": "birds"}),
    Sample(id="sum", input="What is 17 + 25?", target="42"),
    Sample(id="colour", input="Which is a colour?", choices=["seven", "blue"], target="B"),
    Sample(id=4, input=[ChatMessageUser(content=text) for text in ("Name a prime", "below 4.")], target=["2", "3"]),
]
LETTERS = {"hens": "C", "sum": "I", "colour": "P", "4": "N"}


@tool
def add() -> Tool:
    async def execute(x: int, y: int) -> str:
        """Adds two numbers.

        Args:
            x: The first.
            y: The second.
        """
        return str(x + y)

    return execute


@scorer(metrics=[accuracy()])
def letter():
    async def score(state: TaskState, target: Target) -> Score:
        return Score(value=LETTERS[str(state.sample_id)], answer=state.output.completion, explanation="as I was told")

    return score


@scorer(metrics={"length": [mean()], "polite": [accuracy()]})
def several():
    async def score(state: TaskState, target: Target) -> Score:
        return Score(value={"length": len(state.output.completion), "polite": True})

    return score


@scorer(metrics=[mean()])
def unsure():
    async def score(state: TaskState, target: Target) -> Score:
        return Score.unscored(reason="timeout") if state.epoch == 1 else Score(value=0.25)

    return score


@solver
def doubt() -> Solver:
    """Asks once more, as a user would."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        if state.sample_id == "hens":
            state.messages.append(ChatMessageUser(content="Are you sure?"))
            state = await generate(state)
        return state

    return solve


def said(text: str, thought: str = "", stop: str = "stop") -> ModelOutput:
    parts = [ContentReasoning(reasoning=thought), ContentText(text=text)] if thought else text
    message = ChatMessageAssistant(content=parts, model=MODEL, source="generate")
    return ModelOutput(model=MODEL, choices=[ChatCompletionChoice(message=message, stop_reason=stop)])


def replies() -> Iterator[ModelOutput]:
    for _ in range(2):
        yield said("Each hen has 4 legs.\nANSWER: 12")
        yield said("A hen has 2 legs, so it is 6.\nANSWER: 6", thought="A hen is a bird.")
        yield ModelOutput.for_tool_call(MODEL, "add", {"x": 17, "y": 25}, content="I add them.")
        yield said("ANSWER: 43")
        yield said("ANSWER: B")
        yield said("Primes are numbers that", stop="max_tokens")


def counted() -> Iterator[ModelOutput]:
    for number, output in enumerate(replies()):
        output.usage = ModelUsage(input_tokens=20 + number, output_tokens=5 + number, total_tokens=25 + 2 * number)
        yield output


def main() -> None:
    model = get_model(MODEL)
    model.api.outputs = counted()
    plan = [system_message("Be brief."), use_tools(add()), generate(), doubt()]
    scorers = [letter(), several(), unsure()]
    task = Task(dataset=MemoryDataset(SAMPLES, name="small"), solver=plan, scorer=scorers, name="small")
    with tempfile.TemporaryDirectory() as folder:
        [log] = eval(task, model=model, epochs=2, max_samples=1, log_dir=folder, display="none")
        assert log.status == "success", log.error
        shutil.copyfile(log.location, sys.argv[1])


main()
