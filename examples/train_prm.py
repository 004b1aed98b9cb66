"""Trains a process reward model on rows of the format `prm` with the Trainer of transformers, because TRL has none
since 1.14.

    redraft export prm.jsonl --format prm
    python examples/train_prm.py prm.jsonl MODEL FOLDER

It needs redraft[train]. The last token of each step's separator is classified: 1 is a good step, 0 a bad one. Soft
labels (`--set soft=true`) would need another loss, because the labels here are classes.
"""

# pyright: reportMissingImports=false
import sys

from datasets import Features, List, Value, load_dataset
from transformers import (
    AutoModelForTokenClassification,
    AutoTokenizer,
    DataCollatorForTokenClassification,
    Trainer,
    TrainingArguments,
)

SEPARATOR = "\n"
LONGEST = 1024  # tokens; steps beyond this limit are not trained on

TOKENS = Features({"input_ids": List(Value("int32")), "labels": List(Value("int64"))})


def train(file: str, model: str, folder: str, **settings: object) -> Trainer:
    tokenizer = AutoTokenizer.from_pretrained(model)

    def tokenized(row: dict) -> dict:
        ids = tokenizer(row["prompt"] + SEPARATOR, add_special_tokens=False)["input_ids"]
        labels = [-100] * len(ids)
        for step, label in zip(row["completions"], row["labels"], strict=True):
            more = tokenizer(step + SEPARATOR, add_special_tokens=False)["input_ids"]
            ids, labels = ids + more, labels + [-100] * (len(more) - 1) + [int(label)]
        return {"input_ids": ids[:LONGEST], "labels": labels[:LONGEST]}

    rows = load_dataset("json", data_files=file, split="train")
    # Without explicit features, the new column would get the type of the old one, and -100 would become True.
    data = rows.map(tokenized, remove_columns=rows.column_names, features=TOKENS)
    trainer = Trainer(
        model=AutoModelForTokenClassification.from_pretrained(model, num_labels=2),
        args=TrainingArguments(output_dir=folder, **{"learning_rate": 1e-5, "report_to": "none", **settings}),
        train_dataset=data.filter(lambda row: max(row["labels"]) >= 0),
        data_collator=DataCollatorForTokenClassification(tokenizer),
        processing_class=tokenizer,
    )
    trainer.train()
    trainer.save_model(folder)
    return trainer


if __name__ == "__main__":
    train(*sys.argv[1:4])
