"""Renames and reorders the embedded model's tensors for other formats of a Llama."""

from collections.abc import Mapping

import numpy as np

from redraft.llm.providers.embedded.network import HEAD, HEADS, LAYERS
from redraft.llm.providers.embedded.prompt_cache import Floats


def transformers_names(weights: Mapping[str, Floats]) -> dict[str, Floats]:
    """Returns the network's arrays under transformers' names. The output matrix is left out, because it is the
    embedding."""
    tensors = {"model.embed_tokens.weight": weights["embedding.weight"], "model.norm.weight": weights["norm.weight"]}
    for layer in range(LAYERS):
        ours, theirs = f"blocks.{layer}.", f"model.layers.{layer}."
        query, key, value = np.split(weights[f"{ours}qkv.weight"], 3)
        gate, up = np.split(weights[f"{ours}gate_up.weight"], 2)
        tensors |= {
            f"{theirs}input_layernorm.weight": weights[f"{ours}attention_norm.weight"],
            f"{theirs}self_attn.q_proj.weight": query,
            f"{theirs}self_attn.k_proj.weight": key,
            f"{theirs}self_attn.v_proj.weight": value,
            f"{theirs}self_attn.o_proj.weight": weights[f"{ours}out.weight"],
            f"{theirs}post_attention_layernorm.weight": weights[f"{ours}feed_norm.weight"],
            f"{theirs}mlp.gate_proj.weight": gate,
            f"{theirs}mlp.up_proj.weight": up,
            f"{theirs}mlp.down_proj.weight": weights[f"{ours}down.weight"],
        }
    return tensors


def llama_cpp_names(tensors: Mapping[str, Floats]) -> dict[str, Floats]:
    """Returns the tensors under llama.cpp's names. Queries and keys are reordered as in llama.cpp, where rotary pairs
    are adjacent."""
    renamed: dict[str, Floats] = {}
    for name, tensor in tensors.items():
        part = name.removeprefix("model.").removeprefix("layers.").removesuffix(".weight")
        number, _, inside = part.partition(".")
        paired = _side_by_side(tensor) if inside in PAIRED else tensor
        renamed[f"blk.{number}.{GGUF_NAMES[inside]}.weight" if inside else f"{GGUF_NAMES[part]}.weight"] = paired
    return renamed


PAIRED = ("self_attn.q_proj", "self_attn.k_proj")
GGUF_NAMES = {
    "embed_tokens": "token_embd",
    "norm": "output_norm",
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def _side_by_side(tensor: Floats) -> Floats:
    """Reorders each head so that rows i and i + HEAD / 2, which rotate together, are adjacent."""
    return tensor.reshape(HEADS, 2, HEAD // 2, -1).swapaxes(1, 2).reshape(tensor.shape)
