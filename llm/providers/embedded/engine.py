"""Samples from the embedded network for many requests at once, in one thread.

A row joins the batch when its request arrives, and leaves it when its sample ends (continuous batching). Each row has
its own seeded random generator, so a sample does not depend on the other rows or on their order.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from redraft.llm.model import Choice, Finish
from redraft.llm.providers.embedded.attention import Cache
from redraft.llm.providers.embedded.network import CONTEXT, Network
from redraft.llm.providers.embedded.one_thread import one_thread
from redraft.llm.providers.embedded.prompt_cache import Floats
from redraft.llm.providers.embedded.truncation import truncate
from redraft.llm.providers.embedded.vocabulary import Vocabulary
from redraft.llm.truncation import NO_TRUNCATION, Truncation

BLOCK = 32  # tokens; the size of the vocabulary is a multiple of it
NUMBERS = 64  # random numbers that a row draws at once


@dataclass(slots=True, eq=False)
class Job:
    """A prompt and the samples to draw for it."""

    prompt: NDArray[np.int64]
    seeds: Sequence[int]
    temperature: float
    max_tokens: int
    stop: tuple[bytes, ...]
    truncation: Truncation = NO_TRUNCATION
    future: Future[tuple[Choice, ...]] = field(default_factory=Future)
    choices: list[Choice | None] = field(default_factory=list)
    longest_stop: int = field(init=False)
    most: int = field(init=False)  # the token limit of a sample
    plain: bool = field(init=False)  # whether tokens are drawn without a temperature or a truncation

    def __post_init__(self) -> None:
        self.longest_stop = max(map(len, self.stop), default=0)
        self.most = max(1, min(self.max_tokens, CONTEXT - len(self.prompt)))
        self.plain = self.temperature == 1 and not self.truncation


@dataclass(slots=True, eq=False)
class Row:
    """A sample that is not finished."""

    job: Job
    number: int
    uniform: Iterator[float]
    token: int = 0
    written: bytearray = field(default_factory=bytearray)
    starts: list[int] = field(default_factory=list)  # the byte offset at which each token begins
    logprobs: list[float] = field(default_factory=list)


class Engine:
    """Runs jobs in a thread. `submit` is thread-safe. It returns a future whose result has the choices in the order of
    the seeds."""

    def __init__(self, network: Network, vocabulary: Vocabulary, rows: int = 128) -> None:
        self.network, self.vocabulary = network, vocabulary
        self._cache = Cache(rows)
        self._pieces = vocabulary.pieces(network.embedding.shape[0])
        self._rows: list[Row] = []
        self._free: list[int] = []  # indices of rows that ended in the last step
        self._size = rows
        self._waiting: deque[tuple[Job, int]] = deque()
        self._work: deque[tuple[Callable[[], tuple[Choice, ...]], Future[tuple[Choice, ...]]]] = deque()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def submit(self, job: Job) -> Future[tuple[Choice, ...]]:
        job.choices = [None] * len(job.seeds)
        with self._lock:
            self._waiting.extend((job, number) for number in range(len(job.seeds)))
            self._start()
        return job.future

    def submit_work(self, work: Callable[[], tuple[Choice, ...]]) -> Future[tuple[Choice, ...]]:
        """Runs `work`, such as a beam search, which batches its own rows, between two steps of the other rows. Returns
        a future with its result. Thread-safe."""
        future: Future[tuple[Choice, ...]] = Future()
        with self._lock:
            self._work.append((work, future))
            self._start()
        return future

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="redraft-embedded", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        """Runs until no job waits."""
        with one_thread():
            while True:
                with self._lock:
                    if not self._waiting and not self._rows and not self._work:
                        self._thread = None
                        return
                    work = self._work.popleft() if self._work else None
                if work:
                    _do(*work)
                try:
                    self._admit()
                    if self._rows:
                        self._step()
                except Exception as error:  # noqa: BLE001 - passed to the caller, who would wait forever otherwise
                    self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        with self._lock:
            jobs = {row.job for row in self._rows} | {job for job, _ in self._waiting}
            self._rows.clear()
            self._free.clear()
            self._waiting.clear()
        for job in jobs:
            if not job.future.done():
                job.future.set_exception(error)

    def _admit(self) -> None:
        """Starts waiting samples in free rows. If several samples of one prompt start together, the prompt is read once
        for all of them."""
        read: tuple[Job, int, Floats] | None = None
        while self._free or len(self._rows) < self._size:
            with self._lock:
                if not self._waiting:
                    break
                job, number = self._waiting.popleft()
            if job.future.cancelled():
                continue
            at = self._free[-1] if self._free else len(self._rows)
            if read and read[0] is job:
                if read[1] != at:
                    self._cache.copy(read[1], at)
                logits = read[2]
            else:
                logits = self.network.read(job.prompt, self._cache, at, last=True)
                read = (job, at, logits)
            row = Row(job, number, uniform(job.seeds[number]))
            tokens, logprobs = self._draw(logits, [row])
            if self._write(row, int(tokens[0]), float(logprobs[0])):
                continue  # the cache row still has the prompt for the next sample
            if self._free:
                self._rows[self._free.pop()] = row
            else:
                self._rows.append(row)
        self._close_gaps()

    def _close_gaps(self) -> None:
        """Moves the last rows to the indices that are still free."""
        for at in sorted(self._free, reverse=True):
            last = self._rows.pop()
            if at < len(self._rows):
                self._cache.copy(len(self._rows), at)
                self._rows[at] = last
        self._free.clear()

    def _step(self) -> None:
        rows = self._rows
        logits = self.network.step(np.array([row.token for row in rows]), self._cache)
        tokens, logprobs = self._draw(logits, rows)
        cancelled = {job for job in {row.job for row in rows} if job.future.cancelled()}
        self._free = [
            at
            for at, (row, token, logprob) in enumerate(zip(rows, tokens.tolist(), logprobs.tolist(), strict=True))
            if row.job in cancelled or self._write(row, token, logprob)
        ]

    def _draw(self, logits: Floats, rows: Sequence[Row]) -> tuple[NDArray[np.int64], Floats]:
        """Draws one token for each row. Returns a pair: the token ids, and their log-probabilities at temperature 1."""
        highest = np.maximum.reduce(logits, axis=1, keepdims=True)
        weights = logits - highest
        np.exp(weights, out=weights)
        normalizer = np.log(np.add.reduce(weights, axis=1))
        plain = all(row.job.plain for row in rows)
        if not plain:
            self._temper(weights, logits - highest, rows)
        tokens = drawn(weights, np.array([next(row.uniform) for row in rows]))
        if not plain:
            greedy = np.array([row.job.temperature <= 0 for row in rows])
            tokens = np.where(greedy, logits.argmax(axis=1), tokens)
        return tokens, (logits[np.arange(len(rows)), tokens] - highest[:, 0]) - normalizer

    def _temper(self, weights: Floats, shifted: Floats, rows: Sequence[Row]) -> None:
        """Applies the temperatures and truncations of rows to their weights, in place."""
        temperatures = np.array([row.job.temperature for row in rows], np.float32)[:, None]
        if (temperatures != 1).any():
            np.exp(shifted / np.where(temperatures > 0, temperatures, 1), out=weights)
        for truncation in {row.job.truncation for row in rows if row.job.truncation}:
            these = [at for at, row in enumerate(rows) if row.job.truncation == truncation]
            weights[these] = truncate(weights[these].astype(np.float64), truncation)

    def _write(self, row: Row, token: int, logprob: float) -> bool:
        """Appends a token to a row. Returns whether the row has ended."""
        job = row.job
        piece = self._pieces[token]
        if piece is None:
            return self._end(row, Finish.END, len(row.written))
        row.token = token
        row.starts.append(len(row.written))
        row.logprobs.append(logprob)
        searched = max(0, len(row.written) - job.longest_stop)
        row.written += piece
        found = [at for stop in job.stop if (at := row.written.find(stop, searched)) >= 0]
        if found:
            return self._end(row, Finish.STOP, min(found))
        if len(row.starts) >= job.most:
            return self._end(row, Finish.LENGTH, len(row.written))
        return False

    def _end(self, row: Row, finish: Finish, length: int) -> bool:
        job, written = row.job, bytes(row.written[:length])
        if written.isascii():
            offsets = tuple(min(start, length) for start in row.starts)
        else:
            offsets = tuple(len(written[:start].decode("utf-8", "ignore")) for start in row.starts)
        text = written.decode("utf-8", "replace")
        logprobs = tuple(round(logprob, 6) for logprob in row.logprobs)
        job.choices[row.number] = Choice(text, finish, len(row.starts), logprobs, offsets)
        choices = tuple(choice for choice in job.choices if choice is not None)
        if len(choices) == len(job.choices) and not job.future.cancelled():
            job.future.set_result(choices)
        return True


def uniform(seed: int) -> Iterator[float]:
    """Yields the random numbers of a seed in [0, 1), without end."""
    stream = np.random.Generator(np.random.Philox(seed))
    while True:
        yield from stream.random(NUMBERS).tolist()


def drawn(weights: Floats, numbers: NDArray[np.float64]) -> NDArray[np.intp]:
    """Returns the token id that each row draws. `weights` has the shape (rows, vocabulary). `numbers` has one number in
    [0, 1) for each row. The sums of blocks of tokens are searched first, since a cumulative sum over all tokens takes
    longer."""
    rows = np.arange(len(weights))
    blocks = weights.reshape(len(weights), -1, BLOCK)
    sums = np.add.reduce(blocks, axis=2).astype(np.float64)
    block, rest = _place(rows, sums, numbers * sums.sum(axis=1))
    token, _ = _place(rows, blocks[rows, block].astype(np.float64), rest)
    return block * BLOCK + token


def _place(
    rows: NDArray[np.intp], weights: NDArray[np.float64], reached: NDArray[np.float64]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Returns a pair for each row: the index at which the cumulative sum of its weights exceeds `reached`, and how far
    `reached` lies above the sum before that index. An index with weight 0 is never returned, even if rounding makes
    `reached` negative or as large as the total."""
    ends = weights.cumsum(axis=1)
    reached = np.maximum(np.minimum(reached, np.nextafter(ends[:, -1], 0)), 0)
    place = (ends > reached[:, None]).argmax(axis=1)
    return place, reached - (ends[rows, place] - weights[rows, place])


def _do(work: Callable[[], tuple[Choice, ...]], future: Future[tuple[Choice, ...]]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(work())
    except Exception as error:  # noqa: BLE001 - passed to the caller, who would wait forever otherwise
        future.set_exception(error)
