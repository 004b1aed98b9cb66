"""Splits of problems: which of them are held out, so that nothing is ever trained on them."""

import re
from itertools import pairwise

HELD_OUT = frozenset(
    {"test", "tests", "testing", "testmini", "devtest", "heldout", "holdout"}
    | {"validation", "valid", "val", "dev", "eval", "evals", "evaluation"}
)
"""Words that say so in the name of a split. What a choice was made by (validation, dev) is no training data either."""

TRAINING = frozenset({"train", "training"})


def is_held_out(split: str | None) -> bool:
    """Whether problems of a split are kept to measure by: a word of its name, in any spelling, is in HELD_OUT, as in
    `test`, `Held-Out`, `TestSet`, `dev2` or `test_hard`. A problem with no split is not."""
    words = _words(split)
    return bool(HELD_OUT & {*words, *map("".join, pairwise(words))})


def is_training(split: str | None) -> bool:
    """Whether a split is named as one to train on, as in `train`; None names nothing."""
    return not is_held_out(split) and bool(TRAINING & {*_words(split)})


def named(text: str) -> str | None:
    """The first word of a text, such as a file's name, that names a split, as `test` in "gsm8k_test"; or None."""
    words = _words(text)
    return next((word for word in (*words, *map("".join, pairwise(words))) if word in HELD_OUT | TRAINING), None)


def _words(text: str | None) -> list[str]:
    """The words of a name: parted by capitals and by whatever is no letter, and without "set" at their end."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text or "").lower()
    return [word.removesuffix("set") or word for word in re.findall(r"[^\W\d_]+", parted)]
