"""Starts real servers on the loopback address: llama.cpp, `transformers serve` and vLLM with the embedded model, and
vLLM with reward models.

`make test-servers` installs each of them in a separate environment under `build/servers`.
"""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

SERVERS = Path(__file__).parent.parent / "build" / "servers"
OFFLINE = {"HF_HUB_OFFLINE": "1", "DO_NOT_TRACK": "1", "VLLM_NO_USAGE_STATS": "1", "VLLM_CPU_KVCACHE_SPACE": "1"}
START_S = 600.0  # the time limit in seconds for the first reply

LLAMA_CPP = """
import sys, threading, xllamacpp
params = xllamacpp.CommonParams()
params.model.path, params.hostnames, params.port = sys.argv[1], ["127.0.0.1"], int(sys.argv[2])
params.n_ctx, params.n_parallel = 8 * 1024, 8
params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
server = xllamacpp.Server(params)
threading.Event().wait()
"""
"""Equivalent to `llama-server --cache-type-k f32 --cache-type-v f32 --flash-attn off`. With half precision, the
default, values differ by up to 0.02 here."""

SCORES = """
import json, sys, torch
from transformers import AutoModelForCausalLM
model = AutoModelForCausalLM.from_pretrained(sys.argv[1])
def scores(tokens):
    with torch.inference_mode():
        logits = model(torch.tensor([tokens])).logits[0].log_softmax(-1)
    return logits[torch.arange(len(tokens) - 1), tokens[1:]].tolist()
json.dump([scores(tokens) for tokens in json.load(sys.stdin)], sys.stdout)
"""
"""Computes the log-probabilities of each text's tokens, except the first."""


@dataclass(frozen=True)
class Server:
    """A running server, and its behaviour. `at_once`: a seed gives the same text even with concurrent calls.
    `continues`: it continues a half-written answer without a chat template of ours. `any_name`: it accepts every model
    name. `any_length`: it accepts prompts longer than its context. `writes`: it completes texts, which many reward
    models do not."""

    name: str
    model: str
    url: str
    logprobs: bool = True
    at_once: bool = True
    continues: bool = True
    any_name: bool = False
    any_length: bool = False
    writes: bool = True


def _python(name: str) -> str:
    path = SERVERS / name / "bin" / "python"
    if not path.exists():
        raise NotRunning(f"{name} is not installed; `make test-servers` installs it")
    return str(path)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def _address(port: int) -> str:
    return f"http://127.0.0.1:{port}/v1"


def llama_cpp(folder: Path, port: int) -> tuple[Server, list[str]]:
    """Returns llama.cpp's server, started from Python, in single precision, and its command."""
    command = [_python("llama_cpp"), "-c", LLAMA_CPP, str(folder / "model.gguf"), str(port)]
    return Server("llama_cpp", "redraft-embedded", _address(port), any_name=True), command


def transformers(folder: Path, port: int) -> tuple[Server, list[str]]:
    """Returns `transformers serve` and its command."""
    program = Path(_python("transformers")).with_name("transformers")
    place = ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu", "--dtype", "float32"]
    lacks = {"logprobs": False, "at_once": False, "continues": False, "any_length": True}
    server = Server("transformers", str(folder), _address(port), **lacks)
    return server, [str(program), "serve", str(folder), *place]


def vllm(folder: Path, port: int) -> tuple[Server, list[str]]:
    """Returns vLLM's server, as its wheel for the CPU starts it, and its command."""
    program = [_python("vllm"), "-m", "vllm.entrypoints.openai.api_server", "--model", str(folder)]
    place = ["--host", "127.0.0.1", "--port", str(port), "--served-model-name", "redraft-embedded"]
    size = ["--dtype", "float32", "--enforce-eager", "--max-num-seqs", "16"]
    return Server("vllm", "redraft-embedded", _address(port)), [*program, *place, *size]


def vllm_reward_model(arguments: Sequence[str]) -> "Start":
    """Returns a function that starts vLLM's server of a reward model with these arguments of `vllm serve`."""

    def start(folder: Path, port: int) -> tuple[Server, list[str]]:
        server, command = vllm(folder, port)
        return replace(server, writes=False), [*command, *arguments]

    return start


Start = Callable[[Path, int], tuple[Server, list[str]]]
STARTS: tuple[Start, ...] = (llama_cpp, transformers, vllm)
"""Functions from a published folder, which contains `model.gguf`, and a port to a server and the command that starts
it."""


class NotRunning(RuntimeError):
    """Raised if a server is not installed or does not start. The message has the end of its output."""


@contextmanager
def running(start: Start, folder: Path) -> Iterator[Server]:
    """Starts a server of the model in a folder, yields it, and ends it. Its log is written to the folder. Raises
    NotRunning."""
    server, command = start(folder, _free_port())
    log = folder / f"{server.name}.log"
    with log.open("wb") as written:
        process = subprocess.Popen(
            command, stdout=written, stderr=subprocess.STDOUT, env=os.environ | OFFLINE, start_new_session=True
        )
    try:
        _wait(server, process, log)
        yield server
    finally:
        _end(process)


def scores(folder: Path, texts: Sequence[Sequence[int]]) -> list[list[float]]:
    """Returns the log-probability of each token but the first of each text, computed by the transformers library."""
    return json.loads(run_python("transformers", "-c", SCORES, str(folder), given=json.dumps(texts)))


def reward_model(family: str, folder: Path, drafts: Sequence[Sequence[str]]) -> list[list[Any]]:
    """Makes a tiny reward model in a folder. Returns the values of each draft's steps, computed by the transformers
    library. A draft is a question and its steps."""
    program = Path(__file__).with_name("tiny_reward_models.py")
    done = run_python("vllm", str(program), family, str(folder), given=json.dumps(drafts))
    return json.loads(done)


def run_python(server: str, *arguments: str, given: str = "") -> str:
    """Returns the output of Python in the environment of a server."""
    done = subprocess.run(
        [_python(server), *arguments],
        input=given,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | OFFLINE,
    )
    if done.returncode:
        raise NotRunning(done.stderr[-3000:])
    return done.stdout


def _wait(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    """Waits until the server replies. Raises NotRunning if it does not."""
    body = json.dumps({"model": server.model, "prompt": "<|user|>", "max_tokens": 1}).encode()
    asked = Request(f"{server.url}/completions", body, {"Content-Type": "application/json"})
    asked = asked if server.writes else Request(f"{server.url.removesuffix('/v1')}/health")
    end = time.monotonic() + START_S
    while time.monotonic() < end and process.poll() is None:
        try:
            with urlopen(asked, timeout=60):
                return
        except (URLError, ConnectionError, TimeoutError):
            time.sleep(0.5)
    raise NotRunning(f"{server.name} did not start:\n{log.read_text(errors='replace')[-3000:]}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends a process and all its child processes."""
    for sign, seconds in ((signal.SIGTERM, 20), (signal.SIGKILL, 20)):
        try:
            os.killpg(process.pid, sign)
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
        except ProcessLookupError:
            return
