"""The protocol of every filter. A filter is a file here whose one public function has its name and returns a Filter;
its keyword arguments are its configuration."""

from typing import Protocol

from redraft.flows.filters.candidates import Candidate

DEFAULTS = ("correct", "length", "equations", "duplicates", "cap")
"""The filters that act if none are named, in this order: those of rows for supervised fine-tuning."""


class Filter(Protocol):
    """Looks at candidates in turn, those that the filters before it kept: None keeps one, a reason in words drops it;
    reasons are counted by what stands before a colon.
    Each run makes its filters anew, so that one may remember what it has seen."""

    def __call__(self, candidate: Candidate) -> str | None: ...
