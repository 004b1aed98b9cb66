"""Splits of problems: which splits are held out, so that nothing is ever trained on them."""

import re
from itertools import pairwise

HELD_OUT = frozenset(
    {"test", "tests", "testing", "testmini", "devtest", "heldout", "holdout"}
    | {"validation", "valid", "val", "dev", "eval", "evals", "evaluation"}
)
"""Words in the name of a held-out split. Validation splits, by which choices are made, are no training data either."""

TRAINING = frozenset({"train", "training"})


def is_held_out(split: str | None) -> bool:
    """Whether problems of a split are for measuring: a word of its name, in any spelling, is in HELD_OUT, as in
    `test`, `Held-Out`, `TestSet`, `dev2` or `test_hard`. A problem with no split is not."""
    words = _words(split)
    return bool(HELD_OUT & {*words, *map("".join, pairwise(words))})


def is_training(split: str | None) -> bool:
    """Whether a split's name says that it is for training, such as `train`; False for None."""
    return not is_held_out(split) and bool(TRAINING & {*_words(split)})


def named(text: str) -> str | None:
    """The first word of a text, such as a file's name, that names a split, as `test` in "gsm8k_test"; or None."""
    words = _words(text)
    return next((word for word in (*words, *map("".join, pairwise(words))) if word in HELD_OUT | TRAINING), None)


def _words(text: str | None) -> list[str]:
    """The words of a name, split at capitals and at characters that are no letters, without "set" at their end."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text or "").lower()
    return [word.removesuffix("set") or word for word in re.findall(r"[^\W\d_]+", parted)]
