"""One question, shown while it is solved, on a model that can only chat."""

import io
import json
from dataclasses import replace

from rich.console import Console

from redraft.flows.settings import Settings
from redraft.flows.solve import solve
from redraft.llm.capabilities import EVERYTHING, Continuing
from redraft.llm.model import Choice, Finish, Request
from redraft.llm.prompts.templates import FINISHED, JUDGE, NEXT_STEP
from redraft.llm.scripted import Scripted
from redraft.store.problems import Problem
from redraft.store.tables.store import Store
from redraft.store.trajectory import Stop

STEPS = {"A cat has 4.": ("Two have 8.", False), "Two have 8.": ("The answer is \\boxed{8}", True)}


def script(request: Request, index: int) -> Choice:
    """The first step of a draft, then one more each time; the second draft is called right."""
    asked, before = request.messages[-1].content, request.messages[-2:][0].content
    if asked in (FINISHED, JUDGE):
        right = len(request.messages) > 3
        return Choice({FINISHED: "yes", JUDGE: "right" if right else "wrong"}[asked], Finish.END, 1)
    if asked != NEXT_STEP:
        return Choice("A cat has 4.", Finish.STOP, 4)
    step, final = STEPS[before.strip().rpartition("\n\n")[2]]
    return Choice(json.dumps({"step": step, "final": final}), Finish.END, 9)


async def test_steps_are_shown_one_by_one_and_the_draft_is_revised() -> None:
    model = Scripted(script, name="chatty", capabilities=replace(EVERYTHING, continuing=Continuing.NONE))
    shown = io.StringIO()
    settings = Settings(
        model=model, samples=1, critic="model", arguments={"feedback": "none", "turns": 3}, max_tokens=100
    )
    unit = await solve(
        Problem("How many legs have 2 cats?", "8"), settings, Store(":memory:"), Console(file=shown, width=90)
    )

    [path] = unit.trajectories
    draft = "A cat has 4.\n\nTwo have 8.\n\nThe answer is \\boxed{8}"
    assert (path.text(1), path.text(2), path.answer, path.stop) == (draft, draft, "8", Stop.CRITIC)
    told = ("A cat has 4.", "Two have 8.", "The answer is", "not right", "finished and right", "There may be an error")
    seen = [text for line in shown.getvalue().splitlines() for text in told if text in line]
    assert seen == [*told[:3], told[3], told[5], *told[:3], told[4]]


async def test_the_policy_that_shows_steps_takes_the_arguments_of_the_one_it_stands_for() -> None:
    asked: list[Request] = []

    def draft(request: Request, index: int) -> Choice:
        asked.append(request)
        return Choice(f"Draft {len(asked)}. The answer is \\boxed{{8}}", Finish.END, 4)

    wanted = {"feedback": "fixed", "turns": "4", "policy.window": "1", "policy.temperature": "0.25"}
    settings = Settings(model=Scripted(draft), samples=1, temperature=1.0, arguments=wanted)
    unit = await solve(Problem("2 * 4?", "8"), settings, Store(":memory:"), Console(file=io.StringIO()))

    assert unit.trajectories[0].turn == 4
    assert [len(request.messages) for request in asked] == [1, 3, 3, 3]
    assert [request.messages[1].content[:8] for request in asked[1:]] == ["Draft 1.", "Draft 2.", "Draft 3."]
    assert {request.temperature for request in asked} == {0.25}
