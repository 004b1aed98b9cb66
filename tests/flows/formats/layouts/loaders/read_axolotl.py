"""What axolotl's own loader and prompt strategies make of an export: `python read_axolotl.py FOLDER NAME TASK MODEL`.
It reads the YAML beside the rows, and prints what is learnt as JSON."""

import json
import os
import sys
from pathlib import Path
from typing import Any

folder, name, task, model = sys.argv[1:]


def main() -> None:
    import yaml
    from axolotl.prompt_strategies import load
    from axolotl.prompt_strategies.bradley_terry import load as load_pairs
    from axolotl.prompt_strategies.dpo import load as load_dpo
    from axolotl.utils.data.shared import load_dataset_with_config
    from axolotl.utils.dict import DictDefault
    from transformers import AutoTokenizer

    os.chdir(folder)
    settings: Any = DictDefault(yaml.safe_load(Path(f"{name}.axolotl.yaml").read_text()))
    entry = settings.datasets[0]
    rows: Any = load_dataset_with_config(entry, use_auth_token=False)
    tokenizer: Any = AutoTokenizer.from_pretrained(model)

    def learnt(labels: list[int]) -> str:
        return tokenizer.decode([token for token in labels if token != -100])

    if task == "dpo":
        made, _ = load_dpo(entry.type, settings, dataset_idx=0)
        found = [[made(row, tokenizer=tokenizer)[column] for column in ("chosen", "rejected")] for row in rows]
    elif task == "reward":
        pairs: Any = load_pairs(entry.type.split(".", 1)[1], tokenizer, settings, entry)
        read = [pairs.tokenize_prompt(dict(row)) for row in rows]
        found = [[tokenizer.decode(row[f"{column}_ids"]) for column in ("chosen", "rejected")] for row in read]
    elif task == "prm":
        steps: Any = load(entry.type, tokenizer, settings, entry)
        read = [steps.tokenize_prompt(row) for row in rows]
        found = [[label for label in row["labels"] if label != -100] for row in read]
    else:
        chat: Any = load(entry.type, tokenizer, settings, entry)
        found = [learnt(chat.tokenize_prompt(dict(row))["labels"]) for row in rows]
    sys.stdout.write(f"\n{json.dumps(found)}\n")


main()
