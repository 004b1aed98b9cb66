"""Loads the base model of a training, and its tokenizer. Needs the extra `trl`."""

# pyright: reportMissingImports=false
import os
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
)

from redraft.flows.trainers.trainer import TrainingError

ADAPTER = "adapter_config.json"
"""The file by which a folder of adapters is distinguished from a folder of a model."""
LAYERS = ("layers.", "h.")
"""The prefixes of the names of layers' weights in transformers' models."""
HEADS: dict[str, tuple[Any, dict[str, Any]]] = {
    "writes": (AutoModelForCausalLM, {}),
    "values": (AutoModelForSequenceClassification, {"num_labels": 1, "problem_type": "multi_label_classification"}),
}
"""The purposes of a model: to write text, or to give a text or each of its steps a value in [0, 1]. With this type of
problem, vLLM returns the sigmoid of the head's output."""


def load_model(name: str, head: str = "writes", *, adapters: bool = False, trunk: str | None = None) -> Any:
    """Returns a model by a folder or by its name on the Hub. If the folder has adapters, the model has them and they
    can be trained further. With `adapters` on a GPU, the other weights are in half precision. The layers of the model
    in the folder `trunk` replace the model's layers; the model keeps its embedding, its last norm and its output head.
    Raises TrainingError."""
    kind, settings = HEADS[head]
    dtype = torch.bfloat16 if adapters and torch.cuda.is_available() else torch.float32
    try:
        _check_folder(name)
        if (Path(name) / ADAPTER).is_file():
            return _with_adapters(name, kind, settings, dtype)
        model = kind.from_pretrained(name, dtype=dtype, **settings)
        if trunk:
            model.base_model.load_state_dict(_layers(trunk, dtype), strict=False)
        return model
    except (OSError, ValueError, KeyError) as error:
        raise _unreadable(name, error) from error


def load_tokenizer(name: str) -> Any:
    """Returns the tokenizer of a model. If it has no padding token, the end-of-text token is used. Raises
    TrainingError."""
    try:
        _check_folder(name)
        tokenizer = AutoTokenizer.from_pretrained(name)
    except (OSError, ValueError, KeyError) as error:
        raise _unreadable(name, error) from error
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def stored_dtype(name: str) -> Any:
    """Returns the dtype of a model's stored weights. Raises TrainingError."""
    if (Path(name) / ADAPTER).is_file():
        return torch.float32
    try:
        return getattr(AutoConfig.from_pretrained(name), "dtype", None) or torch.float32
    except (OSError, ValueError, KeyError) as error:
        raise _unreadable(name, error) from error


def context(model: Any) -> int:
    """Returns the context length of a model in tokens."""
    return getattr(model.config.get_text_config(), "max_position_embeddings", None) or LONGEST


def _layers(folder: str, dtype: Any) -> dict[str, Any]:
    """Returns the weights of the layers of a model, without its embedding and its last norm. Raises TrainingError."""
    if (Path(folder) / ADAPTER).is_file():
        raise TrainingError(f"{folder} has adapters alone, and no layers to begin with: set trainer.merge=true")
    weights = AutoModel.from_pretrained(folder, dtype=dtype).state_dict()
    return {name: weight for name, weight in weights.items() if name.startswith(LAYERS)}


def _with_adapters(name: str, kind: Any, settings: dict[str, Any], dtype: Any) -> Any:
    from peft import PeftConfig, PeftModel

    below = PeftConfig.from_pretrained(name).base_model_name_or_path
    model = kind.from_pretrained(below, dtype=dtype, **settings)
    return PeftModel.from_pretrained(model, name, is_trainable=True)


def _check_folder(name: str) -> None:
    """Raises OSError if a name can only be a folder, and the folder has no model."""
    folder = Path(name).expanduser()
    if folder.is_dir() and not any((folder / file).is_file() for file in ("config.json", ADAPTER)):
        raise OSError("the folder has no config.json")
    if not folder.exists() and (name.startswith((".", "~", os.sep)) or name.count("/") > 1):
        raise OSError("there is no such folder")


def _unreadable(name: str, error: Exception) -> TrainingError:
    embedded = name == "embedded" or name.startswith("embedded:")
    cure = (
        "export it by `python -m redraft.llm.providers.embedded.export FOLDER`, and name the folder"
        if embedded
        else "name a folder that transformers reads, or a model of the Hugging Face Hub"
    )
    why = (str(error).strip().splitlines() or [type(error).__name__])[0].removesuffix(".")
    return TrainingError(f"no model {name} to train ({why}): {cure}, by --model or trainer.base")


LONGEST = 4096  # tokens, if the model's configuration has no context length
