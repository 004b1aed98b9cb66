"""Makes second drafts from first drafts, without calling a model: a wrong draft is paired with a right draft of the
same problem as its revision. This is self-distillation as in RISE (Qu et al. 2024, arXiv 2407.18219)."""

from collections.abc import Iterator

from redraft.flows.filters.sifting.candidates import Candidate, Turn
from redraft.flows.formats.format import Format, Row, filtered_by, trains
from redraft.flows.formats.shared.columns import draft_message
from redraft.llm.prompts.templates import TEMPLATES
from redraft.store.errors import PartError


@filtered_by()
@trains("sft")
def mended(*, keep: float = 1.0, most: int = 4, firsts: int = 0) -> Format:
    """Writes a row for each first draft: the feedback `fixed` calls the draft wrong, and a right draft follows.
    `prompt` is the question, the draft and the feedback. `completion` is the draft itself if it is right, otherwise a
    right draft of the same problem. `weight` is `keep` for a right draft, otherwise 1. `turn` is 2.

    A problem makes at most `most` rows from wrong drafts, and at most `most` rows from right drafts. Equal drafts make
    one row. A wrong draft is paired with the next right draft of its problem, because an export reads a problem's
    drafts one after another. The first `firsts` right drafts of a problem also make rows without feedback, whose `turn`
    is 1: the model then learns first drafts too. Raises PartError for a `keep` or `firsts` below 0, and for a `most`
    below 1.
    """
    if keep < 0 or most < 1 or firsts < 0:
        raise PartError(f"keep={keep}, most={most} and firsts={firsts} of 'mended' have to be at least 0, 1 and 0")
    drafts = _ProblemDrafts("", most)

    def rows(candidate: Candidate) -> Iterator[Row]:
        nonlocal drafts
        if candidate.problem_id != drafts.problem_id:
            drafts = _ProblemDrafts(candidate.problem_id, most)
        draft = next(iter(candidate.turns), None)
        if draft is None or not (candidate.role == "sample" or candidate.chosen):
            yield Row(None, draft and draft.leaf_step_id, "explored by a search, and not chosen")
            return
        if draft.correct is None:
            yield Row(None, draft.leaf_step_id, "not known whether its first draft is right")
            return
        if draft.text in drafts.seen:
            yield Row(None, draft.leaf_step_id, "the same draft as one before")
            return
        if draft.correct and drafts.rights < firsts:
            row = {"prompt": [{"role": "user", "content": candidate.question}], "completion": [draft_message(draft)]}
            yield Row({**row, "weight": 1.0, "turn": 1}, draft.leaf_step_id)
        for before, after in drafts.pairs(draft):
            reason = drafts.count(before, after)
            messages = [{"role": "user", "content": text} for text in (candidate.question, TEMPLATES["is_wrong"].text)]
            row = {"prompt": [messages[0], draft_message(before), messages[1]], "completion": [draft_message(after)]}
            weight = keep if before is after else 1.0
            yield Row(None if reason else {**row, "weight": weight, "turn": 2}, before.leaf_step_id, reason)

    return rows


class _ProblemDrafts:
    """The distinct drafts of one problem that were read so far."""

    def __init__(self, problem_id: str, most: int) -> None:
        self.problem_id = problem_id
        self._most = most
        self._made = {True: 0, False: 0}  # rows with a right first draft, and with a wrong one
        self.seen: set[str] = set()
        self._right: list[Turn] = []
        self._wrong: list[Turn] = []

    @property
    def rights(self) -> int:
        """Returns the number of distinct right drafts that were read."""
        return len(self._right)

    def pairs(self, draft: Turn) -> list[tuple[Turn, Turn]]:
        """Reads a draft. Returns pairs of a first draft that can make a row now and its completion."""
        self.seen.add(draft.text)
        if not draft.correct:
            self._wrong.append(draft)
        else:
            self._right.append(draft)
        waiting, self._wrong = (self._wrong, []) if self._right else ([], self._wrong)
        kept = [(draft, draft)] if draft.correct else []
        pairs = [(wrong, self._right[index % len(self._right)]) for index, wrong in enumerate(waiting)]
        return pairs + kept

    def count(self, before: Turn, after: Turn) -> str | None:
        """Counts the row of a pair. Returns the reason if the pair makes no row, else None."""
        keeps = before is after
        if self._made[keeps] == self._most:
            return f"no more than {self._most} rows of its problem"
        self._made[keeps] += 1
        return None
