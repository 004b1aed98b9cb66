"""A client's calls in the journal: its recorded samples, usage and failures. Also splits and groups ranges of sample
indices."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from redraft.llm.choice_json import choice_from_json
from redraft.llm.client import records
from redraft.llm.model import Choice, ModelError, Request
from redraft.llm.prompts.prompts import Prompts
from redraft.llm.usage import Amount
from redraft.store.calls import Call
from redraft.store.errors import StoreError
from redraft.store.journal import Journal


class CallLog:
    """The calls of a client in its journal. Without a journal, only failures are counted."""

    def __init__(self, journal: Journal | None, prompts: Prompts) -> None:
        self.journal = journal
        self._prompts = prompts
        self._failures: Counter[str] = Counter()

    def recorded_samples(self, call: Call, samples: range) -> dict[int, Choice | ModelError]:
        """Returns the samples that the journal has, by index. Raises StoreError if one is broken."""
        if self.journal is None:
            return {}
        place = call.unit, call.purpose, call.place
        answers = ((s, self.journal.answer(*place, s, call.prompt_hash)) for s in samples)
        try:
            return {sample: choice_from_json(answer) for sample, answer in answers if answer is not None}
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(
                f"the journal's answer at {call.place!r} is no sample: delete the line of the journal with that place"
            ) from error

    def used(self, unit: str) -> Amount:
        """Returns the amount that a unit has used, according to the journal."""
        return records.total_used(self.journal.known_calls(unit) if self.journal else ())

    def record(self, call: Call, choices: list[dict[str, Any]], request: Request) -> None:
        """Records a call and its answers in the journal."""
        if self.journal is not None:
            self.journal.record(call, choices, self._prompts.shown(request))

    def count_failures(self, call: Call) -> int:
        """Returns how many times the same call has failed before."""
        key = records.call_key(call, call.first, call.n)
        if self.journal is None:
            self._failures[key] += 1
            return self._failures[key] - 1
        return records.count_failures((old for old, _ in self.journal.calls(call.unit)), key)


def split_range(samples: range, size: int) -> list[range]:
    """Splits a range into pieces of `size`; the last piece may be shorter."""
    return [samples[start : start + size] for start in range(0, len(samples), size)]


def contiguous_ranges(numbers: Iterable[int]) -> Iterator[range]:
    """Groups increasing numbers into contiguous ranges: 0 1 2 5 6 becomes range(0, 3) and range(5, 7)."""
    run = range(0)
    for number in numbers:
        if run and number == run.stop:
            run = range(run.start, number + 1)
            continue
        if run:
            yield run
        run = range(number, number + 1)
    if run:
        yield run
