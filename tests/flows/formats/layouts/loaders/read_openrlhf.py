"""What OpenRLHF's own data sets make of an export: `python read_openrlhf.py FOLDER NAME TASK MODEL`. It reads the
arguments from the script beside the rows, as a shell would, and prints what is learnt as JSON."""

import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

folder, name, task, model = sys.argv[1:]


def main() -> None:
    from openrlhf.datasets import PromptDataset, RewardDataset, SFTDataset
    from openrlhf.datasets.utils import blending_datasets
    from transformers import AutoTokenizer

    text = (Path(folder) / f"{name}.openrlhf.sh").read_text().replace("$HERE", folder)
    given: dict[str, Any] = dict(re.findall(r'--data\.([a-z_]+) "?([^"\s\\]+)"?', text))
    given["apply_chat_template"] = "--data.apply_chat_template" in text
    strategy: Any = SimpleNamespace(
        args=SimpleNamespace(data=SimpleNamespace(**given), use_ms=False),
        print=lambda *_: None,
        is_rank_0=lambda: False,
    )
    tokenizer = AutoTokenizer.from_pretrained(model)
    data = blending_datasets(given.get("dataset") or given["prompt_dataset"], strategy=strategy)
    length = int(given["max_len"])
    found: list[Any] = []
    if task == "sft":
        rows = SFTDataset(data, tokenizer, length, strategy, num_processors=1)
        for ids, _, mask in (rows[index] for index in range(len(rows))):
            learnt = [int(token) for token, kept in zip(ids[0][1:], mask[0][:-1], strict=True) if kept]
            found.append(tokenizer.decode(learnt))
    elif task == "grpo":
        prompts = PromptDataset(data, tokenizer, strategy)
        found = [[prompts[index][1], prompts[index][2]] for index in range(len(prompts))]
    else:
        pairs = RewardDataset(data, tokenizer, length, strategy, is_dpo=task == "dpo", num_processors=1)
        for index in range(len(pairs)):
            chosen, _, rejected, _, _ = pairs[index]
            found.append([tokenizer.decode(chosen[0]), tokenizer.decode(rejected[0])])
    sys.stdout.write(f"\n{json.dumps(found)}\n")


main()
