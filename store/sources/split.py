"""Splits of problems. Problems of held-out splits are used for evaluation and never for training."""

import re
from itertools import pairwise

HELD_OUT = frozenset(
    {"test", "tests", "testing", "testmini", "devtest", "heldout", "holdout"}
    | {"validation", "valid", "val", "dev", "eval", "evals", "evaluation"}
)
"""A split is held out if its name has one of these words. Validation splits are held out too."""

TRAINING = frozenset({"train", "training"})


def is_held_out(split: str | None) -> bool:
    """Returns whether a split is held out: whether a word of its name is in HELD_OUT. Case, hyphens and digits are
    ignored: `test`, `Held-Out`, `TestSet`, `dev2` and `test_hard` are held out. A problem without a split (None) is not
    held out."""
    words = _words(split)
    return bool(HELD_OUT & {*words, *map("".join, pairwise(words))})


def is_training(split: str | None) -> bool:
    """Returns whether a split's name, such as `train`, says that the split is for training; False for None."""
    return not is_held_out(split) and bool(TRAINING & {*_words(split)})


def spelling(split: str | None) -> str:
    """Returns the form of a split's name that is used to compare names. `Held-Out`, `heldout` and `held_out` have the
    same form."""
    return "".join(letter for letter in (split or "").casefold() if letter.isalnum())


def named(text: str) -> str | None:
    """Returns the first word of a file's name that names a split, such as `test` in "gsm8k_test"; None if none does."""
    words = _words(text)
    return next((word for word in (*words, *map("".join, pairwise(words))) if word in HELD_OUT | TRAINING), None)


def _words(text: str | None) -> list[str]:
    """Returns the words of a name in lower case. A word ends before a capital letter and at a character that is no
    letter. The suffix "set" of a word is removed."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text or "").lower()
    return [word.removesuffix("set") or word for word in re.findall(r"[^\W\d_]+", parted)]
