"""The protocol of every export format. A format is a file here whose one public function has its name and returns a
Format; its keyword arguments are its configuration."""

from collections.abc import Mapping
from typing import Any, Protocol

from redraft.flows.candidates import Candidate


class Format(Protocol):
    """One row of training data, as JSON data, from a trajectory that the filters kept."""

    def __call__(self, candidate: Candidate) -> Mapping[str, Any]: ...
