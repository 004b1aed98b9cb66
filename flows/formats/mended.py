"""Second drafts made of first ones: self-distillation as in RISE (Qu et al. 2024, arXiv 2407.18219), in which the right
drafts of a problem are what a wrong one ought to have become. Nothing is asked again."""

from collections.abc import Iterator

from redraft.flows.filters.candidates import Candidate, Turn
from redraft.flows.formats.format import Format, Row, filtered_by, wrote
from redraft.llm.prompts.templates import TEMPLATES
from redraft.store.errors import PartError


@filtered_by()
def mended(*, keep: float = 1.0, most: int = 4) -> Format:
    """A row for each first draft, which feedback `fixed` calls wrong: `prompt`, the question, the draft and the
    feedback; `completion`, a right draft of the same problem, which is the draft itself where that is right; `weight`,
    1, or `keep` where the draft stays; and `turn`, 2.

    Of each problem `most` rows that mend, and as many that keep; equal drafts make one row. A wrong draft waits for the
    next right one of its problem, whose drafts an export reads one after the other. Raises PartError for a `keep` below
    0 and a `most` below 1.
    """
    if keep < 0 or most < 1:
        raise PartError(f"keep={keep} and most={most} of format 'mended' have to be at least 0 and 1")
    told = _Problem("", most)

    def rows(candidate: Candidate) -> Iterator[Row]:
        nonlocal told
        if candidate.problem_id != told.problem_id:
            told = _Problem(candidate.problem_id, most)
        draft = next(iter(candidate.turns), None)
        if draft is None or draft.correct is None or candidate.role != "sample":
            yield Row(None, draft and draft.leaf_step_id, "no first draft of which it is known whether it is right")
            return
        if draft.text in told.seen:
            yield Row(None, draft.leaf_step_id, "the same draft as one before")
            return
        for before, after in told.pairs(draft):
            why = told.left(before, after)
            said = [{"role": "user", "content": text} for text in (candidate.question, TEMPLATES["is_wrong"].text)]
            row = {"prompt": [said[0], wrote(before), said[1]], "completion": [wrote(after)]}
            weight = keep if before is after else 1.0
            yield Row(None if why else {**row, "weight": weight, "turn": 2}, before.leaf_step_id, why)

    return rows


class _Problem:
    """The drafts of one problem so far, no two alike."""

    def __init__(self, problem_id: str, most: int) -> None:
        self.problem_id = problem_id
        self._most = most
        self._made = {True: 0, False: 0}  # rows that keep a draft, and that mend one
        self.seen: set[str] = set()
        self._right: list[Turn] = []
        self._wrong: list[Turn] = []

    def pairs(self, draft: Turn) -> list[tuple[Turn, Turn]]:
        """The drafts that this one completes, each with what it ought to become."""
        self.seen.add(draft.text)
        if not draft.correct:
            self._wrong.append(draft)
        else:
            self._right.append(draft)
        waiting, self._wrong = (self._wrong, []) if self._right else ([], self._wrong)
        kept = [(draft, draft)] if draft.correct else []
        pairs = [(wrong, self._right[at % len(self._right)]) for at, wrong in enumerate(waiting)]
        return pairs + kept

    def left(self, before: Turn, after: Turn) -> str | None:
        """Why a pair makes no row."""
        keeps = before is after
        if self._made[keeps] == self._most:
            return f"{self._most} rows of its problem already"
        self._made[keeps] += 1
        return None
