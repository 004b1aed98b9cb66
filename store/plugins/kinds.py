"""The kinds of parts, listed once: where the parts of each kind are, and what their functions return."""

from typing import NamedTuple


class PartKind(NamedTuple):
    """A package of parts, and the type that makes a function in it a part."""

    package: str
    returns: str


KINDS = {
    "strategy": PartKind("redraft.agents.strategies", "Agent"),
    "critic": PartKind("redraft.agents.critics", "Critic"),
    "feedback": PartKind("redraft.agents.feedback", "Feedback"),
    "grader": PartKind("redraft.graders", "Grader"),
    "filter": PartKind("redraft.flows.filters", "Filter"),
    "reader": PartKind("redraft.flows.readers", "Imported"),
    "format": PartKind("redraft.flows.formats", "Format"),
}
