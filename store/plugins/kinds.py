"""Lists the kinds of parts: the package of each kind, and the type that its functions return."""

from typing import NamedTuple


class PartKind(NamedTuple):
    """A package of parts. A function in it is a part if it returns the type `returns`."""

    package: str
    returns: str


KINDS = {
    "strategy": PartKind("redraft.agents.strategies", "Agent"),
    "critic": PartKind("redraft.agents.critics", "Critic"),
    "feedback": PartKind("redraft.agents.feedback", "Feedback"),
    "grader": PartKind("redraft.graders", "Grader"),
    "filter": PartKind("redraft.flows.filters", "Filter"),
    "reader": PartKind("redraft.flows.readers", "Imported"),
    "augmentation": PartKind("redraft.flows.augmentations", "Augmentation"),
    "format": PartKind("redraft.flows.formats", "Format"),
    "model trainer": PartKind("redraft.flows.trainers", "Trainer"),
    "server": PartKind("redraft.flows.servers", "Server"),
    "trainer": PartKind("redraft.flows.formats.layouts", "Layout"),
}
