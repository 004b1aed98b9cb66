#!/usr/bin/env bash
# datasets 5.2.0: a column of true and false that `map` replaces by token labels becomes true and false again, so that
# the mask -100 turns into True.
#
# What surprises: rows of a process reward model have a list of booleans, `labels`, one for each step. A tokenizing
#   function returns a new `labels`, one integer for each token, with -100 where nothing is to be learnt; and `map` is
#   told to remove the old columns (`remove_columns=rows.column_names`). It removes them, but keeps the type of each
#   column that has the name of an old one. -100 is cast to it without a word: it becomes True. Integers that a list of
#   integers held stay integers, so that the same program is right with rows that say 0 and 1.
# Whom it hurts: who trains a token classifier by transformers' Trainer on such rows. PyTorch ignores -100, and finds 1:
#   every token of the prompt and of each step is learnt as a good step. Losses look plausible.
# What to do instead: name the types of the new columns, `map(..., features=Features({...}))`; or give the new column
#   another name than the old one.
#
# Prints the labels and their types, in three ways. Fails if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet "datasets==5.2.0"
cat > "$folder/mask.py" <<'PYTHON'
import datasets
from datasets import Dataset, Features, List, Value

datasets.disable_progress_bars()


def tokenized(row: dict) -> dict:
    labels = [part for label in row["labels"] for part in (-100, -100, int(label))]
    return {"input_ids": list(range(len(labels))), "labels": labels}


def made(labels: list, features: Features | None = None) -> list:
    rows = Dataset.from_list([{"prompt": "1 + 1?", "labels": labels}])
    return rows.map(tokenized, remove_columns=rows.column_names, features=features)[0]["labels"]


TOKENS = Features({"input_ids": List(Value("int64")), "labels": List(Value("int64"))})
print("datasets", datasets.__version__)
print("labels true, false:         ", made([True, False]))
print("labels 1, 0:                ", made([1, 0]))
print("true, false, types are named:", made([True, False], TOKENS))
assert made([True, False]) == [True, True, True, True, True, False]
assert made([1, 0]) == made([True, False], TOKENS) == [-100, -100, 1, -100, -100, 0]
PYTHON
HF_HUB_OFFLINE=1 HF_DATASETS_CACHE="$folder/cache" "$folder/venv/bin/python" "$folder/mask.py"
