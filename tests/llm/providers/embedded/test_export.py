"""The published folder holds what the embedded model computes with, and asks it in the same words."""

import json
import random
import struct
import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gguf import GGUFReader
from hypothesis import given
from hypothesis import strategies as st
from jinja2.exceptions import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from numpy.typing import NDArray
from tokenizers import Tokenizer

from redraft.llm.model import Message, ModelError
from redraft.llm.prompts.chat_template import ChatTemplate
from redraft.llm.prompts.prompts import Prompts
from redraft.llm.prompts.templates import fill
from redraft.llm.providers.embedded import prompts as prompt_formats
from redraft.llm.providers.embedded.export import CHAT_TEMPLATE, TRAINING_TEMPLATE, export_folder, export_gguf
from redraft.llm.providers.embedded.model import embedded
from redraft.llm.providers.embedded.network import HEAD, HEADS, unpack
from redraft.llm.providers.embedded.tensor_names import llama_cpp_names
from redraft.llm.providers.embedded.training.corpus import conversations

SHIPPED = Path(prompt_formats.__file__).parent


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("published")
    export_folder(place)
    return place


def tensors(file: Path) -> dict[str, NDArray[np.float32]]:
    """A reader of its own for the safetensors format."""
    data = file.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__")
    body = data[8 + length :]
    assert sum(entry["data_offsets"][1] - entry["data_offsets"][0] for entry in header.values()) == len(body)
    assert {entry["dtype"] for entry in header.values()} == {"F32"}
    return {
        name: np.frombuffer(body[slice(*entry["data_offsets"])], "<f4").reshape(entry["shape"])
        for name, entry in header.items()
    }


def content(folder: Path, name: str) -> dict[str, Any]:
    return json.loads((folder / name).read_text())


def render(messages: list[dict[str, str]], *, generation: bool) -> str:
    """As transformers renders a chat template."""

    def refuse(message: str) -> None:
        raise TemplateError(message)

    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.globals["raise_exception"] = refuse
    return environment.from_string(CHAT_TEMPLATE).render(messages=messages, add_generation_prompt=generation)


def as_dicts(messages: list[Message]) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.content} for message in messages]


def llama(folder: Path, tokens: NDArray[np.int64]) -> NDArray[np.float64]:
    """The logits of a Llama by the published configuration and weights, written from its definition, in float64."""
    config = content(folder, "config.json")
    weights = {name: array.astype(np.float64) for name, array in tensors(folder / "model.safetensors").items()}
    heads, half = config["num_attention_heads"], config["head_dim"] // 2
    angles = np.outer(np.arange(len(tokens)), config["rope_theta"] ** (-np.arange(half) / half))

    def norm(x: NDArray[np.float64], name: str) -> NDArray[np.float64]:
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + config["rms_norm_eps"]) * weights[f"{name}.weight"]

    def linear(x: NDArray[np.float64], name: str) -> NDArray[np.float64]:
        return x @ weights[f"{name}.weight"].T

    def turn(x: NDArray[np.float64]) -> NDArray[np.float64]:
        turned = (x[..., :half] + 1j * x[..., half:]) * np.exp(1j * angles)[:, None]
        return np.concatenate([turned.real, turned.imag], -1)

    x = weights["model.embed_tokens.weight"][tokens]
    for layer in range(config["num_hidden_layers"]):
        name = f"model.layers.{layer}"
        read = norm(x, f"{name}.input_layernorm")
        q, k, v = (linear(read, f"{name}.self_attn.{p}_proj").reshape(len(x), heads, -1) for p in "qkv")
        scores = np.einsum("qhd,khd->hqk", turn(q), turn(k)) / np.sqrt(2 * half)
        scores += np.triu(np.full(scores.shape[1:], -np.inf), 1)
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = np.einsum("hqk,khd->qhd", shares / shares.sum(-1, keepdims=True), v).reshape(len(x), -1)
        x = x + linear(mixed, f"{name}.self_attn.o_proj")
        read = norm(x, f"{name}.post_attention_layernorm")
        gate = linear(read, f"{name}.mlp.gate_proj")
        x = x + linear(gate / (1 + np.exp(-gate)) * linear(read, f"{name}.mlp.up_proj"), f"{name}.mlp.down_proj")
    assert config["tie_word_embeddings"]
    return linear(norm(x, "model.norm"), "model.embed_tokens")


def test_the_published_numbers_compute_what_the_training_framework_does(folder: Path) -> None:
    with np.load(Path(__file__).parent / "torch_logits.npz") as reference:
        ours = llama(folder, reference["tokens"])
        assert np.abs(ours[::8] - reference["logits"]).max() < 1e-4


def test_the_tensors_are_the_shipped_weights(folder: Path) -> None:
    with np.load(SHIPPED / "weights.npz") as packed:
        weights = unpack(packed)
    found = tensors(folder / "model.safetensors")
    for layer in range(4):
        theirs, ours = f"model.layers.{layer}.", f"blocks.{layer}."
        joined = {
            "qkv": [f"{theirs}self_attn.{part}_proj.weight" for part in "qkv"],
            "gate_up": [f"{theirs}mlp.gate_proj.weight", f"{theirs}mlp.up_proj.weight"],
            "out": [f"{theirs}self_attn.o_proj.weight"],
            "down": [f"{theirs}mlp.down_proj.weight"],
            "attention_norm": [f"{theirs}input_layernorm.weight"],
            "feed_norm": [f"{theirs}post_attention_layernorm.weight"],
        }
        for name, parts in joined.items():
            assert np.array_equal(np.concatenate([found.pop(part) for part in parts]), weights[f"{ours}{name}.weight"])
    assert np.array_equal(found.pop("model.embed_tokens.weight"), weights["embedding.weight"])
    assert np.array_equal(found.pop("model.norm.weight"), weights["norm.weight"])
    assert found == {}


def test_the_configuration_names_the_tokenizers_tokens(folder: Path) -> None:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    config, generation = content(folder, "config.json"), content(folder, "generation_config.json")
    assert config["vocab_size"] == tokenizer.get_vocab_size()
    assert content(folder, "tokenizer.json") == content(SHIPPED, "tokenizer.json")
    assert tokenizer.id_to_token(config["eos_token_id"]) == prompt_formats.END
    assert tokenizer.id_to_token(config["pad_token_id"]) == prompt_formats.PAD
    assert {tokenizer.id_to_token(token) for token in generation["eos_token_id"]} == {
        prompt_formats.END,
        prompt_formats.USER,
        prompt_formats.ASSISTANT,
        prompt_formats.PAD,
    }
    assert (generation["temperature"], generation["top_k"], generation["top_p"]) == (1.0, 0, 1.0)
    assert content(folder, "tokenizer_config.json")["chat_template"] == TRAINING_TEMPLATE
    assert (folder / "chat_template.jinja").read_text() == TRAINING_TEMPLATE


def test_the_chat_template_renders_every_trained_conversation_as_redraft_does() -> None:
    roles = ("user", "assistant")
    for conversation in islice(conversations(random.Random(3), (1, 3, 5)), 300):
        texts = conversation.texts[: len(conversation.texts) - (len(conversation.texts) + 1) % 2]
        messages = [Message(roles[number % 2], text) for number, text in enumerate(texts)]
        assert render(as_dicts(messages), generation=True) == prompt_formats.render(messages)


def test_the_marks_of_what_is_learnt_change_no_prompt() -> None:
    assert TRAINING_TEMPLATE.count("{%- generation -%}") == TRAINING_TEMPLATE.count("{%- endgeneration -%}") == 1
    for conversation in islice(conversations(random.Random(4), (1, 3, 5)), 50):
        texts = conversation.texts[: len(conversation.texts) - (len(conversation.texts) + 1) % 2]
        messages = [Message(("user", "assistant")[number % 2], text) for number, text in enumerate(texts)]
        assert ChatTemplate(TRAINING_TEMPLATE).render(messages) == prompt_formats.render(messages)


@given(st.text(), st.text())
def test_the_chat_template_changes_no_character(question: str, draft: str) -> None:
    messages = [
        Message("user", f"solve\n{question}"),
        Message("assistant", draft),
        Message("user", prompt_formats.IS_WRONG),
    ]
    rendered = render(as_dicts(messages), generation=True)
    assert rendered == prompt_formats.render(messages)
    ended = as_dicts([*messages, Message("assistant", draft)])
    assert render(ended, generation=False) == rendered + draft + prompt_formats.END


def test_the_prompts_are_the_words_that_it_was_trained_on(folder: Path) -> None:
    written, own = Prompts.read(folder / "prompts.toml"), embedded().templates
    assert written.chat_template == TRAINING_TEMPLATE
    assert written.templates == {name: own[name] for name in ("solve", "judge", "finished", "separator")}
    for name in ("may_be_wrong", "is_wrong", "doubtful"):  # redraft's own words of feedback
        assert prompt_formats.FEEDBACK.fullmatch(fill(written.template(name, {}), line="2"))


def test_the_chat_template_refuses_other_roles() -> None:
    with pytest.raises(TemplateError, match="Only user and assistant"):
        render([{"role": "system", "content": "Be brief."}], generation=True)


def test_llama_cpp_turns_neighbours_where_transformers_turns_halves(folder: Path) -> None:
    """Rotating pairs of neighbours in its order gives the rows that rotating halves gives in ours."""
    ours = tensors(folder / "model.safetensors")
    theirs = llama_cpp_names(ours)
    assert len(theirs) == len(ours)
    for part, name in (("q", "attn_q"), ("k", "attn_k")):
        matrix = ours[f"model.layers.1.self_attn.{part}_proj.weight"].reshape(HEADS, HEAD, -1)
        paired = theirs[f"blk.1.{name}.weight"].reshape(HEADS, HEAD, -1)
        for row in range(HEAD // 2):
            assert np.array_equal(paired[:, 2 * row], matrix[:, row])
            assert np.array_equal(paired[:, 2 * row + 1], matrix[:, row + HEAD // 2])
    value = "model.layers.1.self_attn.v_proj.weight"
    assert np.array_equal(theirs["blk.1.attn_v.weight"], ours[value])


def test_the_gguf_file_holds_the_same_model(folder: Path, tmp_path: Path) -> None:
    export_gguf(tmp_path / "model.gguf")
    reader = GGUFReader(tmp_path / "model.gguf")
    expected = llama_cpp_names(tensors(folder / "model.safetensors"))
    assert {tensor.name for tensor in reader.tensors} == set(expected)
    for tensor in reader.tensors:
        assert np.array_equal(tensor.data.reshape(expected[tensor.name].shape), expected[tensor.name])
    config = content(folder, "config.json")
    told = {name: field.contents() for name, field in reader.fields.items()}
    assert [
        told[f"llama.{key}"]
        for key in ("context_length", "embedding_length", "block_count", "feed_forward_length", "vocab_size")
    ] == [
        config[key]
        for key in ("max_position_embeddings", "hidden_size", "num_hidden_layers", "intermediate_size", "vocab_size")
    ]
    assert told["llama.attention.head_count"] == told["llama.attention.head_count_kv"] == config["num_attention_heads"]
    assert told["llama.rope.freq_base"] == config["rope_theta"]
    assert told["llama.attention.layer_norm_rms_epsilon"] == pytest.approx(config["rms_norm_eps"])
    assert told["tokenizer.chat_template"] == CHAT_TEMPLATE
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    assert told["tokenizer.ggml.tokens"] == [tokenizer.id_to_token(i) for i in range(tokenizer.get_vocab_size())]
    assert told["tokenizer.ggml.eos_token_id"] == config["eos_token_id"]
    assert (told["general.sampling.temp"], told["general.sampling.top_k"], told["general.sampling.min_p"]) == (1, 0, 0)


def test_the_command_writes_the_same_files(folder: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "redraft.llm.providers.embedded.export"]
    new = tmp_path / "new" / "folder"
    subprocess.run([*command, str(new), "--gguf", str(new / "model.gguf")], check=True)
    export_gguf(tmp_path / "model.gguf")
    written = {file.name: file.read_bytes() for file in new.iterdir()}
    assert written.pop("model.gguf") == (tmp_path / "model.gguf").read_bytes()
    assert written == {file.name: file.read_bytes() for file in folder.iterdir()}


def test_what_cannot_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match=r"cannot be written to .*file: .*Name another place"):
        export_folder(tmp_path / "file")
    with pytest.raises(ModelError, match=r"weights in .* cannot be read: .*weights\.npz"):
        export_folder(tmp_path / "folder", tmp_path)
    with pytest.raises(ModelError, match=r"cannot be written to .*no/such/place"):
        export_gguf(tmp_path / "no" / "such" / "place")
