"""Feedback from tools, without a model or a key (CRITIC, Gou et al. 2024): equations are checked and programs are
run."""

from collections.abc import Sequence

from redraft.agents.feedback.feedback import Feedback, Remark, line_number, wording
from redraft.graders.programs.program_runner import failure
from redraft.graders.programs.sandbox import Sandbox
from redraft.llm.client.client import Client
from redraft.llm.gather import gather
from redraft.store.problems import Kind
from redraft.store.tables.rows.equations import equations
from redraft.store.trajectory import Step, Trajectory


def tool(
    client: Client | None = None, *, sandbox: Sandbox | None = None, keep: bool = False, limit_s: float = 5.0
) -> Feedback:
    """Names the first line whose equation does not hold, or the failure of the draft's program.

    The program runs with the tests that the question shows. There is no remark if every equation holds and the program
    passes. With `keep`, the next draft begins with the steps before the wrong line. `limit_s` is the time limit in
    seconds for a program in the sandbox, and for each test. A failure of the sandbox itself does not count. Raises
    PartError if there is no sandbox.
    """

    async def said(trajectory: Trajectory) -> Remark | None:
        question = trajectory.question
        if question.kind is Kind.CODE:
            report = await failure(trajectory.answer, question.tests, limit_s, sandbox)
            return Remark(wording(client, "program_fails", report=report), "tool") if report else None
        draft = trajectory.draft()
        found = _first_false_equation(draft)
        if found is None:
            return None
        index, line, equation = found
        text = wording(client, "does_not_hold", line=str(line), equation=equation)
        return Remark(text, "tool", keep=index if keep else 0)

    async def remark(trajectories: Sequence[Trajectory]) -> list[Remark | None]:
        return await gather(said(trajectory) for trajectory in trajectories)

    return remark


def _first_false_equation(draft: Sequence[Step]) -> tuple[int, int, str] | None:
    """Returns a triple of the step's index (from 0), the line number (from 1) and the text of the first equation that
    does not hold. Returns None if every equation holds."""
    for index, step in enumerate(draft):
        line = line_number(draft, index)
        for text in filter(str.strip, step.text.split("\n")):
            wrong = next((equation for equation, holds in equations(text) if not holds), None)
            if wrong is not None:
                return index, line, wrong
            line += 1
    return None
