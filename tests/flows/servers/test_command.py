"""A server of trained models by a command line: real processes that serve the embedded model over HTTP."""

import asyncio
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from redraft.flows.display.progress import Silent
from redraft.flows.self_train import self_train
from redraft.flows.self_training.models import LoopModel
from redraft.flows.self_training.result import SelfTraining
from redraft.flows.self_training.serving import Serving
from redraft.flows.servers.command import command
from redraft.flows.servers.model_server import Served, ServerError, ServingTask
from redraft.llm.prompts.prompts import Prompts
from redraft.llm.providers.embedded.model import HERE
from redraft.store import Store
from redraft.store.errors import PartError

SERVE = Path(__file__).with_name("serve_embedded.py")
NUDGE = Path(__file__).parents[1] / "self_training" / "nudge.py"
PROMPTS = Prompts(templates={"solve": "solve\n{question}"})


def line(*words: object) -> str:
    return shlex.join(map(str, words))


def serving(log: Path) -> str:
    return line(sys.executable, SERVE, "{model}", "{port}", log)


def task(name: str, weights: Path | None = None) -> ServingTask:
    return ServingTask(name=name, weights=weights, api_base=None, say=lambda line: None)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"


def started(log: Path) -> list[tuple[str, int, str]]:
    lines = log.read_text().splitlines() if log.exists() else []
    return [(what, int(pid), folder) for what, pid, folder in (each.split(" ", 2) for each in lines)]


async def reached(served: Served) -> int:
    url = f"{str(served.api_base).removesuffix('/v1')}/health"
    async with aiohttp.ClientSession() as session, session.get(url) as reply:
        return reply.status


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """The weights of the embedded model in a folder of the user's."""
    folder = tmp_path / "mine"
    folder.mkdir()
    for name in ("weights.npz", "tokenizer.json"):
        shutil.copyfile(HERE / name, folder / name)
    return folder


async def test_a_model_is_served_while_its_context_is_open(weights: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    server = command(command=serving(log), model="mine:{model}")
    async with server(task("first", weights)) as served:
        assert served.model == f"mine:{weights}"
        assert await reached(served) == 200
        [(_, pid, folder)] = started(log)
        assert (alive(pid), folder) == (True, str(weights))
    assert not alive(pid)
    assert [what for what, *_ in started(log)] == ["start", "end"]
    with pytest.raises(aiohttp.ClientError):
        await reached(served)


async def test_models_are_served_one_at_a_time_and_none_while_another_trains(weights: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    one, two = (LoopModel(name, name, name, weights) for name in ("one", "two"))
    async with Serving(command(command=serving(log)), None, lambda line: None) as now:
        first = await now.asked(one)
        assert await now.asked(one) is first
        assert [what for what, *_ in started(log)] == ["start"]
        assert (await now.asked(two))["api_base"] != first["api_base"]
        assert [what for what, *_ in started(log)] == ["start", "end", "start"]
        await now.stop()
        assert [what for what, *_ in started(log)][-1] == "end"
        assert dict(await now.asked(LoopModel("embedded", "embedded", "e"))) == {"model": "embedded"}
        await now.asked(one)
    pids = {pid for _, pid, _ in started(log)}
    assert len(pids) == 3
    assert not any(map(alive, pids))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"command": line(sys.executable, "-c", "print('no room'); raise SystemExit(4)")},
         "ended with exit code 4: no room: mend server.command, and the same command goes on"),
        ({"command": "no-such-server {model}"}, "no-such-server cannot be started: No such file or directory"),
        ({"command": line(sys.executable, "-c", "import time; print('loading', flush=True); time.sleep(99)"),
          "patience": 2.0}, "did not answer in 2 s: loading: raise server.patience, and the same command goes on"),
        ({"command": line(sys.executable, "-m", "http.server", "{port}", "--bind", "127.0.0.1"), "patience": 2.0},
         r"did not answer in 2 s: .*GET /health.* 404"),
    ],
)  # fmt: skip
async def test_a_server_that_does_not_come_up_is_one_line(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ServerError, match=says) as told:
        async with command(**given)(task("m")):
            pass
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"command": "serve {folder}"}, r"\{folder\} in '\{folder\}' is no place; there are model, port"),
        ({"command": " "}, "command of server 'command' is empty"),
        ({"command": "x", "health": "health"}, "is a route such as /health"),
    ],
)
def test_a_mistake_in_the_command_is_told_at_once(given: dict[str, Any], says: str) -> None:
    with pytest.raises(PartError, match=says):
        command(**given)


async def test_a_server_and_its_children_end_with_an_error_and_with_a_stop() -> None:
    """The health of another server lets the context open."""
    healthy = "import http.server, sys\nclass H(http.server.BaseHTTPRequestHandler):\n"
    healthy += " def do_GET(self): self.send_response(200); self.end_headers()\n"
    both = f"{healthy}import subprocess; print(subprocess.Popen(['sleep', '987']).pid, flush=True)\n"
    both += "http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), H).serve_forever()"
    server = command(command=line(sys.executable, "-c", both.replace("{", "{{").replace("}", "}}"), "{port}"))

    def sleepers() -> list[str]:
        found = subprocess.run(["pgrep", "-f", "^sleep 987$"], capture_output=True, text=True, check=False)
        return found.stdout.split()

    async def fail() -> None:
        async with server(task("m")):
            assert len(sleepers()) == 1
            raise RuntimeError("a stage fails")

    with pytest.raises(RuntimeError):
        await fail()
    assert sleepers() == []
    opened = asyncio.Event()

    async def hold() -> None:
        async with server(task("m")):
            opened.set()
            await asyncio.sleep(99)

    work = asyncio.create_task(hold())
    await opened.wait()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert sleepers() == []


def test_a_server_ends_with_a_killed_redraft(weights: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    hold = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from redraft.flows.servers.command import command\n"
        "from redraft.flows.servers.model_server import ServingTask\n"
        "async def main():\n"
        "    task = ServingTask(name='m', weights=Path(sys.argv[2]), api_base=None, say=print)\n"
        "    async with command(command=sys.argv[1])(task):\n"
        "        print('open', flush=True)\n"
        "        await asyncio.sleep(99)\n"
        "asyncio.run(main())\n"
    )
    words = [sys.executable, "-c", hold, serving(log), str(weights)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout
        while program.stdout.readline() != "open\n":
            pass
        program.send_signal(signal.SIGKILL)
    [(_, pid, _)] = started(log)[:1]
    end = time.monotonic() + 10
    while alive(pid) and time.monotonic() < end:
        time.sleep(0.05)
    assert not alive(pid)


@pytest.fixture
def loop(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Awaitable[SelfTraining]]:
    """A round whose models a server serves, in an empty working folder."""
    monkeypatch.chdir(tmp_path)
    trainer = {"trainer.command": line(sys.executable, NUDGE, "{rows}", "{base}", "{out}")}
    common: dict[str, Any] = {
        "model": str(weights), "prompts": PROMPTS, "trainer": "command", "server": "command", "db": "r.duckdb",
        "limit": 6, "samples": 3, "heldout_limit": 6, "heldout_samples": 2, "progress": Silent(), "method": "mended",
    }  # fmt: skip

    async def run(command: str, **given: Any) -> SelfTraining:
        arguments = {**trainer, "server.command": command}
        return await self_train("builtin", arguments=arguments, **{**common, **given})

    return run


async def test_the_next_round_asks_the_trained_model(
    loop: Callable[..., Awaitable[SelfTraining]], weights: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    found = await loop(serving(log))
    assert [one.state for one in found.rounds] == ["evaluated", "evaluated"]
    policy = f"{found.folder}/round-1/policy"
    assert [(what, folder) for what, _, folder in started(log)] == [
        ("start", str(weights)), ("end", str(weights)), ("start", policy), ("end", policy)
    ]  # fmt: skip
    with Store(tmp_path / "r.duckdb") as store:
        calls = "SELECT model, count(*) FROM calls WHERE error IS NULL GROUP BY ALL ORDER BY model"
        assert store.query(calls).rows == [(str(weights), 6 * 3 + 6 * 2), (policy, 6 * 2)]
    again = await loop(serving(log))
    assert again.rounds == found.rounds
    assert len(started(log)) == 4, "nothing is left to ask"


async def test_a_server_that_fails_leaves_the_round_before_and_the_same_loop_goes_on(
    loop: Callable[..., Awaitable[SelfTraining]], tmp_path: Path
) -> None:
    log, script = tmp_path / "log", tmp_path / "serve.sh"
    script.write_text(f'case "$1" in *policy) echo no memory; exit 3;; esac\nexec {sys.executable} {SERVE} "$@"\n')
    failing = line("sh", script, "{model}", "{port}", log)
    with pytest.raises(ServerError, match=r"the server sh ended with exit code 3: no memory: mend server\.command"):
        await loop(failing)
    with Store(tmp_path / "r.duckdb") as store:
        rounds = "SELECT round, state FROM rounds ORDER BY round"
        assert store.query(rounds).rows == [(0, "evaluated"), (1, "trained")]
        [(made,)] = store.query("SELECT count(*) FROM calls").rows
    assert not any(alive(pid) for _, pid, _ in started(log))
    found = await loop(serving(log))
    assert [one.state for one in found.rounds] == ["evaluated", "evaluated"]
    with Store(tmp_path / "r.duckdb") as store:
        assert store.query("SELECT count(*) FROM calls").rows == [(made + 6 * 2,)]
        assert len(store.query("SELECT DISTINCT loop_id FROM rounds").rows) == 1


async def test_a_server_argument_without_a_server_is_a_mistake(loop: Callable[..., Awaitable[SelfTraining]]) -> None:
    with pytest.raises(PartError, match=r"server\.command is an argument of a server: name one by --server"):
        await loop("serve {model}", server=None)
