"""Reflexion (Shinn et al. 2023): a program is run on unit tests, and the model explains in words why it failed."""

from collections.abc import Sequence

from redraft.agents.feedback.feedback import Feedback, Remark, wording
from redraft.agents.feedback.model_feedback import ask_about_each
from redraft.agents.policies.messages import conversation
from redraft.graders.programs.program_reader import program
from redraft.graders.programs.program_runner import failure
from redraft.graders.programs.sandbox import Sandbox
from redraft.llm.client.client import Client
from redraft.llm.model import Message, ModelError
from redraft.store.errors import PartError
from redraft.store.problems import Kind, Question
from redraft.store.trajectory import Trajectory


def tests(
    client: Client,
    *,
    sandbox: Sandbox | None = None,  # noqa: PT028
    reflect: bool = True,  # noqa: PT028
    temperature: float = 0.0,  # noqa: PT028
    limit_s: float = 5.0,  # noqa: PT028
) -> Feedback:
    """Runs the program on unit tests and reports the tests that fail; there is no remark if all tests pass.

    The feedback uses the tests that the question shows. If the question shows no tests, the model writes tests from the
    question alone. The tests of the answer key are never used. With `reflect`, the model first explains the failure,
    sampled at `temperature`, and the remark has the explanation and the failed tests. Without `reflect`, the remark has
    only the failed tests. Tests that a model wrote may be wrong themselves. `limit_s` is the time limit in seconds for
    the program, and for each test. Raises PartError if the question is not of the kind `code`.
    """

    async def remark(trajectories: Sequence[Trajectory]) -> list[Remark | ModelError | None]:
        if not trajectories:
            return []
        question = trajectories[0].question
        if question.kind is not Kind.CODE:
            raise PartError(
                f"feedback 'tests' runs programs, and this problem is of kind {question.kind}: choose another"
            )
        shown = question.tests or await _write_tests(client, question, temperature)

        async def said(trajectory: Trajectory) -> Remark | None:
            report = await failure(trajectory.answer, shown, limit_s, sandbox)
            if report is None:
                return None
            if not reflect:
                return Remark(wording(client, "program_fails", report=report), "tests")
            words = await _reflection(client, trajectory, report, temperature)
            return Remark(wording(client, "try_again", report=report, reflection=words), "tests")

        return await ask_about_each(said, trajectories)

    return remark


async def _write_tests(client: Client, question: Question, temperature: float) -> tuple[str, ...]:
    """Returns the unit tests that a model writes, one test per item. Raises ModelError if the model writes none."""
    system = [message for message in client.opening if message.role == "system"]
    messages = [*system, Message("user", wording(client, "write_tests", question=question.text))]
    [choice] = await client.complete(question, "feedback", question.root, messages, temperature=temperature)
    lines = (line.strip() for line in (program(choice.text) or "").splitlines())
    found = tuple(line for line in lines if line.startswith("assert "))
    if not found:
        raise ModelError(f"{client.model.name} was asked for tests and wrote none: give the problems visible tests.")
    return found


async def _reflection(client: Client, trajectory: Trajectory, report: str, temperature: float) -> str:
    """Returns the model's explanation why its program failed. Raises ModelError if the call fails."""
    messages = [
        *conversation(client, trajectory),
        Message("assistant", trajectory.text()),
        Message("user", wording(client, "reflect", report=report)),
    ]
    [choice] = await client.complete(
        trajectory.question, "feedback", trajectory.place, messages, temperature=temperature
    )
    if not choice.text.strip():
        raise ModelError(f"{client.model.name} was asked why its program fails and said nothing: ask another model.")
    return choice.text.strip()
