"""Threads that waited since an earlier redraft continue.

`before/thread.sqlite` is a thread of the build of 2026-11-29, in which `correct` waits for a person's answer;
`before/best_first.json` is a search of that build, with nodes that wait.
"""

import json
import shutil
from heapq import heapify, heappop
from pathlib import Path
from typing import Any

from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.types import Command

from redraft.agents import graph
from redraft.agents.search.node import Node
from redraft.agents.search.queue_search import depth_first
from redraft.agents.search.search import Search
from redraft.agents.studio.tree_json import from_json, to_json
from redraft.store import Question, Trajectory

BEFORE = Path(__file__).with_name("before")


async def test_a_thread_that_waited_for_a_person_goes_on(tmp_path: Path) -> None:
    file = shutil.copy(BEFORE / "thread.sqlite", tmp_path / "thread.sqlite")
    async with AsyncSqliteSaver.from_conn_string(str(file)) as saver:
        agent = graph("correct", checkpointer=saver)
        thread: Any = {"configurable": {"thread_id": "leo"}}
        state = await agent.ainvoke(Command(resume="wrong"), thread, context={"feedback": "human", "turns": 2})
    [trajectory] = state["trajectories"]
    assert trajectory["turns"] == 2
    assert [draft["answer"] for draft in state["drafts"].values()] == ["29", trajectory["answer"]]


def test_a_search_keeps_its_nodes_and_their_order() -> None:
    before = json.loads((BEFORE / "best_first.json").read_text())
    search = from_json(before)
    assert isinstance(search, Search)
    assert [node.value for node in search.nodes] == [node.get("value") for node in before["nodes"]]
    assert [len(node.steps) for node in search.nodes] == [
        len(node["path"].get("steps", ())) for node in before["nodes"]
    ]
    assert search.queue == [((cost,), index) for cost, index in before["queue"]]


def test_a_depth_first_search_takes_its_stack_from_the_last_node_on() -> None:
    """Two siblings wait, and below the sibling that was taken two more, the best last."""
    search = Search(Question("p", "1 + 1?", unit="u"))
    search.nodes = [
        Node(Trajectory(search.question), index=index, depth=depth, value=value)
        for index, (depth, value) in enumerate([(0, None), (1, 0.2), (1, 0.9), (1, 0.4), (2, 0.1), (2, 0.3)])
    ]
    stack = [(0.2, 1), (0.4, 3), (0.1, 4), (0.3, 5)]
    data = to_json(search) | {"queue": stack}
    search = from_json(data)
    assert isinstance(search, Search)
    heapify(search.queue)
    order = [heappop(search.queue) for _ in stack]
    assert [index for _, index in order] == [index for _, index in reversed(stack)]
    assert [priority for priority, _ in order] == [depth_first(search.nodes[index]) for _, index in order]
