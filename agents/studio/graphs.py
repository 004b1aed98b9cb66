"""The strategies' graphs for LangGraph Studio and its server, with input, output and state as JSON.

The state of a strategy's own graph contains only numbers, and the tree is stored outside the state, so a step costs
little time. The graph here has the same nodes. Each node reads the tree from the state, runs the strategy's own node of
the same name on the tree, and writes the tree back. Therefore another process can continue a thread from its checkpoint
alone. `langgraph.json` names a function of this module for each strategy; `python -m redraft.agents.studio` prints such
a file.
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
from redraft.agents.studio.state import Draft, drafts, last_draft, trajectory_to_json
from redraft.agents.studio.tree_json import from_json, to_json
from redraft.store.errors import PartError, RedraftError, alternatives
from redraft.store.plugins.discovery import names
from redraft.store.problems import Kind, Problem, Question
from redraft.store.trajectory import Trajectory


class Input(TypedDict):
    """The input of a run. Parts may read the known answer; no prompt of a writer contains it."""

    question: str
    answer: NotRequired[str | None]
    kind: NotRequired[Kind]


class Progress(TypedDict):
    """The data that another process needs to continue a run."""

    arguments: dict[str, Any]  # as the user gave them
    answer: str | None  # the known answer
    state: dict[str, Any]  # the state of the strategy's own graph
    tree: dict[str, Any]  # the explored tree
    calls: list[Any]  # answered calls of a node that waits for a person
    oracle_used: bool


def merge_drafts(before: dict[str, Draft], new: dict[str, Draft] | None) -> dict[str, Draft]:
    """Returns the earlier drafts, updated with new and changed drafts. Returns no drafts if `new` is None."""
    return {} if new is None else {**before, **new}


class Output(TypedDict):
    """The output of a run: every explored trajectory, best first, and the pick as `chosen`. The output includes the
    drafts, because LangGraph's server streams only the parts of the state that belong to the output. The drafts' keys
    are step ids: "0.1" is the second child of "0"."""

    drafts: Annotated[dict[str, Draft], merge_drafts]
    trajectories: list[dict[str, Any]]


class State(TypedDict, total=False):
    """The state of a run."""

    question: str
    answer: str | None
    kind: Kind | None
    drafts: Annotated[dict[str, Draft], merge_drafts]
    trajectories: list[dict[str, Any]]
    progress: Progress


class GraphError(RedraftError, ValueError):
    """Raised if a run can't begin or continue. The message gives the reason in one line. The class is a ValueError,
    because LangGraph's server sends error messages to its clients only for this type."""


StudioGraph = CompiledStateGraph[State, Any, Input, Output]

BEGIN = "begin"


def graph(strategy: Spec, *, checkpointer: BaseCheckpointSaver[Any] | None = None) -> StudioGraph:
    """Returns the graph of a strategy. Its input is a question, as `{"question": ..., "answer": ...}`; its output is a
    list of trajectories.

    A run's context sets the arguments of the strategy, of its parts and of its model (`model`, `api_base`,
    `temperature`, `max_tokens`, `seed`). The thread stores the arguments. A run that continues the thread need not
    repeat them, and new arguments replace earlier values. With a `checkpointer`, any process can continue a thread,
    either after a person's answer or from the node that was interrupted. An agent without its own graph becomes one
    node, `propose`.

    Raises PartError for an unknown strategy; a run raises GraphError for an argument that does not fit, and for a model
    that cannot be used.
    """
    return _graph(strategy, {}, checkpointer)


def factory(strategy: str) -> Callable[[ServerRuntime], Awaitable[StudioGraph]]:
    """Returns a function that LangGraph's server calls to get the graph of a strategy. The graph is built in a thread,
    because the server raises an error if its event loop is blocked by files. The function passes the run's context to
    the graph unchanged. The server's own copy of the context omits names that are not in the schema, and so would hide
    a misspelt name."""

    async def made(runtime: ServerRuntime) -> StudioGraph:
        run = runtime.execution_runtime
        return await asyncio.to_thread(_graph, strategy, (run.context if run else None) or {})

    made.__name__ = strategy
    return made


def langgraph_json() -> dict[str, Any]:
    """Returns the content of `langgraph.json`, the configuration of LangGraph's server, with every strategy."""
    return {"dependencies": ["."], "graphs": {name: f"redraft.agents.studio:{name}" for name in STRATEGIES}}


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
    """The nodes of a strategy's graph. `sent` is the run's context as the server received it."""

    strategy: Spec
    sent: Mapping[str, Any]

    async def begin(self, state: State, runtime: Runtime[Any]) -> Command[Any]:
        """Checks the question and the arguments, and removes the thread's previous question. Also removes the known
        answer and the kind from the state, because the thread's next question may have neither."""
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
        """Runs the strategy's own node of this name.

        If models have answered before the node waits for a person, their answers are stored first. Then the node starts
        again with these answers, calls no model twice, and waits again.
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
    """Returns the trajectories in the form that `solve` returns: if the answer is known, each draft has a grade by
    `oracle`."""
    if answer is None or not trajectories:
        return trajectories
    question = trajectories[0].question
    return await add_oracle_grades(
        trajectories, Problem(question.text, answer, question.problem_id, kind=question.kind)
    )


@contextmanager
def _graph_errors() -> Iterator[None]:
    """Converts an error that the user can fix to a GraphError."""
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
        raise PartError(f"no kind {kind!r} of question; {alternatives(kind, Kind)}")
    return Problem(text, answer, kind=Kind(kind)).ask()


STRATEGIES = tuple(names("strategy"))
globals().update({name: factory(name) for name in STRATEGIES})  # the names in langgraph.json
