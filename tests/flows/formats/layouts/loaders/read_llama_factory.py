"""What LLaMA-Factory's own loader makes of an export: `python read_llama_factory.py FOLDER NAME TASK MODEL`. It reads
the YAML and dataset_info.json beside the rows, and prints what is learnt as JSON."""

import json
import os
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

folder, name, task, model = sys.argv[1:]


def main() -> None:
    sound = ModuleType("torchaudio")  # no build of it loads beside the CPU's PyTorch
    sound.__spec__ = ModuleSpec("torchaudio", None)
    sys.modules["torchaudio"] = sound
    import yaml
    from llamafactory.data import get_dataset, get_template_and_fix_tokenizer
    from llamafactory.data.template import TEMPLATES, StringFormatter, register_template
    from llamafactory.hparams import get_train_args
    from transformers import AutoTokenizer

    if "tiny" not in TEMPLATES:  # the chat template of the embedded model
        register_template(
            name="tiny",
            format_user=StringFormatter(slots=["<|user|>{{content}}<|assistant|>"]),
            format_assistant=StringFormatter(slots=["{{content}}<|end|>"]),
            stop_words=["<|end|>"],
        )
    os.chdir(folder)
    settings: dict[str, Any] = yaml.safe_load(Path(f"{name}.llama-factory.yaml").read_text())
    more = {
        "model_name_or_path": model, "template": "tiny", "output_dir": f"{folder}/out", "do_train": True,
        "overwrite_cache": True, "use_cpu": True, "report_to": "none",
    }  # fmt: skip
    model_args, data_args, training_args, _, _ = get_train_args({**settings, **more})
    tokenizer = AutoTokenizer.from_pretrained(model)
    template = get_template_and_fix_tokenizer(tokenizer, data_args)
    given: Any = {"template": template, "model_args": model_args, "data_args": data_args, "tokenizer": tokenizer}
    stage = "rm" if task == "dpo" else settings["stage"]  # as its own DPO workflow does
    rows: Any = get_dataset(training_args=training_args, stage=stage, **given)["train_dataset"]

    def learnt(labels: list[int]) -> str:
        return tokenizer.decode([token for token in labels if token != -100])

    if task in ("dpo", "reward"):
        found: list[Any] = [[learnt(row["chosen_labels"]), learnt(row["rejected_labels"])] for row in rows]
    elif task == "kto":
        found = [[learnt(row["labels"]), bool(row["kto_tags"])] for row in rows]
    else:
        found = [learnt(row["labels"]) for row in rows]
    sys.stdout.write(f"\n{json.dumps(found)}\n")


main()
