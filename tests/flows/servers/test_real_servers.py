"""Servers of trained models as users run them: vLLM loads adapters, and `transformers serve`, vLLM and llama.cpp are
started by their command lines."""

import json
import shlex
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from real_servers import LLAMA_CPP, Server, run_python, running, transformers, vllm
from redraft.flows.servers.command import command
from redraft.flows.servers.lora import lora
from redraft.flows.servers.model_server import Served, ServerError, ServingTask
from redraft.llm.model import Message, Request
from redraft.llm.providers.embedded.export import export_folder, export_gguf, safetensors
from redraft.llm.providers.embedded.model import HERE, embedded
from redraft.llm.providers.embedded.network import unpack
from redraft.llm.providers.embedded.tensor_names import transformers_names
from redraft.llm.providers.route import route
from redraft.store.sources.wordproblems import problems

pytestmark = pytest.mark.servers

RANK, SCALE = 4, 2.0
LAYER = "model.layers.0.self_attn.q_proj"
GREEDY = """
import json, sys
from transformers import AutoModelForCausalLM, AutoTokenizer
model, tokenizer = (kind.from_pretrained(sys.argv[1]) for kind in (AutoModelForCausalLM, AutoTokenizer))
for question in json.load(sys.stdin):
    ids = tokenizer.apply_chat_template([question], add_generation_prompt=True, return_tensors="pt", return_dict=True)
    drawn = model.generate(**ids, max_new_tokens=60, do_sample=False)
    print(json.dumps(tokenizer.decode(drawn[0, ids["input_ids"].shape[1]:], skip_special_tokens=True)))
"""
"""The greedy answer to each question, by the transformers library."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("published")
    export_folder(place)
    export_gguf(place / "model.gguf")
    return place


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> tuple[Path, Path]:
    """Adapters of one matrix, as PEFT writes them, and the same model with the adapters merged."""
    adapters, merged = tmp_path_factory.mktemp("adapters"), tmp_path_factory.mktemp("merged")
    export_folder(merged)
    with np.load(HERE / "weights.npz") as packed:
        tensors = transformers_names(unpack(packed))
    weight, rng = tensors[f"{LAYER}.weight"], np.random.default_rng(1)
    down = rng.normal(0, 0.5, (RANK, weight.shape[1])).astype(np.float32)
    up = rng.normal(0, 0.05, (weight.shape[0], RANK)).astype(np.float32)
    whole = (weight + SCALE * up @ down).astype(np.float32)
    (merged / "model.safetensors").write_bytes(safetensors({**tensors, f"{LAYER}.weight": whole}))
    named = {f"base_model.model.{LAYER}.lora_{name}.weight": each for name, each in (("A", down), ("B", up))}
    (adapters / "adapter_model.safetensors").write_bytes(safetensors(named))
    config = {
        "peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": str(folder), "r": RANK,
        "lora_alpha": RANK * SCALE, "target_modules": ["q_proj"], "bias": "none", "lora_dropout": 0.0,
    }  # fmt: skip
    (adapters / "adapter_config.json").write_text(json.dumps(config))
    return adapters, merged


@pytest.fixture(autouse=True)
def _nothing_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def questions() -> list[Message]:
    return [Message("user", f"solve\n{one.question}") for one in islice(problems(levels=(1, 2)), 6)]


async def answers(served: Served) -> list[str]:
    """The greedy answers of a served model."""
    model = route(served.model, served.api_base)
    try:
        requests = [Request((asked,), temperature=0.0, max_tokens=60) for asked in questions()]
        return [(await model.complete(request)).choices[0].text for request in requests]
    finally:
        await model.close()


def greedy(folder: Path) -> list[str]:
    given = json.dumps([{"role": one.role, "content": one.content} for one in questions()])
    return [
        json.loads(line) for line in run_python("transformers", "-c", GREEDY, str(folder), given=given).splitlines()
    ]


def vllm_with_adapters(folder: Path, port: int) -> tuple[Server, list[str]]:
    server, command = vllm(folder, port)
    return server, [*command, "--enable-lora", "--max-lora-rank", "8"]


@pytest.fixture(scope="module")
def updating(folder: Path) -> Iterator[Server]:
    """vLLM that may load adapters."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLLM_ALLOW_RUNTIME_LORA_UPDATING", "True")
        with running(vllm_with_adapters, folder) as server:
            yield server


async def test_vllm_answers_with_the_adapters_that_it_was_told_to_load(
    updating: Server, tuned: tuple[Path, Path], folder: Path
) -> None:
    adapters, merged = tuned
    task = ServingTask(name="redraft-embedded", weights=None, api_base=updating.url, say=lambda line: None)
    async with lora()(task) as served:
        base = await answers(served)
    assert base == greedy(folder)
    trained = replace(task, name="trained/policy", weights=adapters)
    for _ in range(2):
        async with lora()(trained) as served:
            assert served.model == "trained/policy"
            assert await answers(served) == greedy(merged) != base
            async with lora()(trained) as again:
                assert again == served, "it is loaded already"
    async with lora()(task) as served:
        assert await answers(served) == base


async def test_adapters_that_cannot_be_loaded_are_one_line(
    updating: Server, tuned: tuple[Path, Path], tmp_path: Path
) -> None:
    (tmp_path / "adapter_config.json").write_text("{}")
    task = ServingTask(name="t", weights=tmp_path, api_base=updating.url, say=lambda line: None)
    for wrong, says in (
        (task, r"load_lora_adapter refuses adapters \(\d+, .*\): start it as VLLM_ALLOW_RUNTIME_LORA_UPDATING=True"),
        (replace(task, weights=tmp_path / "no"), "has no adapters, which server 'lora' loads: train them by"),
        (replace(task, api_base=None), "needs the address of a vLLM server, as --api-base"),
        (replace(task, api_base="http://127.0.0.1:9/v1"), "load_lora_adapter does not answer"),
    ):
        with pytest.raises(ServerError, match=says) as told:
            async with lora()(wrong):
                pass
        assert "\n" not in str(told.value)


def command_of(name: str, folder: Path) -> dict[str, Any]:
    """The arguments of the server `command`, from the command line by which the benches start a server."""
    if name == "llama_cpp":
        python = shlex.join([str(Path(transformers(folder, 0)[1][0]).parents[2] / "llama_cpp" / "bin" / "python")])
        return {"command": f"{python} -c {shlex.quote(LLAMA_CPP)} {{model}}/model.gguf {{port}}"}
    _, words = {"transformers": transformers, "vllm": vllm}[name](folder, 4242)
    places = {str(folder): "{model}", "4242": "{port}"}
    line = shlex.join(places.get(word, word) for word in words)
    return {"command": line, "model": "redraft-embedded"} if name == "vllm" else {"command": line}


@pytest.mark.parametrize("name", ["transformers", "llama_cpp", "vllm"])
async def test_a_real_server_is_started_asked_and_ended(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, value in {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "VLLM_CPU_KVCACHE_SPACE": "1"}.items():
        monkeypatch.setenv(key, value)
    ours = embedded()
    expected = [
        (await ours.complete(Request((asked,), temperature=0.0, max_tokens=60))).choices[0].text
        for asked in questions()
    ]
    task = ServingTask(name="tiny", weights=folder, api_base=None, say=lambda line: None)
    async with command(**command_of(name, folder))(task) as served:
        assert await answers(served) == expected
    with pytest.raises(Exception, match=r"answers|refused|connect"):
        await answers(served)
