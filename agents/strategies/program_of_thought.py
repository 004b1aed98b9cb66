"""Program of thought: the model writes a program, and the program computes the answer (Chen et al. 2022; PAL, Gao et
al. 2022)."""

from typing import Literal

from langgraph.graph import END, START, StateGraph
from langgraph.types import Command
from msgspec.structs import replace

from redraft.agents.agent import Agent, Watch, at_least_one
from redraft.agents.policies.policy import Policy
from redraft.agents.policies.step_reader import Continuation, extend, with_sample_number
from redraft.agents.sampling.early_stop import count_votes, vote
from redraft.agents.sampling.graph import GraphAgent, State, Tree, TreeRuntime, notify, selected_trajectory
from redraft.graders.programs.program_reader import FENCE
from redraft.graders.programs.program_runner import apart, computed
from redraft.graders.programs.sandbox import Sandbox
from redraft.graders.selectors import majority
from redraft.llm.client.client import Client
from redraft.llm.gather import gather
from redraft.llm.model import Choice, Finish, Message, ModelError
from redraft.llm.prompts.templates import fill
from redraft.store.trajectory import Grade, Stop, Trajectory


def program_of_thought(
    client: Client,
    *,
    policy: Policy,
    samples: int = 1,
    limit_s: float = 5.0,
    fallback: bool = False,
    sandbox: Sandbox | None = None,
    watch: Watch | None = None,
) -> Agent:
    """Draws `samples` programs in one call, runs each in the sandbox, and picks the most frequent answer.

    If several answers are equally frequent, the answer that was drafted first wins. (With more than one program, this
    is PoT-SC.) Each program runs for at most `limit_s` seconds.

    The program is the last Python block in the reply, or the whole reply if there is no block. It is a step of its own.
    Its answer is the variable `ans`, otherwise the return value of `solution()`, otherwise the value of its last
    expression, otherwise its last printed line. A program that can't be run, fails or computes nothing has no answer
    and no vote, and the trajectory's `reason` names the cause. The program's step also gets a grade by `sandbox`,
    without a value, whose `reason` describes the result of the run. With `fallback`, the `policy` drafts a solution in
    words instead of each such program.

    Raises PartError for a count below 1, and if there is no sandbox.

    Args:
        samples: The number of programs.
        limit_s: The time limit of a program in seconds.
        fallback: Whether the policy drafts a solution in words to replace each program that fails.
    """
    at_least_one(samples=samples)

    async def propose(state: State, runtime: TreeRuntime) -> State:
        tree = runtime.context
        tree.keep(await _draw_programs(client, Trajectory(tree.question), samples))
        return {"asked": samples}

    async def grade(state: State, runtime: TreeRuntime) -> Command[Literal["revise", "choose"]]:
        tree = runtime.context
        trajectories = await gather(
            _run_program(trajectory, limit_s, sandbox) for trajectory in tree.at(range(samples))
        )
        tree.keep(trajectories)
        notify(watch, trajectories)
        failing = [
            trajectory.sample
            for trajectory in trajectories
            if trajectory.answer is None and trajectory.stop is not Stop.FAILED
        ]
        left = failing if fallback else []
        return Command(update={"open": left}, goto="revise" if left else "choose")

    async def revise(state: State, runtime: TreeRuntime) -> State:
        tree, failing = runtime.context, state.get("open", [])
        drafts = await policy(Trajectory(tree.question), len(failing), samples)
        tree.keep(drafts)
        notify(watch, drafts)
        return {"asked": samples + len(failing), "open": []}

    async def choose(state: State, runtime: TreeRuntime) -> State:
        tree = runtime.context
        trajectories = list(tree.trajectories.values())
        counts = count_votes(trajectories)
        tree.keep(
            replace(trajectory, score=counts[key] / samples)
            for trajectory in trajectories
            if (key := vote(trajectory)) is not None
        )
        trajectories = list(tree.trajectories.values())
        return tree.choose(selected_trajectory(majority(trajectories), trajectories))

    graph = StateGraph(State, context_schema=Tree)
    for step in (propose, grade, revise, choose):
        graph.add_node(step.__name__, step)
    graph.add_edge(START, "propose")
    graph.add_edge("propose", "grade")
    graph.add_edge("revise", "choose")
    graph.add_edge("choose", END)
    return GraphAgent(graph.compile(name="program_of_thought"), limit=6)


async def _draw_programs(client: Client, trajectory: Trajectory, n: int) -> list[Trajectory]:
    """Returns `n` trajectories, each of which is a reply with a program. The steps are the text before the program, the
    program, and the text after it."""
    system = [message for message in client.opening if message.role == "system"]
    asked = Message("user", fill(client.template("solve_program"), question=trajectory.question.text))
    request = client.request([*system, asked], n=n)
    drawn = await client.draw(trajectory.question, "propose", trajectory.place, request)
    return [_program_trajectory(trajectory, number, one) for number, one in enumerate(drawn)]


def _program_trajectory(trajectory: Trajectory, number: int, drawn: Choice | ModelError) -> Trajectory:
    if isinstance(drawn, ModelError):
        return replace(with_sample_number(trajectory, number), stop=drawn.stop, reason=str(drawn))
    part = Continuation(drawn.text, drawn.finish is Finish.END)
    return replace(extend(trajectory, number, drawn, part, apart(drawn.text)), answer=None)


async def _run_program(trajectory: Trajectory, limit_s: float, sandbox: Sandbox | None) -> Trajectory:
    """Returns the trajectory with the program's result as the answer, or with the reason why there is no result."""
    if trajectory.stop is Stop.LENGTH:
        return replace(trajectory, reason="It was cut off before its program had ended.")
    if trajectory.stop is not Stop.ANSWERED:
        return trajectory
    answer, said = await computed(trajectory.text(), limit_s, sandbox)
    draft = trajectory.draft()
    code = next((step for step in reversed(draft) if FENCE.match(step.text.lstrip("\n"))), draft[-1])
    ran = Grade("sandbox", trajectory.trajectory_id, trajectory.turn, reason=said, step_id=code.step_id)
    return replace(
        trajectory, answer=answer, reason=None if answer is not None else said, grades=(*trajectory.grades, ran)
    )
