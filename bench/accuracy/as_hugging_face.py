"""A trainer for bench/accuracy/rounds.py: TRL tunes the embedded model as a Hugging Face folder, and the result is
converted back to an embedded model. Drawing from the embedded model takes a fraction of the time of a server. Needs
`redraft[trl]`."""

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from redraft.flows.trainers.trainer import Trained, Trainer, TrainingTask
from redraft.flows.trainers.trl import trl
from redraft.llm.prompts.prompts import Prompts
from redraft.llm.providers.embedded.export import export_folder
from redraft.llm.providers.embedded.model import HERE
from redraft.llm.providers.embedded.network import LAYERS, quantize
from redraft.llm.providers.embedded.prompt_cache import Floats


def as_hugging_face(
    *, steps: int = 40, rate: float = 1e-5, batch: int = 32, group: int = 8, max_tokens: int = 200
) -> Trainer:
    """Returns a trainer whose arguments are those of the trainer `trl` with the same names."""
    inner = trl(steps=steps, rate=rate, batch=batch, at_once=batch, group=group, max_tokens=max_tokens)

    async def trainer(task: TrainingTask) -> Trained:
        source = task.weights or HERE
        with tempfile.TemporaryDirectory() as scratch:
            base, tuned = Path(scratch) / "base", Path(scratch) / "tuned"
            export_folder(base, source)
            prompts = Prompts.read(base / "prompts.toml")
            made = await inner(replace(task, weights=base, out=tuned, prompts=prompts))
            task.out.mkdir(parents=True)
            shutil.copyfile(source / "tokenizer.json", task.out / "tokenizer.json")
            np.savez_compressed(task.out / "weights.npz", allow_pickle=False, **quantize(embedded_arrays(tuned)))
        return Trained(f"embedded:{task.out}", made.figures)

    return trainer


def embedded_arrays(folder: Path) -> dict[str, Floats]:
    """Returns the arrays of a Hugging Face folder as a dict by the names of the embedded model."""
    from safetensors.numpy import load_file

    tensors = load_file(folder / "model.safetensors")
    found = {"embedding.weight": tensors["model.embed_tokens.weight"], "norm.weight": tensors["model.norm.weight"]}
    for layer in range(LAYERS):
        ours, theirs = f"blocks.{layer}.", f"model.layers.{layer}."
        attention = [tensors[f"{theirs}self_attn.{name}_proj.weight"] for name in "qkv"]
        gates = [tensors[f"{theirs}mlp.{name}_proj.weight"] for name in ("gate", "up")]
        found |= {
            f"{ours}attention_norm.weight": tensors[f"{theirs}input_layernorm.weight"],
            f"{ours}qkv.weight": np.concatenate(attention),
            f"{ours}out.weight": tensors[f"{theirs}self_attn.o_proj.weight"],
            f"{ours}feed_norm.weight": tensors[f"{theirs}post_attention_layernorm.weight"],
            f"{ours}gate_up.weight": np.concatenate(gates),
            f"{ours}down.weight": tensors[f"{theirs}mlp.down_proj.weight"],
        }
    return found
