"""The protocol of every augmentation. An augmentation is a file in one of the folders here. Its only public function
has the name of the file and returns an Augmentation; the function's keyword arguments are the configuration."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from redraft.flows.augmentation.workshop import Workshop
from redraft.store.problems import Problem
from redraft.store.unit import Rewrite

Make = Callable[[Problem, Workshop], Awaitable[Sequence[Rewrite]]]


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Makes new questions from a problem. `make` returns Rewrites with the results of their acceptance tests. If
    nothing could be made, it returns one Rewrite without a question but with the reason. `wordings` are the names of
    the prompts that it sends; a model that was trained only on its own prompts is not sent others. If `needs_answer`,
    only problems with known answers are used. If `from_old` is False, the questions are not made from old questions,
    and the augmentation is used only if the user names it."""

    make: Make
    wordings: tuple[str, ...] = ()
    needs_answer: bool = True
    from_old: bool = True
