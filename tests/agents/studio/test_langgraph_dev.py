"""`langgraph dev` as it is shipped: a client lists, draws, streams, interrupts and resumes every strategy's graph."""

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient

from redraft.agents.studio.graphs import STRATEGIES

ROOT = Path(__file__).parents[3]
QUESTION = {"question": "Leo has 4 bags with 6 pens each. Then 5 pens get lost. How many pens does Leo have?"}
KEYED = {"rationalise"}  # strategies that need the known answer
SMALL: Mapping[str, Mapping[str, int]] = {
    "beam": {"n": 2, "width": 2, "iterations": 2},
    "best_first": {"iterations": 2, "branch": 2},
    "best_of_n": {"samples": 2},
    "dvts": {"n": 2, "width": 2, "iterations": 2},
    "lookahead": {"n": 2, "width": 2, "iterations": 2},
    "mcts": {"iterations": 2, "branch": 2},
    "particle": {"n": 2, "iterations": 2},
    "rest_mcts": {"iterations": 2, "branch": 2},
    "self_consistency": {"samples": 2},
    "token_beam": {"width": 2},
    "tree_of_thoughts": {"k": 2, "b": 1, "depth": 2},
}
START_S = 120.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server in a folder of its own, where it keeps its threads."""
    folder = tmp_path_factory.mktemp("langgraph")
    shutil.copy(ROOT / "langgraph.json", folder)
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    command = [sys.executable, "-m", "langgraph_cli", "dev", "--no-browser", "--no-reload", "--port", str(port)]
    quiet = {"LANGSMITH_TRACING": "false", "LANGGRAPH_CLI_NO_ANALYTICS": "1", "OPENAI_API_KEY": "none"}
    address, log = f"http://127.0.0.1:{port}", folder / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [*command, "--n-jobs-per-worker", "8"], cwd=folder, env=os.environ | quiet, stdout=output, stderr=output
        )
        try:
            _wait(process, address, log)
            yield address
        finally:
            process.terminate()
            process.wait(30)
    assert "BlockingError" not in log.read_text()


def _wait(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()[-3000:]
        try:
            with urllib.request.urlopen(f"{address}/ok", timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise TimeoutError(log.read_text()[-3000:])


@pytest.fixture
def client(server: str) -> LangGraphClient:
    return get_client(url=server, timeout=60)


async def _events(client: LangGraphClient, strategy: str, context: Any, **given: Any) -> list[Any]:
    thread = await client.threads.create()
    streamed = client.runs.stream(
        thread["thread_id"], strategy, context=context, stream_mode=["updates", "custom"], **given
    )
    return [event async for event in streamed]


async def test_it_lists_every_strategy_with_its_schemas_and_its_drawing(client: LangGraphClient) -> None:
    there = await client.assistants.search(limit=100)
    assert sorted(assistant["graph_id"] for assistant in there) == list(STRATEGIES)
    for assistant in there:
        schemas: Any = await client.assistants.get_schemas(assistant["assistant_id"])
        assert schemas["input_schema"]["required"] == ["question"]
        assert {"question", "answer", "kind"} == schemas["input_schema"]["properties"].keys()
        assert schemas["output_schema"]["required"] == ["drafts", "trajectories"]
        for schema in (schemas["context_schema"], schemas["config_schema"]):
            assert {"model", "api_base", "temperature", "max_tokens", "seed"} <= schema["properties"].keys()
            assert all("description" in facts and "default" in facts for facts in schema["properties"].values())
        drawn: Any = await client.assistants.get_graph(assistant["assistant_id"], xray=True)
        nodes = {node["id"] for node in drawn["nodes"]}
        assert {"__start__", "begin", "propose", "choose", "__end__"} <= nodes
        assert nodes <= {"__start__", "begin", "propose", "grade", "critique", "revise", "choose", "__end__"}


@pytest.mark.pairs
async def test_every_strategy_streams_its_drafts_is_interrupted_and_resumed(client: LangGraphClient) -> None:
    async def run(strategy: str) -> None:
        thread = (await client.threads.create())["thread_id"]

        async def updates(**given: Any) -> list[Any]:
            modes: Any = ["updates", "custom"]
            events = [event async for event in client.runs.stream(thread, strategy, stream_mode=modes, **given)]
            assert [event.data for event in events if event.event == "error"] == []
            assert all({"place", "text"} <= event.data.keys() for event in events if event.event == "custom")
            return [update for event in events if event.event == "updates" for update in event.data.items()]

        context = {"max_tokens": 60, **SMALL.get(strategy, {})}
        question = {**QUESTION, "answer": "19"} if strategy in KEYED else QUESTION
        begun = await updates(input=question, context=context, interrupt_before=["choose"])
        assert begun[0] == ("begin", {"drafts": None, "trajectories": []})
        drafts = [
            draft for node, update in begun if node != "__interrupt__" for draft in (update["drafts"] or {}).values()
        ]
        assert drafts
        assert all(draft["text"] for draft in drafts if draft.get("stop") != "failed")
        state: Any = await client.threads.get_state(thread)
        assert (state["next"], state["values"]["trajectories"]) == (["choose"], [])

        [(node, update)] = await updates(input=None)
        assert (node, len(update["trajectories"]) > 0) == ("choose", True)

    await asyncio.gather(*map(run, STRATEGIES))


@pytest.mark.parametrize("strategy", ["correct", "best_of_n"])
async def test_a_run_without_a_thread_returns_its_trajectories(client: LangGraphClient, strategy: str) -> None:
    found: Any = await client.runs.wait(
        None, strategy, input={**QUESTION, "answer": "19"}, config={"configurable": {"samples": 2, "max_tokens": 60}}
    )
    assert found.keys() == {"drafts", "trajectories"}
    assert len(found["trajectories"]) == 2
    assert {trajectory["correct"] for trajectory in found["trajectories"]} <= {True, False}


async def test_a_person_is_asked_and_the_thread_goes_on_and_may_be_forked(client: LangGraphClient) -> None:
    """What the run is given is given once: it goes on with the arguments that it was begun with."""
    thread = (await client.threads.create())["thread_id"]
    asked: Any = await client.runs.wait(
        thread, "correct", input=QUESTION, context={"feedback": "human", "turns": 2, "max_tokens": 60}
    )
    [interrupt] = asked["__interrupt__"]
    [draft] = interrupt["value"]["drafts"]
    before: Any = await client.threads.get_state(thread)
    assert before["next"] == ["revise"]
    assert [row["text"] for row in before["values"]["drafts"].values()] == ["".join(draft["steps"])]

    ended: Any = await client.runs.wait(
        thread, "correct", command={"resume": {"verdict": "wrong", "first_wrong_step": 2}}
    )
    [trajectory] = ended["trajectories"]
    assert trajectory["drafts"][0]["feedback"] == "human: Line 2 is doubtful. Check it and solve the problem again."
    after: Any = await client.threads.get_state(thread)
    assert [row["turn"] for row in after["values"]["drafts"].values()] == [1, 2]

    again: Any = await client.runs.wait(thread, "correct", checkpoint=before["checkpoint"])
    assert len(again["__interrupt__"]) == 1
    forked: Any = await client.runs.wait(thread, "correct", command={"resume": "right"})
    assert [trajectory["turns"] for trajectory in forked["trajectories"]] == [1]


async def test_the_client_of_the_guide_works(
    server: str, tmp_path: Path, guide_program: Callable[[str, str], str]
) -> None:
    program = guide_program("studio.md", "ask.py").replace("http://127.0.0.1:2024", server)
    command = [sys.executable, "-c", program]
    done = await asyncio.to_thread(
        subprocess.run, command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "updates {'propose': {'drafts': {'" in done.stdout
    assert "human: Line 2 is doubtful. Check it and solve the problem again.\n" in done.stdout
    assert done.stdout.rstrip().endswith(" None")
    assert "#### " in done.stdout.rstrip().splitlines()[-1]


@pytest.mark.parametrize(
    ("context", "said"),
    [
        ({"temprature": 1}, "no argument 'temprature' of strategy 'correct'"),
        ({"turns": "many"}, "turns='many' does not fit: it wants a whole number"),
        ({"feedback.threshold": "low"}, "feedback.threshold='low' does not fit: it wants a number"),
    ],
)
async def test_a_wrong_argument_is_told_by_its_name(
    client: LangGraphClient, context: Mapping[str, Any], said: str
) -> None:
    events = await _events(client, "correct", context, input=QUESTION)
    [error] = [event.data for event in events if event.event == "error"]
    assert error["message"].startswith(said)
    assert "\n" not in error["message"]


async def test_no_part_and_no_route_waits_for_a_file_in_the_servers_loop(
    client: LangGraphClient, openai_server: Any
) -> None:
    """The server ends a run that does."""
    openai_server.write = lambda messages, seed, index: "I think.\n\n#### 19"
    served = {"model": "m", "api_base": openai_server.url}
    given = {**QUESTION, "answer": "19"}
    runs: list[tuple[str, dict[str, Any]]] = [
        *(("best_of_n", {"grader": name}) for name in ("oracle", "prm", "orm", "rollout", "omegaprm", "judge")),
        *(("correct", {"feedback": name}) for name in ("self", "critic", "oracle", "random", "fixed", "tool")),
        *(("beam", {"critic": name, "iterations": 2}) for name in ("model", "prm", "step")),
        ("correct", {"draft": "mcts", "draft.iterations": 2}),
        ("correct", {**served, "feedback": "self"}),
        ("program_of_thought", served),
        ("beam", {**served, "iterations": 2, "grader": "judge"}),
    ]

    failed: list[Any] = []

    async def run(strategy: str, context: dict[str, Any]) -> None:
        small = {"samples": 2} if strategy == "best_of_n" else {"turns": 2} if strategy == "correct" else {}
        events = await _events(client, strategy, {"max_tokens": 60, **small, **context}, input=given)
        failed.extend((strategy, context, event.data) for event in events if event.event == "error")

    await asyncio.gather(*(run(*each) for each in runs))
    assert failed == []
    assert openai_server.requests
