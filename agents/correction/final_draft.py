"""Which draft of a tree stands for its question, when correction has ended."""

from collections.abc import Callable, Mapping
from operator import attrgetter

from redraft.agents.correction.drafts import moved, written
from redraft.agents.sampling.graph import Tree, selected
from redraft.graders.answers.extract import canonical
from redraft.graders.selectors import best, majority
from redraft.store.records import Role, Stop, Trajectory

Pick = Callable[[Tree], Trajectory | None]
"""From a tree to its pick, None where no draft has an answer."""


def last(tree: Tree) -> Trajectory | None:
    """The best graded of the last drafts; the winner of their vote where nothing graded them.

    Where no sample came to its end with an answer, the drafts before a failure, or before a budget's end, are chosen
    from in the same way.
    """
    paths = list(tree.paths.values())
    if not tree.graded:
        if ended := selected(majority(paths), paths):
            return ended
        stood = [draft for path in paths for draft in list(written(path))[-1:]]
        return _itself(selected(majority(stood), stood))
    grades = {path.sample: grade for path, grade in tree.graded}
    ended = selected(best(paths, [grades[path.sample] for path in paths]), paths)
    stood = {path.sample: (path, grade) for path, grade in tree.graded if path.stop is Stop.ANSWERED}
    drafts = [draft for draft, _ in stood.values()]
    return ended or _itself(selected(best(drafts, [grade for _, grade in stood.values()]), drafts))


def best_turn(tree: Tree) -> Trajectory | None:
    """The best graded of all drafts of all turns."""
    if not tree.graded:
        return None
    drafts, grades = zip(*tree.graded, strict=True)
    return _whole(tree, selected(best(drafts, grades), drafts))


def most_turns(tree: Tree) -> Trajectory | None:
    """The answer that most drafts of all turns of all samples give, the earliest turn's of equals (Qu et al. 2024). A
    whole path that ends in it stands for it before an earlier draft does."""
    drafts = sorted(
        (draft for path in tree.paths.values() for draft in written(path)), key=attrgetter("turn", "sample")
    )
    draft = selected(majority(drafts), drafts)
    if draft is None:
        return None
    key = _key(draft)
    ended = (path for path in tree.paths.values() if path.stop is not Stop.FAILED and _key(path) == key)
    return next(ended, None) or _whole(tree, draft)


def _key(path: Trajectory) -> str | None:
    return canonical(path.answer, path.question.kind)


def _whole(tree: Tree, draft: Trajectory | None) -> Trajectory | None:
    """The path that ends with a draft, or, where it went on or failed, the draft by itself."""
    path = tree.paths[draft.sample] if draft else None
    return path if path and draft and draft.turn == path.turn and path.stop is not Stop.FAILED else _itself(draft)


def _itself(draft: Trajectory | None) -> Trajectory | None:
    """The path up to a draft, beside the whole one: no independent sample, but something that was explored."""
    return draft and moved(draft, Role.SEARCH, draft.sample)


PICKS: Mapping[str, Pick] = {"last": last, "best": best_turn, "majority": most_turns}
