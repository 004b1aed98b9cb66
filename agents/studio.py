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


def debate() -> Any:
    """Drafts are shown to each other for some rounds, and vote."""
    return _graph("debate")


def token_beam() -> Any:
    """The likeliest drafts, by beam search over tokens."""
    return _graph("token_beam")


def mcts() -> Any:
    """Monte-Carlo tree search over steps."""
    return _graph("mcts")


def rest_mcts() -> Any:
    """Tree search with a self-critic, by values that grow towards the answer."""
    return _graph("rest_mcts")


def beam() -> Any:
    """Candidates grow step by step, and the best of them go on."""
    return _graph("beam")


def dvts() -> Any:
    """Independent greedy subtrees."""
    return _graph("dvts")


def lookahead() -> Any:
    """Beam search by where candidates lead."""
    return _graph("lookahead")


def best_first() -> Any:
    """The most promising open path is always the next to grow."""
    return _graph("best_first")


def particle() -> Any:
    """Paths are drawn anew after each step, as often as their values say."""
    return _graph("particle")


def tree_of_thoughts() -> Any:
    """Deliberate search over steps, breadth first or depth first."""
    return _graph("tree_of_thoughts")


def program_of_thought() -> Any:
    """Programs are written and run, and what they compute is the answer."""
    return _graph("program_of_thought")


def _graph(strategy: str) -> Any:
    return getattr(build(strategy, Client(route("embedded"))), "graph")  # noqa: B009 - an Agent need not have one
