"""The strategies' graphs on the embedded model, for LangGraph Studio and for drawing: `langgraph.json` names these."""

from typing import Any

from redraft.agents.load import build
from redraft.llm.client import Client
from redraft.llm.route import route


def greedy() -> Any:
    """One draft at temperature 0."""
    return _graph("greedy")


def best_of_n() -> Any:
    """Independent drafts, of which a grader picks one."""
    return _graph("best_of_n")


def self_consistency() -> Any:
    """Independent drafts vote."""
    return _graph("self_consistency")


def correct() -> Any:
    """Draft, judge, critique, revise."""
    return _graph("correct")


def mcts() -> Any:
    """Monte-Carlo tree search over steps."""
    return _graph("mcts")


def rest_mcts() -> Any:
    """Tree search with a self-critic, by values that grow towards the answer."""
    return _graph("rest_mcts")


def _graph(strategy: str) -> Any:
    return getattr(build(strategy, Client(route("embedded"))), "graph")  # noqa: B009 - an Agent need not have one
