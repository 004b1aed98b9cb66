"""What verl's own data sets make of an export: `python read_verl.py FOLDER NAME TASK MODEL`. It reads the arguments
from the script beside the rows, as a shell would, and prints what is learnt as JSON."""

import json
import re
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

folder, name, task, model = sys.argv[1:]


def main() -> None:
    from omegaconf import OmegaConf
    from transformers import AutoTokenizer

    text = (Path(folder) / f"{name}.verl.sh").read_text().replace("$HERE", folder)
    given = dict(re.findall(r'"?data\.([a-z_.]+)=([^"\s]+)"?', text))
    files = given["train_files"].strip("[]").split(",")
    tokenizer = AutoTokenizer.from_pretrained(model)
    if task == "grpo":
        from verl.utils.dataset.rl_dataset import RLHFDataset

        config = OmegaConf.create(
            {"max_prompt_length": int(given["max_prompt_length"]), "cache_dir": f"{folder}/cache"}
        )
        rows: Any = RLHFDataset(files, tokenizer, config)
        found = [[row["prompt"][-1]["content"], row["reward_model"]["ground_truth"]] for row in rows.dataframe]
    else:
        from verl.utils.dataset.multiturn_sft_dataset import MultiTurnSFTDataset

        kind: Any = MultiTurnSFTDataset
        if path := given.get("custom_cls.path"):
            spec = spec_from_file_location("custom", path)
            assert spec
            assert spec.loader
            module = module_from_spec(spec)
            spec.loader.exec_module(module)
            kind = getattr(module, given["custom_cls.name"])
        config = OmegaConf.create({"max_length": int(given["max_length"]), "truncation": given["truncation"]})
        rows = kind(files, tokenizer, config)
        found = []
        for index in range(len(rows)):
            row = rows[index]
            found.append(tokenizer.decode(row["input_ids"][row["loss_mask"].bool()]))
    sys.stdout.write(f"\n{json.dumps(found)}\n")


main()
