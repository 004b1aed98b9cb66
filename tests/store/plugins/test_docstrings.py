"""What a docstring says of a part and of its arguments."""

import pytest

from redraft.store.plugins.docstrings import about, argument


def part(samples: int = 8, mode: str = "last", how: str = "mean", seed: int = 0) -> None:
    """Draws some drafts and
    takes one. It asks `samples` times, e.g. eight; `how` says which. Raises PartError for a `seed` below 0.

    A `mode` is named here, too.

    Args:
        samples: The number of drafts,
            one at least.
        mode:
            What counts: the last.

        how: After a blank line nothing counts.
    """


def bare() -> None: ...


print_nothing = eval("lambda depth=1: None", {"__name__": "no.module"})  # no docstring, and no file


def short(depth: int = 1) -> None:
    """How deep: `depth=2` is two levels"""


def test_the_first_sentence_says_what_a_part_is() -> None:
    assert about(part) == "Draws some drafts and takes one."
    assert about(short) == "How deep:"  # a colon or semicolon before a code or a capital ends a sentence
    assert about(bare) == "What a docstring says of a part and of its arguments."  # the file's
    assert about(print_nothing) == ""


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("samples", "The number of drafts, one at least."),
        ("mode", "What counts: the last."),
        ("how", "`how` says which."),  # its entry is no longer part of the list
        ("seed", ""),  # a sentence of what is raised explains nothing
        ("sample", ""),
        ("none", ""),
    ],
)
def test_an_argument_has_its_entry_else_the_sentence_that_names_it(name: str, words: str) -> None:
    assert argument(part, name) == words


def test_an_argument_may_be_named_within_code() -> None:
    assert argument(short, "depth") == "`depth=2` is two levels"
    assert argument(bare, "depth") == ""
