"""Which splits are held out, in every spelling that data sets use."""

import pytest

from redraft.store.sources.split import is_held_out, is_training, named


@pytest.mark.parametrize(
    ("split", "held_out", "training"),
    [
        ("test", True, False), ("heldout", True, False), ("Held-Out", True, False), ("validation", True, False),
        ("val", True, False), ("dev", True, False), ("eval", True, False), ("test_hard", True, False),
        ("test-00000-of-00002", True, False), ("train-dev", True, False), ("TestSet", True, False),
        ("testset", True, False), ("test2", True, False), ("testing", True, False), ("Evaluation", True, False),
        ("validationset", True, False), ("TrainingSet", False, True), ("trainset", False, True), ("train", False, True),
        ("training", False, True), ("contest", False, False), ("latest", False, False), ("", False, False),
        (None, False, False),
    ],
)  # fmt: skip
def test_a_split_is_held_out_by_the_words_of_its_name(split: str | None, held_out: bool, training: bool) -> None:
    assert (is_held_out(split), is_training(split)) == (held_out, training)


def test_a_files_name_may_name_its_split() -> None:
    files = ("gsm8k_test", "math.train", "held_out-2", "contest", "MATH Validation", "MyTestFile", "dev2", "subset")
    expected = ["test", "train", "heldout", None, "validation", "test", "dev", None]
    assert [named(file) for file in files] == expected
