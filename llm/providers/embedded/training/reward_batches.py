"""Labelled drafts as arrays, for the training of the process reward model.

A row has one question and several drafts of it. A draft attends to the question and to itself, but not to other drafts.
The positions of every draft begin right after the question, so the question is read once for all drafts. A draft is cut
after its first wrong line, since later lines are neither right nor wrong (Lightman et al. 2023).
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from redraft.llm.providers.embedded.reward_model import scoring_prefix
from redraft.llm.providers.embedded.training.labels import LabelledDraft, LabelledProblem, label_draft
from redraft.store.sources.wordproblems.labels import EQUATION, Label

LENGTH, ROWS = 384, 16  # the shape of a batch: tokens in a row, and rows
IGNORED = -100

Ints = NDArray[np.int64]


class Batch(NamedTuple):
    """The arrays of one batch. Except for `mask` and `ends`, they have the shape (rows, length).

    `mask` has the shape (rows, 1, length, length). `ends`, (lines, 4), has for each line its row, the index of its
    first and its last token, and its label. `before` has the index of the token that precedes each token. `letters` has
    the labels of tokens, and `read` the next tokens to predict; both may be IGNORED.
    """

    tokens: Ints
    positions: Ints
    before: Ints
    mask: NDArray[np.bool_]
    letters: Ints
    read: Ints
    ends: Ints


@dataclass(slots=True)
class Row:
    """The arrays of one question, without padding. `drafts` is 0 for the question's tokens, and the number of the
    draft, from 1, for the others."""

    asked: int
    tokens: list[int]
    positions: list[int] = field(default_factory=list)
    before: list[int] = field(default_factory=list)
    drafts: list[int] = field(default_factory=list)
    letters: list[int] = field(default_factory=list)
    read: list[int] = field(default_factory=list)
    ends: list[tuple[int, int, int]] = field(default_factory=list)


def batches(tokenizer: Tokenizer, sources: Sequence[Iterator[LabelledProblem]]) -> Iterator[Batch]:
    """Yields batches endlessly, with rows from each source in turn."""
    turns = itertools.chain.from_iterable(zip(*sources, strict=True))
    rows = (row for one in turns if (row := _row(tokenizer, one)))
    while True:
        yield _batch(list(itertools.islice(rows, ROWS)))


def _row(tokenizer: Tokenizer, one: LabelledProblem) -> Row | None:
    """Returns a row with the question, its solution, and as many drafts as fit. The network also learns to predict the
    solution. Returns None if nothing fits."""
    prompt = tokenizer.encode(scoring_prefix(one.question), add_special_tokens=False).ids
    size = len(prompt)
    row = Row(size, list(prompt), list(range(size)), [0, *range(size - 1)], [0] * size)
    row.letters, row.read = [IGNORED] * size, [IGNORED] * size
    for number, draft in enumerate((label_draft(one.solution, one.solution), *one.drafts)):
        _add(tokenizer, row, draft, read=number == 0)
    return row if row.ends else None


def _add(tokenizer: Tokenizer, row: Row, draft: LabelledDraft, *, read: bool) -> None:
    tokens: list[int] = []
    letters: list[int] = []
    ends: list[tuple[int, int, int]] = []
    for line, label in zip(draft.lines, draft.labels, strict=True):
        encoded = tokenizer.encode(f"{line}\n", add_special_tokens=False)
        start = len(row.tokens) + len(tokens)
        ends.append((start, start + len(encoded.ids) - 1, int(label.right)))
        tokens += encoded.ids
        letters += _letters(line, label, encoded.offsets)
        if not label.right:
            break
    size = len(tokens)
    if len(row.tokens) + size > LENGTH:
        return
    if read:
        row.read[-1] = tokens[0]
    row.read += [*tokens[1:], IGNORED] if read else [IGNORED] * size
    row.before += [row.asked - 1, *range(len(row.tokens), len(row.tokens) + size - 1)]
    row.positions += range(row.asked, row.asked + size)
    row.drafts += [row.drafts[-1] + 1] * size
    row.tokens += tokens
    row.letters += letters
    row.ends += ends


def _letters(line: str, label: Label, offsets: Sequence[tuple[int, int]]) -> list[int]:
    """Returns a label for each token of a line's equation, or of the whole line if it has no equation: 1 if the line is
    right up to the token's end, otherwise 0. Other tokens are IGNORED."""
    if not label.right and label.wrong_at is None:
        return [IGNORED] * len(offsets)
    equation = EQUATION.search(line)
    first, last = equation.span() if equation else (0, len(line))
    at = last if label.wrong_at is None else label.wrong_at
    return [int(end <= at) if start >= first and end <= last else IGNORED for start, end in offsets]


def _batch(rows: Sequence[Row]) -> Batch:
    shape = (len(rows), LENGTH)
    tokens, positions, before = (np.zeros(shape, np.int64) for _ in range(3))
    drafts, letters, read = (np.full(shape, fill, np.int64) for fill in (-1, IGNORED, IGNORED))
    for number, row in enumerate(rows):
        size = len(row.tokens)
        tokens[number, :size], positions[number, :size], before[number, :size] = row.tokens, row.positions, row.before
        drafts[number, :size], letters[number, :size], read[number, :size] = row.drafts, row.letters, row.read
    seen = (drafts[:, :, None] == drafts[:, None, :]) | (drafts[:, None, :] == 0)
    mask = (seen & np.tril(np.ones((LENGTH, LENGTH), bool)))[:, None]
    ends = np.array([(number, *end) for number, row in enumerate(rows) for end in row.ends], np.int64)
    return Batch(tokens, positions, before, mask, letters, read, ends)
