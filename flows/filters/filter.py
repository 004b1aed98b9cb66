"""The protocol of every filter. A filter is a file in this folder. Its one public function has the name of the file and
returns a Filter; the keyword arguments of the function are the filter's configuration."""

from typing import Protocol

from redraft.flows.filters.candidates import Candidate

DEFAULTS = ("correct", "length", "equations", "duplicates", "cap")
"""The filters that act if none are named, in this order. They suit rows for supervised fine-tuning."""


class Filter(Protocol):
    """Decides about each candidate that the filters before it kept. None keeps it; a reason in words drops it.
    Reasons are counted by their text before the first colon.

    Each run makes new filters, so a filter may remember the candidates that it has seen."""

    def __call__(self, candidate: Candidate) -> str | None: ...
