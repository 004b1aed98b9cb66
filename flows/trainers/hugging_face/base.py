"""Loads the model that a training begins with, and its tokenizer. Needs the `trl` extra."""

# pyright: reportMissingImports=false
import os
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
)

from redraft.flows.trainers.trainer import TrainingError

ADAPTER = "adapter_config.json"
"""The file that a folder of adapters has, in place of a model."""
HEADS: dict[str, tuple[Any, dict[str, Any]]] = {
    "writes": (AutoModelForCausalLM, {}),
    "labels": (AutoModelForTokenClassification, {"num_labels": 2}),
    "values": (AutoModelForSequenceClassification, {"num_labels": 1, "problem_type": "regression"}),
}
"""What a model is loaded for: to write, to label tokens as bad or good, or to give a text a value."""


def load_model(name: str, head: str = "writes", *, adapters: bool = False) -> Any:
    """Returns a model, by the name of a folder or of the Hub. The model of a folder of adapters has them, ready to be
    trained further. With `adapters`, a GPU holds the other weights in half precision. Raises TrainingError."""
    kind, settings = HEADS[head]
    dtype = torch.bfloat16 if adapters and torch.cuda.is_available() else torch.float32
    try:
        _check_folder(name)
        if (Path(name) / ADAPTER).is_file():
            return _with_adapters(name, kind, settings, dtype)
        return kind.from_pretrained(name, dtype=dtype, **settings)
    except (OSError, ValueError, KeyError) as error:
        raise _unreadable(name, error) from error


def load_tokenizer(name: str) -> Any:
    """Returns the tokenizer of a model. A tokenizer without a token for padding pads with the end of text. Raises
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
    """Returns the precision in which the weights of a model are stored. Raises TrainingError."""
    if (Path(name) / ADAPTER).is_file():
        return torch.float32
    try:
        return getattr(AutoConfig.from_pretrained(name), "dtype", None) or torch.float32
    except (OSError, ValueError, KeyError) as error:
        raise _unreadable(name, error) from error


def context(model: Any) -> int:
    """Returns how many tokens a model reads."""
    return getattr(model.config.get_text_config(), "max_position_embeddings", None) or LONGEST


def _with_adapters(name: str, kind: Any, settings: dict[str, Any], dtype: Any) -> Any:
    from peft import PeftConfig, PeftModel

    below = PeftConfig.from_pretrained(name).base_model_name_or_path
    model = kind.from_pretrained(below, dtype=dtype, **settings)
    return PeftModel.from_pretrained(model, name, is_trainable=True)


def _check_folder(name: str) -> None:
    """Raises OSError for a name that can only be a folder, and is none of a model."""
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


LONGEST = 4096  # tokens, if a model's configuration does not say how many it reads
