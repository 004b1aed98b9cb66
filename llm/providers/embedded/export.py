"""Exports the embedded model for any server: `python -m redraft.llm.providers.embedded.export FOLDER [--gguf FILE]`.

Writes the files that Hugging Face's transformers, vLLM and SGLang load: the configuration, float32 weights (the int8
weights times their scales, as numpy uses them), the tokenizer with a chat template, and settings for sampling from the
whole distribution. The file `prompts.toml` has the prompts that the model was trained on, for redraft's option
`--prompts`. The GGUF file has the same content for llama.cpp and programs built on it. Writing a GGUF file needs the
package `gguf`.
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from redraft.llm.model import ModelError
from redraft.llm.providers.embedded.network import CONTEXT, HEAD, HEADS, LAYERS, THETA, WIDTH, unpack
from redraft.llm.providers.embedded.prompt_cache import Floats
from redraft.llm.providers.embedded.prompts import ASSISTANT, END, PAD, TEMPLATES, USER
from redraft.llm.providers.embedded.tensor_names import llama_cpp_names, transformers_names

HERE = Path(__file__).parent
EPSILON = 1e-5  # of the RMS norms
NAME = "redraft-embedded"
SEPARATOR = "\n"  # the text between steps

CHAT_TEMPLATE = (
    "{%- for message in messages -%}"
    "{%- if message['role'] == 'user' -%}" + f"{{{{- '{USER}' + message['content'] -}}}}"
    "{%- elif message['role'] == 'assistant' -%}" + f"{{{{- '{ASSISTANT}' -}}}}{{{{- message['content'] + '{END}' -}}}}"
    "{%- else -%}{{- raise_exception('Only user and assistant messages, and no others.') -}}{%- endif -%}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}" + f"{{{{- '{ASSISTANT}' -}}}}" + "{%- endif -%}"
)
"""A Jinja template that writes the same text as `prompts.render`. With `add_generation_prompt` the text ends where the
answer begins."""
TRAINING_TEMPLATE = CHAT_TEMPLATE.replace(
    REPLY := f"{{{{- message['content'] + '{END}' -}}}}", f"{{%- generation -%}}{REPLY}{{%- endgeneration -%}}"
)
"""The same template with tags by which transformers and TRL (`assistant_only_loss`) find the replies. Only Jinja with
transformers' extension accepts these tags, so other programs get CHAT_TEMPLATE."""


def export_folder(folder: str | Path, source: str | Path = HERE) -> None:
    """Writes the weights and the tokenizer in the folder `source` as a Hugging Face folder, which is created if it is
    missing. Raises ModelError if a file cannot be read or written."""
    folder = Path(folder)
    tensors, tokenizer = _read(Path(source))
    marks = _marks(tokenizer)
    files = {
        "config.json": configuration(tensors, marks),
        "generation_config.json": generation(marks),
        "tokenizer_config.json": TOKENIZER | {"chat_template": TRAINING_TEMPLATE},
        "tokenizer.json": tokenizer,
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name).write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")
        (folder / "chat_template.jinja").write_text(TRAINING_TEMPLATE)
        (folder / "prompts.toml").write_text(prompts_toml())
        (folder / "model.safetensors").write_bytes(safetensors(tensors))
    except OSError as error:
        raise _unwritten(folder, error) from error


def export_gguf(file: str | Path, source: str | Path = HERE) -> None:
    """Writes one GGUF file with float32 weights. Raises ModelError if the package `gguf` is missing, or if a file
    cannot be read or written."""
    try:
        from gguf import GGUFWriter
    except ImportError as error:
        raise ModelError(
            "A GGUF file is written by the gguf package, which is not installed.", cure="Install redraft[gguf]."
        ) from error
    file = Path(file)
    tensors, tokenizer = _read(Path(source))
    writer = GGUFWriter(file, "llama")
    _describe(writer, tensors, tokenizer)
    for name, tensor in llama_cpp_names(tensors).items():
        writer.add_tensor(name, tensor)
    try:
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
    except OSError as error:
        raise _unwritten(file, error) from error


def configuration(tensors: Mapping[str, Floats], marks: Mapping[str, int]) -> dict[str, Any]:
    """Returns the content of `config.json`: a Llama with as many key heads as query heads, whose embedding is also its
    output matrix."""
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": len(tensors["model.embed_tokens.weight"]),
        "hidden_size": WIDTH,
        "intermediate_size": len(tensors["model.layers.0.mlp.gate_proj.weight"]),
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": HEADS,
        "head_dim": HEAD,
        "max_position_embeddings": CONTEXT,
        "hidden_act": "silu",
        "rms_norm_eps": EPSILON,
        "rope_theta": THETA,
        "rope_scaling": None,
        "attention_bias": False,
        "mlp_bias": False,
        "tie_word_embeddings": True,
        "torch_dtype": "float32",
        "bos_token_id": None,
        "eos_token_id": marks[END],
        "pad_token_id": marks[PAD],
    }


def generation(marks: Mapping[str, int]) -> dict[str, Any]:
    """Returns the content of `generation_config.json`: samples are drawn from the whole distribution at temperature 1.
    Without this file, servers exclude unlikely tokens by default. Every special token ends an answer, as in the
    embedded engine."""
    return {
        "do_sample": True,
        "temperature": 1.0,
        "top_k": 0,
        "top_p": 1.0,
        "eos_token_id": [marks[mark] for mark in (END, USER, ASSISTANT, PAD)],
        "pad_token_id": marks[PAD],
    }


TOKENIZER = {
    "tokenizer_class": "PreTrainedTokenizerFast",
    "eos_token": END,
    "pad_token": PAD,
    "additional_special_tokens": [USER, ASSISTANT],
    "model_max_length": CONTEXT,
    "clean_up_tokenization_spaces": False,
    "add_bos_token": False,
    "add_eos_token": False,
}
"""`tokenizer_config.json` without the chat template."""


def prompts_toml() -> str:
    """Returns the content of `prompts.toml`: the model's own prompts, and the chat template with which redraft renders
    raw completions if the server cannot."""
    wordings = {name: TEMPLATES[name] for name in ("solve", "judge", "finished")} | {"separator": SEPARATOR}
    lines = [f"{name} = {json.dumps(wording)}" for name, wording in wordings.items()]
    return "\n".join(['chat_template_file = "chat_template.jinja"', "", "[templates]", *lines, ""])


def safetensors(tensors: Mapping[str, Floats]) -> bytes:
    """Returns the tensors in the safetensors format: the length of the header in eight bytes, a JSON header, then the
    float32 tensors."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    at = 0
    for name, tensor in tensors.items():
        header[name] = {"dtype": "F32", "shape": tensor.shape, "data_offsets": [at, at + 4 * tensor.size]}
        at += 4 * tensor.size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    parts = (np.ascontiguousarray(tensor, "<f4").tobytes() for tensor in tensors.values())
    return b"".join([len(text).to_bytes(8, "little"), text, *parts])


def _describe(writer: Any, tensors: Mapping[str, Floats], tokenizer: Mapping[str, Any]) -> None:
    """Writes the metadata of a GGUF file: sizes, tokens, chat template and sampling."""
    tokens = sorted(tokenizer["model"]["vocab"], key=tokenizer["model"]["vocab"].get)
    marks = _marks(tokenizer)
    writer.add_name(NAME)
    writer.add_file_type(0)  # 0: all float32
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(len(tensors["model.layers.0.mlp.gate_proj.weight"]))
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_dimension_count(HEAD)
    writer.add_rope_freq_base(THETA)
    writer.add_layer_norm_rms_eps(EPSILON)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")  # byte-level BPE with single digits, as in SmolLM
    writer.add_token_list(tokens)
    writer.add_token_types([3 if token in marks else 1 for token in tokens])  # 3: control, 1: normal
    writer.add_token_merges([" ".join(merge) for merge in tokenizer["model"]["merges"]])
    writer.add_eos_token_id(marks[END])
    writer.add_pad_token_id(marks[PAD])
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHAT_TEMPLATE)
    writer.add_sampling_temp(1.0)
    writer.add_sampling_top_k(0)
    writer.add_sampling_top_p(1.0)
    writer.add_sampling_min_p(0.0)


def _read(source: Path) -> tuple[dict[str, Floats], dict[str, Any]]:
    """Returns a pair: the tensors by their names in transformers, and the content of `tokenizer.json`. Raises
    ModelError."""
    try:
        with np.load(source / "weights.npz") as packed:
            return transformers_names(unpack(packed)), json.loads((source / "tokenizer.json").read_text("utf-8"))
    except (OSError, KeyError, ValueError) as error:
        raise ModelError(
            f"The embedded model's weights in {source} cannot be read: {error}.",
            cure="Install redraft anew, or train them with `make train`.",
        ) from error


def _marks(tokenizer: Mapping[str, Any]) -> dict[str, int]:
    """Returns the ids of the special tokens, by token."""
    return {token["content"]: token["id"] for token in tokenizer["added_tokens"]}


def _unwritten(place: Path, error: OSError) -> ModelError:
    return ModelError(f"The embedded model cannot be written to {place}: {error}.", cure="Name another place.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="the output folder, created if it is missing")
    parser.add_argument("--gguf", type=Path, metavar="FILE", help="write this file too, for llama.cpp")
    parser.add_argument("--source", type=Path, default=HERE, help="the folder of weights.npz and tokenizer.json")
    options = parser.parse_args()
    try:
        export_folder(options.folder, options.source)
        if options.gguf:
            export_gguf(options.gguf, options.source)
    except ModelError as error:
        parser.exit(1, f"{error}\n")
