"""What ms-swift's own loader and template make of an export: `python read_ms_swift.py FOLDER NAME TASK MODEL`. It reads
the YAML beside the rows, and prints what is learnt as JSON."""

import json
import os
import sys
from pathlib import Path
from typing import Any

folder, name, task, model = sys.argv[1:]


def main() -> None:
    import yaml
    from swift.dataset import load_dataset
    from swift.model import get_processor
    from swift.template import TemplateMeta, get_template, register_template

    os.chdir(folder)
    settings: dict[str, Any] = yaml.safe_load(Path(f"{name}.ms-swift.yaml").read_text())
    rows, _ = load_dataset(settings["dataset"], num_proc=1, remove_unused_columns=task != "grpo")
    register_template(
        TemplateMeta(
            "tiny", prefix=[], prompt=["<|user|>{{QUERY}}<|assistant|>"], chat_sep=["<|end|>"], suffix=["<|end|>"]
        )
    )
    tokenizer: Any = get_processor(model, model_type="llama")
    binary = settings.get("is_binary_loss_scale")
    template = get_template(tokenizer, template_type="tiny", is_binary_loss_scale=binary)
    template.set_mode("rlhf" if task in ("dpo", "reward") else "kto" if task == "kto" else "train")
    found: list[Any] = []

    def learnt(labels: Any) -> str:
        return tokenizer.decode([int(token) for token in labels if token != -100])

    for row in rows:
        if task == "grpo":
            found.append([row["messages"][-1]["content"], row["solution"]])
            continue
        made = template.encode(row)
        if task in ("dpo", "reward"):
            found.append([learnt(made["chosen_labels"]), learnt(made["rejected_labels"])])
        elif task == "kto":
            found.append([learnt(made["chosen_labels" if "chosen_labels" in made else "labels"]), bool(row["label"])])
        else:
            scales = {scale for scale in made.get("loss_scale") or () if scale}
            found.append([learnt(made["labels"]), max(scales, default=1.0)])
    sys.stdout.write(f"\n{json.dumps(found)}\n")


main()
