"""The first hour with redraft as one program: from an empty folder to training rows, a schedule and a graph in a
server.

    pip install 'redraft[studio]' datasets
    python examples/first_hour.py first_hour

It writes to the given folder, needs no API key, and takes three minutes. Each command is printed before it runs. If
PREFECT_API_URL is the address of a Prefect server, the schedule is deployed there. Otherwise a temporary server is
started.
"""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.request import urlopen

from datasets import load_dataset
from langgraph_sdk import get_client
from prefect.client.orchestration import PrefectClient
from prefect.client.orchestration import get_client as prefect_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterName
from prefect.client.schemas.objects import FlowRun

QUESTION = "Leo has 4 bags with 6 pens each. Then 5 pens get lost. How many pens does Leo have?"
PATIENCE_S = 240.0


def main(folder: Path) -> None:
    """Runs all parts in order. Raises if a command fails."""
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(folder)

    title("Draft and judge problems of the training split; a wrong draft gets a second try")
    shell("redraft generate builtin:split=train --limit 20 --samples 4 --strategy correct")

    title("Does the second try help? On held-out problems, at equal cost")
    shell(
        "redraft evaluate builtin:split=heldout --limit 10 --samples 2 --strategy correct --strategy self_consistency"
    )

    title("Which drafts make training data, and why do the others not?")
    shell("redraft filter")
    shell("redraft export train.jsonl")
    rows = load_dataset("json", data_files="train.jsonl", split="train", cache_dir="datasets")
    print(f"{rows.num_rows} rows; the first: {rows[0]}")

    title("Ask the store")
    shell("redraft query \"SELECT strategy, k, pass_at_k, problems FROM pass_at_k WHERE draft = 'first' ORDER BY ALL\"")
    shell("redraft query 'SELECT stop, correct, count(*) AS drafts FROM samples GROUP BY ALL ORDER BY ALL'")

    title("Every night; here every minute, so that we see it happen")
    with ExitStack() as open_until_the_end:
        if "PREFECT_API_URL" not in os.environ:
            open_until_the_end.enter_context(prefect_server())
        asyncio.run(scheduled_run())

    title("The same strategy as a graph in LangGraph's server")
    with langgraph_server() as url:
        asyncio.run(ask(url))


async def scheduled_run() -> None:
    """Deploys the nightly flow under a separate name, so that an existing deployment is not changed. Lets the server
    schedule it, and waits until one run has ended."""
    shell("redraft schedule --overwrite")
    shell("sed -i 's/name: nightly/name: first-hour/' prefect.yaml")
    shell("prefect --no-prompt work-pool create first-hour --type process --overwrite")
    shell("prefect --no-prompt deploy --name first-hour --pool first-hour --cron '* * * * *' --param limit=5")
    with background("prefect worker start --pool first-hour", Path("worker.log")):
        async with prefect_client() as client:
            try:
                run = await until(lambda: ended_run(client))
            finally:
                shell("prefect deployment delete nightly/first-hour")
    assert run.state is not None
    print(f"The schedule's run {run.name} ended {run.state.name}: {run.state.message}")
    if not run.state.is_completed():
        raise SystemExit(Path("worker.log").read_text())


async def ended_run(client: PrefectClient) -> FlowRun | None:
    """Returns the first run of the deployment that has ended, or None."""
    named = DeploymentFilter(name=DeploymentFilterName(any_=["first-hour"]))
    runs = await client.read_flow_runs(deployment_filter=named)
    return next((run for run in runs if run.state is not None and run.state.is_final()), None)


async def ask(url: str) -> None:
    """Sends a question to the graph of `correct`, and prints each draft as it arrives."""
    client = get_client(url=url)
    thread = await client.threads.create()
    arguments = {"turns": 2, "max_tokens": 100}
    async for part in client.runs.stream(
        thread["thread_id"],
        "correct",
        input={"question": QUESTION, "answer": "19"},
        context=arguments,
        stream_mode="custom",
    ):
        print(part.event, part.data)
    values = (await client.threads.get_state(thread["thread_id"]))["values"]
    assert isinstance(values, dict)
    for trajectory in values["trajectories"]:
        print(f"answer {trajectory['answer']}, correct: {trajectory['correct']}, chosen: {trajectory['chosen']}")


@contextmanager
def prefect_server() -> Iterator[None]:
    """Runs a Prefect server with its own database, which all following commands use."""
    port = free_port()
    os.environ["PREFECT_HOME"] = str(Path("prefect").resolve())
    os.environ["PREFECT_API_URL"] = f"http://127.0.0.1:{port}/api"
    with background(f"prefect server start --port {port} --no-ui", Path("prefect.log")):
        answering(f"http://127.0.0.1:{port}/api/health")
        yield


@contextmanager
def langgraph_server() -> Iterator[str]:
    """Runs LangGraph's server with every strategy, and yields its address."""
    port = free_port()
    shell(f"{sys.executable} -m redraft.agents.studio > langgraph.json")
    with background(f"langgraph dev --no-browser --no-reload --port {port}", Path("langgraph.log")):
        answering(f"http://127.0.0.1:{port}/ok")
        yield f"http://127.0.0.1:{port}"


def title(text: str) -> None:
    print(f"\n== {text}", flush=True)


def shell(command: str) -> None:
    """Runs a command and shows its output. Raises if it fails."""
    print(f"$ {command}", flush=True)
    subprocess.run(command, shell=True, check=True)


@contextmanager
def background(command: str, log: Path) -> Iterator[None]:
    """Runs a command in the background until the block ends. Its output is written to the log."""
    print(f"$ {command} &", flush=True)
    with log.open("w") as output:
        process = subprocess.Popen(command.split(), stdout=output, stderr=output)
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:  # a worker that a script started in the background ignores SIGTERM
                process.kill()


def answering(url: str) -> None:
    """Waits until a server replies. Raises TimeoutError if it does not."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        try:
            with urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.3)
    raise TimeoutError(f"nobody answers at {url}")


async def until(found: Callable[[], Awaitable[FlowRun | None]]) -> FlowRun:
    """Calls `found` until it returns a value, and returns the value. Raises TimeoutError if it does not."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if there := await found():
            return there
        await asyncio.sleep(1)
    raise TimeoutError("the schedule started no run, or none that ended: see worker.log")


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "first_hour"))
