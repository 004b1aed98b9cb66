"""The strategies' graphs for LangGraph Studio and its server: input, output and state are JSON.

A strategy's own graph holds numbers only, and a live tree travels beside it, so that a step costs little time. The
graph here has the same nodes: each takes the tree out of the state, lets the strategy's own node of that name work on
it, and puts it back. A thread's checkpoint is thus all that another process needs to continue. `langgraph.json` names a
function of this module for each strategy; `python -m redraft.agents.studio` prints such a file.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, NotRequired

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.errors import GraphInterrupt
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command
from langgraph_sdk.runtime import ServerRuntime
from msgspec.structs import replace
from typing_extensions import TypedDict

from redraft.agents.build import Spec
from redraft.agents.sampling.graph_runner import INITIAL_STATE
from redraft.agents.solve import add_oracle_grades
from redraft.agents.studio.session import session
from redraft.agents.studio.shape import PROPOSE, graph_shape
from redraft.agents.studio.snapshot import from_json, to_json
from redraft.agents.studio.state import Draft, drafts, last_draft, trajectory_to_json
from redraft.store.errors import PartError, RedraftError
from redraft.store.plugins.discovery import names
from redraft.store.problems import Kind, Problem, Question
from redraft.store.trajectory import Trajectory


class Input(TypedDict):
    """The input of a run. The known answer is for parts that read it; no writer sees it."""

    question: str
    answer: NotRequired[str | None]
    kind: NotRequired[Kind]


class Progress(TypedDict):
    """The data that another process needs to continue."""

    arguments: dict[str, Any]  # as they were given
    answer: str | None  # the known one
    state: dict[str, Any]  # of the strategy's own graph
    tree: dict[str, Any]  # what is explored
    calls: list[Any]  # what was answered to a node that waits for a person
    oracle_used: bool


def merge_drafts(before: dict[str, Draft], new: dict[str, Draft] | None) -> dict[str, Draft]:
    """The earlier drafts with the new and changed ones; no drafts if `new` is None."""
    return {} if new is None else {**before, **new}


class Output(TypedDict):
    """The output of a run: every explored trajectory, best first, the pick `chosen`. The drafts are part of it, since
    LangGraph's server streams only the output's part of the state. Their keys are places in the tree: "0.1" is the
    second below the first."""

    drafts: Annotated[dict[str, Draft], merge_drafts]
    trajectories: list[dict[str, Any]]


class State(TypedDict, total=False):
    """The present state of a run."""

    question: str
    answer: str | None
    kind: Kind | None
    drafts: Annotated[dict[str, Draft], merge_drafts]
    trajectories: list[dict[str, Any]]
    progress: Progress


class GraphError(RedraftError, ValueError):
    """A run that cannot begin or go on, with the reason in one line. It is a ValueError, since LangGraph's server tells
    its clients the text of no other error."""


StudioGraph = CompiledStateGraph[State, Any, Input, Output]

BEGIN = "begin"


def graph(strategy: Spec, *, checkpointer: BaseCheckpointSaver[Any] | None = None) -> StudioGraph:
    """The graph of a strategy: a question goes in, as `{"question": ..., "answer": ...}`, and trajectories come out.

    A run's context sets the arguments of the strategy, of its parts and of its model (`model`, `api_base`,
    `temperature`, `max_tokens`, `seed`). The thread keeps them: a run that goes on need not repeat them, and its new
    arguments have precedence. With a `checkpointer` a thread goes on in any process: after a person's answer, or from
    the node that was cut off. An agent without a graph of its own is one node, `propose`.

    Raises PartError for an unknown strategy; a run raises GraphError for an argument that does not fit, and for a model
    that cannot be used.
    """
    return _graph(strategy, {}, checkpointer)


def factory(strategy: str) -> Callable[[ServerRuntime], Awaitable[StudioGraph]]:
    """A function that LangGraph's server calls for the graph of a strategy. The graph is made in a thread, since the
    server refuses to wait for files. It gets the run's context in its original form: the server removes names that the
    schema lacks from its own copy, and a mistake would stay hidden."""

    async def made(runtime: ServerRuntime) -> StudioGraph:
        run = runtime.execution_runtime
        return await asyncio.to_thread(_graph, strategy, (run.context if run else None) or {})

    made.__name__ = strategy
    return made


def langgraph_json() -> dict[str, Any]:
    """The configuration of LangGraph's server, with every strategy that there is."""
    return {"dependencies": ["."], "graphs": {name: f"redraft.agents.studio.graphs:{name}" for name in STRATEGIES}}


def _graph(
    strategy: Spec, sent: Mapping[str, Any], checkpointer: BaseCheckpointSaver[Any] | None = None
) -> StudioGraph:
    shape, running = graph_shape(strategy), _StrategyNodes(strategy, sent)
    built = StateGraph(State, context_schema=shape.arguments, input_schema=Input, output_schema=Output)
    built.add_node(BEGIN, running.begin, destinations=shape.first)
    for node, ways in shape.ways.items():
        built.add_node(node, partial(running.run, node), destinations=ways)
    built.add_edge(START, BEGIN)
    return built.compile(checkpointer=checkpointer, name=shape.name)


@dataclass(frozen=True, slots=True)
class _StrategyNodes:
    """The nodes of a strategy's graph. `sent` is a run's context in the form in which a server received it."""

    strategy: Spec
    sent: Mapping[str, Any]

    async def begin(self, state: State, runtime: Runtime[Any]) -> Command[Any]:
        """Checks the question and the arguments, and forgets the thread's earlier question. The known answer and the
        kind are no longer in the state then: the thread's next question may have none."""
        answer = state.get("answer")
        with _graph_errors():
            question, arguments = _question(state), self._arguments({}, runtime)
            async with session(self.strategy, arguments, question, answer) as opened:
                tree = to_json(opened.explored())
                first = opened.nodes.first if opened.nodes else PROPOSE
        progress = Progress(
            arguments=arguments, answer=answer, state=INITIAL_STATE, tree=tree, calls=[], oracle_used=False
        )
        update: dict[str, Any] = {
            "answer": None,
            "kind": None,
            "drafts": None,
            "trajectories": [],
            "progress": progress,
        }
        return Command(update=update, goto=first)

    async def run(self, node: str, state: State, runtime: Runtime[Any]) -> Command[Any]:
        """Lets the strategy's own node of this name work.

        If the node waits for a person and models have answered before that, their answers are stored first: the node
        begins anew with them, asks no model twice, and waits again.
        """

        def watch(trajectory: Trajectory) -> None:
            place, row = last_draft(trajectory)
            runtime.stream_writer({"place": place, **row})

        with _graph_errors():
            progress = _progress(state)
            explored = from_json(progress["tree"])
            arguments, calls = self._arguments(progress["arguments"], runtime), progress["calls"]
            answer = progress["answer"]
            async with session(self.strategy, arguments, explored.question, answer, calls=calls, watch=watch) as opened:
                try:
                    then, inner = await opened.work(node, progress["state"], explored)
                except GraphInterrupt:
                    if not (new := opened.calls()):
                        raise
                    return Command(update={"progress": {**progress, "calls": [*calls, *new]}}, goto=node)
        oracle_used = progress["oracle_used"] or opened.oracle_used
        known = state.get("drafts", {})
        update: State = {
            "drafts": {place: row for place, row in drafts(explored).items() if known.get(place) != row},
            "progress": {
                **progress,
                "arguments": arguments,
                "state": inner,
                "tree": to_json(explored),
                "calls": [],
                "oracle_used": oracle_used,
            },
        }
        if then == END:
            found = [
                replace(trajectory, oracle_used=trajectory.oracle_used or oracle_used) for trajectory in explored.ranked
            ]
            update["trajectories"] = list(map(trajectory_to_json, await _with_oracle_grades(found, answer)))
        return Command(update=update, goto=then)

    def _arguments(self, kept: Mapping[str, Any], runtime: Runtime[Any]) -> dict[str, Any]:
        given = {**kept, **(runtime.context or {}), **self.sent}
        return {name: value for name, value in given.items() if value is not None}


async def _with_oracle_grades(trajectories: Sequence[Trajectory], answer: str | None) -> Sequence[Trajectory]:
    """The trajectories, each draft with the oracle's grade if the answer is known, as `solve` returns them."""
    if answer is None or not trajectories:
        return trajectories
    question = trajectories[0].question
    return await add_oracle_grades(
        trajectories, Problem(question.text, answer, question.problem_id, kind=question.kind)
    )


@contextmanager
def _graph_errors() -> Iterator[None]:
    """Raises an error that a person can mend as a GraphError."""
    try:
        yield
    except RedraftError as error:
        raise GraphError(str(error)) from error


def _progress(state: State) -> Progress:
    if "progress" not in state:
        raise PartError("the thread has nothing to go on from: begin it with a question")
    return state["progress"]


def _question(state: State) -> Question:
    text, answer, kind = state.get("question"), state.get("answer"), state.get("kind") or Kind.MATH
    if not isinstance(text, str) or not text.strip():
        raise PartError('a run needs a question, as in {"question": "What is 2 + 3?"}')
    if not isinstance(answer, str | None):
        raise PartError(f"answer={answer!r} is no text: give the known answer in quotation marks, or leave it out")
    if kind not in list(Kind):
        raise PartError(f"no kind {kind!r} of question; there are {', '.join(Kind)}")
    return Problem(text, answer, kind=Kind(kind)).ask()


STRATEGIES = tuple(names("strategy"))
globals().update({name: factory(name) for name in STRATEGIES})  # what langgraph.json names
