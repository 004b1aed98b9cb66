#!/usr/bin/env bash
# langgraph-api 0.16.7: stream_mode="updates" gives {"node": None} for a node that writes no key of the output schema.
#
# What surprises: langgraph's own `graph.astream(..., stream_mode="updates")` gives all that a node has written. The
#   server, asked for the same graph and the same mode, hands langgraph the keys of `output_schema` as `output_keys`,
#   which sift each update: other keys are left out, and where none remains, None stands in place of the update. The run
#   itself is as it should be, nothing is warned of, and `runs.stream` takes no `output_keys` by which a client could
#   ask for more. Mode "values" is sifted likewise.
# Whom it hurts: graphs that keep drafts, plans or scores in the state and give out an answer. A page or a test that
#   shows each step works with the graph, and breaks or goes blank when the graph is served: `update["draft"]` is a
#   TypeError, since the update is None.
# What to do instead: ask for stream_mode="tasks", whose `result` holds all that the node has written, from the server
#   too; or name in the output schema what clients are to see. Expect None.
#
# Prints what each node of a graph is said to have written: by the graph, by its server, and in mode "tasks". Fails if
# that changes.
set -euo pipefail
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" && wait "$server" || true; }; rm -rf "$folder"' EXIT
cat > "$folder/graph.py" <<'PYTHON'
from typing import TypedDict

from langgraph.graph import END, START, StateGraph


class State(TypedDict, total=False):
    question: str
    draft: str
    answer: str


class Output(TypedDict):
    answer: str


def write(state: State) -> State:
    return {"draft": "six, I think"}


def finish(state: State) -> State:
    return {"draft": "six", "answer": "6"}


graph = (
    StateGraph(State, output_schema=Output)
    .add_node(write)
    .add_node(finish)
    .add_edge(START, "write")
    .add_edge("write", "finish")
    .add_edge("finish", END)
    .compile()
)
PYTHON
cat > "$folder/langgraph.json" <<'JSON'
{"dependencies": ["."], "graphs": {"graph": "./graph.py:graph"}}
JSON
cat > "$folder/stream.py" <<'PYTHON'
import asyncio
import sys
from importlib.metadata import version

from graph import graph
from langgraph_sdk import get_client

INPUT = {"question": "3 + 3"}


async def main() -> None:
    client = get_client(url=sys.argv[1])
    for package in ("langgraph", "langgraph-api", "langgraph-cli", "langgraph-sdk"):
        print(package, version(package))
    async for update in graph.astream(INPUT, stream_mode="updates"):
        print("graph, updates:", update)
    async for update in graph.astream(INPUT, stream_mode="updates", output_keys=["answer"]):
        print("graph, updates, output_keys:", update)
    async for part in client.runs.stream(None, "graph", input=INPUT, stream_mode="updates"):
        if part.event == "updates":
            print("server, updates:", part.data)
    async for part in client.runs.stream(None, "graph", input=INPUT, stream_mode="tasks"):
        if part.event == "tasks" and "result" in part.data:
            print("server, tasks:", {part.data["name"]: part.data["result"]})


asyncio.run(main())
PYTHON
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet \
    "langgraph==1.2.24" "langgraph-api==0.16.7" "langgraph-cli[inmem]==0.4.40" "langgraph-sdk==0.4.14"
export LANGSMITH_TRACING=false LANGGRAPH_CLI_NO_ANALYTICS=1
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cd "$folder"
venv/bin/langgraph dev --no-browser --no-reload --port "$port" > log 2>&1 &
server=$!
for second in {1..120}; do
    venv/bin/python -c "import urllib.request as u; u.urlopen('http://127.0.0.1:$port/ok')" 2> /dev/null && break
    [ "$second" -lt 120 ] && kill -0 "$server" || { cat log; exit 1; }
    sleep 1
done
venv/bin/python stream.py "http://127.0.0.1:$port" | tee seen
diff seen - <<'SEEN'
langgraph 1.2.24
langgraph-api 0.16.7
langgraph-cli 0.4.40
langgraph-sdk 0.4.14
graph, updates: {'write': {'draft': 'six, I think'}}
graph, updates: {'finish': {'draft': 'six', 'answer': '6'}}
graph, updates, output_keys: {'write': None}
graph, updates, output_keys: {'finish': {'answer': '6'}}
server, updates: {'write': None}
server, updates: {'finish': {'answer': '6'}}
server, tasks: {'write': {'draft': 'six, I think'}}
server, tasks: {'finish': {'draft': 'six', 'answer': '6'}}
SEEN
