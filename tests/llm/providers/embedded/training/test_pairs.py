"""Rows of pairs, as DPO reads them; test_preferences.py trains on them."""

import json
from pathlib import Path
from typing import Any

import pytest

from redraft.llm.providers.embedded.training.examples import Example, ExampleError
from redraft.llm.providers.embedded.training.pairs import Pair, read_pairs


def user(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def model(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


def file(folder: Path, *rows: dict[str, Any]) -> Path:
    made = folder / "pairs.jsonl"
    made.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return made


def test_a_row_is_two_conversations_that_differ_in_their_last_text(tmp_path: Path) -> None:
    row = {"prompt": user("2 hats?"), "chosen": model("#### 2"), "rejected": model("#### 3"), "chosen_value": 0.9}
    asked = "solve\n2 hats?"
    assert read_pairs(file(tmp_path, row)) == [Pair(Example((asked, "#### 2")), Example((asked, "#### 3")))]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (
            {"prompt": user("2 hats?"), "completion": model("#### 2")},
            "line 1: no 'chosen': export it with --format dpo",
        ),
        (
            {"prompt": user("2 hats?"), "chosen": model("#### 2"), "rejected": user("no")},
            "line 1: no messages that end in an assistant's",
        ),
        ({"prompt": "2 hats?", "chosen": "#### 2", "rejected": "#### 3"}, "line 1: no messages that end"),
    ],
)
def test_a_row_that_is_no_pair_is_named(tmp_path: Path, row: dict[str, Any], says: str) -> None:
    with pytest.raises(ExampleError, match=says):
        read_pairs(file(tmp_path, row))
