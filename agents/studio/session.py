"""A session: a strategy and its model, built from JSON arguments for the time in which one node of a graph runs."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

from langgraph.graph import END
from langgraph.runtime import Runtime

from redraft.agents.agent import Agent, Watch, at_least_one
from redraft.agents.build import Spec, build, resolve
from redraft.agents.sampling.graph import GraphAgent, Tree
from redraft.agents.sampling.graph_runner import ALWAYS_WALK, Nodes, is_sequential
from redraft.agents.search.search import Search, SearchAgent
from redraft.agents.studio.arguments_json import MODEL
from redraft.agents.studio.tree_json import Explored, to_plain
from redraft.graders.answers.checker import Checker
from redraft.llm.client.client import Client
from redraft.llm.model import Model, Sampling
from redraft.llm.providers.route import route
from redraft.llm.providers.shared.redaction import LOCATION_SECRET
from redraft.llm.truncation import Truncation
from redraft.store.errors import PartError, alternatives
from redraft.store.journal import Journal
from redraft.store.json_records import call_from_json, call_to_json
from redraft.store.plugins.arguments import convert
from redraft.store.problems import Keyring, Question


@dataclass(frozen=True, slots=True)
class Session:
    """A strategy, its model and the question. `nodes` are the nodes of the strategy's own graph, or None if it has no
    graph."""

    agent: Agent
    nodes: Nodes | None
    question: Question
    _keys: Keyring
    _journal: Journal

    def explored(self) -> Explored:
        """Returns an empty tree for the question."""
        return Search(self.question) if isinstance(self.agent, SearchAgent) else Tree(self.question)

    async def work(self, node: str, state: dict[str, Any], explored: Explored) -> tuple[str, dict[str, Any]]:
        """Runs a node, or the whole agent if `nodes` is None. Returns a pair of the next node's name (END after the
        last node) and the new state. The results are added to `explored`."""
        walked = ALWAYS_WALK.set(True)
        try:
            if self.nodes:
                return await self.nodes.run(node, state, Runtime(context=explored))
            explored.ranked = await self.agent(self.question)
            return END, state
        finally:
            ALWAYS_WALK.reset(walked)

    def calls(self) -> list[Any]:
        """Returns the calls of this session to models and persons, with their answers, as JSON data."""
        made = self._journal.calls(self.question.unit)
        return [[to_plain(call_to_json(call)), to_plain(choices)] for call, choices in made]

    @property
    def oracle_used(self) -> bool:
        """True if a part has read the known answer in this session."""
        return self._keys.was_opened(self.question.unit)


@asynccontextmanager
async def session(
    strategy: Spec,
    arguments: Mapping[str, Any],
    question: Question,
    answer: str | None = None,
    *,
    calls: Sequence[Any] = (),
    watch: Watch | None = None,
) -> AsyncIterator[Session]:
    """Yields a session of a strategy with these arguments and the known `answer`, and closes its model at the end.

    `calls` are calls that already have answers; they are not made again. Files are read and parts are built in a
    thread, because a server's event loop must not block on files. Raises PartError for an argument that does not fit,
    and ModelError for a model that cannot be used.
    """
    keys = None if answer is None else Keyring({question.problem_id: answer})
    journal = Journal(None)
    for call, choices in calls:
        journal.preload(call_from_json(call), choices)

    def built() -> tuple[Client, Agent]:
        given = check_arguments(strategy, arguments)
        parts = {name: value for name, value in given.items() if name not in MODEL}
        model = _model(given.get("model", EMBEDDED), given.get("api_base"))
        client = Client(model, journal=journal, sampling=_sampling(given))
        return client, build(strategy, client, keys=keys, watch=watch, checker=_checker(), **parts)

    client, agent = await asyncio.to_thread(built)
    try:
        yield Session(agent, own_nodes(agent), question, keys or Keyring(), journal)
    finally:
        await client.close_others()
        if client.model.remote:
            await client.model.close()


def own_nodes(agent: Agent) -> Nodes | None:
    """Returns the nodes of an agent's own graph; None if the agent has no graph, or if several nodes of the graph can
    run at once."""
    if isinstance(agent, GraphAgent | SearchAgent) and is_sequential(agent.graph):
        return Nodes(agent.graph)
    return None


def check_arguments(strategy: Spec, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the arguments of a strategy and its model, converted to the types of their parameters. JSON numbers and
    booleans are converted as `--set` converts strings. Raises PartError, which names the first argument that does not
    fit."""
    texts = {name: _text(name, value) for name, value in arguments.items() if value is not None}
    known = {**MODEL, **resolve(strategy, texts)}
    if unknown := next((name for name in texts if name not in known), None):
        name = strategy if isinstance(strategy, str) else getattr(strategy, "__name__", str(strategy))
        raise PartError(f"no argument {unknown!r} of strategy {name!r}; {alternatives(unknown, sorted(known))}")
    for name, text in texts.items():
        if name.endswith("api_base") and re.search(LOCATION_SECRET, text):
            raise PartError(f"{name} holds a password or a key, which threads would keep: set REDRAFT_API_KEY instead")
    found: dict[str, Any] = texts | {
        name: convert(texts[name], MODEL[name][0], name) for name in MODEL if name in texts
    }
    at_least_one(max_tokens=found.get("max_tokens", 1))
    if found.get("temperature", 0.0) < 0:
        raise PartError(f"temperature={found['temperature']:g} is too low; it must be at least 0")
    return found


def _sampling(given: Mapping[str, Any]) -> Sampling:
    truncation = Truncation(**{field.name: given.get(field.name) for field in fields(Truncation)})
    own = {name: given[name] for name in ("temperature", "max_tokens", "seed") if name in given}
    return Sampling(**own, truncation=truncation)


def _text(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, str | int | float):
        return str(value)
    raise PartError(f"{name}={value!r} does not fit: it wants one text, number or truth value")


EMBEDDED = "embedded"


def _model(name: str, api_base: str | None) -> Model:
    return _embedded() if name == EMBEDDED and not api_base else route(name, api_base)


@cache
def _embedded() -> Model:
    """Returns the embedded model. Its weights are read once."""
    return route(EMBEDDED)


@cache
def _checker() -> Checker:
    """Returns the checker of all parts that read the known answer. Its processes start at the first question."""
    return Checker()
