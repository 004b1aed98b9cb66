"""The log of the mock server: its requests and its replies."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from openai_protocol.model.texts import Sample


@dataclass(slots=True)
class Entry:
    """One call of the model. Times are in seconds since the server began. `status` is 0 if no complete reply was
    sent."""

    path: str
    body: dict[str, Any]
    at: float
    seconds: float = 0.0
    status: int = 0
    fault: str | None = None  # the name of the fault; "left" if the client disconnected first
    choices: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    produced: int = 0  # tokens of its choices, including reasoning, whether delivered or not
    charged: int = 0  # prompt and completion tokens of a reply whose sending began

    def as_json(self) -> dict[str, Any]:
        """Returns all fields as a dict."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass
class Record:
    """The calls so far, the maximum number of concurrent calls, and the hashes of the texts that were sent."""

    entries: list[Entry] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0
    samples: Counter[int] = field(default_factory=Counter)
    began: float = field(default_factory=time.monotonic)

    def begin(self, path: str, body: dict[str, Any]) -> Entry:
        """Records that a call has arrived, and returns its entry."""
        entry = Entry(path, body, time.monotonic() - self.began)
        self.entries.append(entry)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        return entry

    def end(self, entry: Entry) -> None:
        """Records that a call has ended."""
        self.in_flight -= 1
        entry.seconds = time.monotonic() - self.began - entry.at

    def give(self, samples: Sequence[Sample]) -> None:
        """Records samples that were sent completely."""
        self.samples.update([hash(sample.text) for sample in samples])

    @property
    def distinct(self) -> int:
        """Returns the number of distinct texts that were sent."""
        return len(self.samples)

    def summary(self) -> dict[str, Any]:
        """Returns the totals of the log."""
        entries = self.entries
        return {
            "requests": len(entries),
            "statuses": Counter(str(entry.status) for entry in entries),
            "faults": Counter(entry.fault for entry in entries if entry.fault),
            "samples": self.samples.total(),
            "distinct": self.distinct,
            "prompt_tokens": sum(entry.prompt_tokens for entry in entries),
            "cached_tokens": sum(entry.cached_tokens for entry in entries),
            "produced": sum(entry.produced for entry in entries),
            "charged": sum(entry.charged for entry in entries),
            "most_in_flight": self.most_in_flight,
            "seconds": max((entry.at + entry.seconds for entry in entries), default=0.0)
            - min((entry.at for entry in entries), default=0.0),
        }
