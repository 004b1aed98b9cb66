"""The protocol of every augmentation. An augmentation is a file in a folder here. Its one public function has the name
of the file and returns an Augmentation; the keyword arguments of the function are its configuration."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from redraft.flows.augmentation.workshop import Workshop
from redraft.store.problems import Problem
from redraft.store.unit import Rewrite

Make = Callable[[Problem, Workshop], Awaitable[Sequence[Rewrite]]]


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Makes new questions from a problem. `make` returns them with the result of their acceptance test, or one Rewrite
    without a question that says why nothing could be made. `wordings` are the templates that it sends, so that a model
    which was trained on its own prompts is not asked for what it cannot do. If `needs_answer`, it needs problems with
    known answers. If it does not make its questions from old ones (`from_old`), it acts only if the user names it."""

    make: Make
    wordings: tuple[str, ...] = ()
    needs_answer: bool = True
    from_old: bool = True
