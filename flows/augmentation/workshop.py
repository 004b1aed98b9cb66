"""The tools of an augmentation: a model that writes questions, and the acceptance test of new questions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from redraft.agents.agent import Agent
from redraft.agents.measure import grade_drafts
from redraft.agents.strategies.greedy import greedy
from redraft.graders.answers.canonical import canonical
from redraft.graders.grader import Grader
from redraft.graders.selectors import majority
from redraft.llm.client.client import Client
from redraft.llm.model import Message
from redraft.llm.prompts.templates import fill
from redraft.store.digest import digest
from redraft.store.plugins.arguments import check_number
from redraft.store.problems import Keyring, Kind, Problem, Question
from redraft.store.trajectory import Grade, Role, Stop, Trajectory, Verdict
from redraft.store.unit import Rewrite, answers_id

UNFINISHED = (Stop.FAILED, Stop.BUDGET)


def check_agreement(agreement: float) -> None:
    """Raises PartError unless `agreement` is a share in [0, 1]."""
    check_number("agreement", agreement, 0.5, least=0, most=1)


@dataclass(frozen=True, slots=True)
class Workshop:
    """The tools of one augmentation for one unit of work. `agent` answers new questions. `graders` grade answers by the
    answer keys in `keys`."""

    method: str
    unit: str
    client: Client
    agent: Agent
    graders: Sequence[Grader]
    keys: Keyring
    stops: set[Stop] = field(default_factory=set)  # the stops of calls for answers that failed

    async def write(self, problem: Problem, wording: str, *, number: int = 0, n: int = 1, **parts: str) -> list[str]:
        """Returns `n` replies to the prompt with the name `wording`, whose placeholders are filled from `parts`.
        `number` distinguishes requests with the same prompt. Raises ModelError."""
        text = fill(self.client.template(wording), **parts)
        opening = [message for message in self.client.opening if message.role == "system"]
        place = f"{self.unit}/{wording}/{number}"
        asked = [*opening, Message("user", text)]
        drawn = await self.client.complete(problem.ask(self.unit), "rewrite", place, asked, n=n)
        return [choice.text for choice in drawn]

    async def from_nothing(
        self, problem: Problem, *, n: int = 1, model: str | None = None, api_base: str | None = None
    ) -> list[str]:
        """Returns `n` texts that a model writes as the user: its prompt is only the beginning of a user's message in
        the chat template. `problem` seeds the draws, but its text is not part of the prompt. Raises ModelError if the
        model can't continue such a prompt."""
        client = self.client.for_model(model, api_base) if model else self.client
        asked = replace(problem.ask(self.unit), branch="bare/")
        return [choice.text for choice in await client.complete(asked, "rewrite", f"{self.unit}/bare", (), n=n)]

    async def test(
        self,
        parent: Problem,
        number: int,
        question: str,
        answer: str | None,
        *,
        agreement: float = 0.0,
        kind: Kind = Kind.MATH,
        level: int | None = None,
        meta: Mapping[str, Any] | None = None,
        second: str | None = None,
        derived: bool = True,
    ) -> Rewrite:
        """Returns the rewrite with the result of its acceptance test: the agent answers the new question several times.

        If the `answer` is known, the share of samples with this answer must be at least `agreement`, and at least one
        sample must have it. If the answer is not known, the most frequent answer is taken. Its share must be at least
        `agreement`, and at least two samples must have it. If a `second` model is named, its most likely answer must be
        the same. `number` distinguishes the rewrites of one problem. If the question is not `derived` from the parent,
        it is stored without a parent.
        """
        new = Problem(
            question,
            answer,
            digest("augmented", self.method, parent.problem_id, question),
            source=parent.source,
            split=parent.split,
            kind=kind,
            level=level,
            subject=parent.subject,
            parent_id=parent.problem_id if derived else None,
            augmentation=self.method,
            meta=dict(meta or {}),
        )
        unit = answers_id(self.unit, number)
        asked = replace(new.ask(self.unit), branch=f"{number}/")
        drafts = [_moved(draft, asked.root, unit) for draft in await self.agent(asked)]
        made = await self._judged(new, drafts, agreement)
        if second and made.refused is None:
            made = await self._confirmed(made, replace(asked, branch=f"{number}/second/"), second)
        return made if made.refused is None else replace(made, problem=None, drafts=(), grades=())

    async def solve(self, problem: Problem, *, agreement: float = 0.0) -> Rewrite:
        """Returns the answers to the problem itself as a Rewrite. It is accepted under the same conditions as a
        rewrite. All drafts are stored, like the drafts of `generate`."""
        drafts = await self.agent(problem.ask(self.unit))
        return replace(await self._judged(problem, drafts, agreement), problem=None)

    def refused(self, reason: str, question: str | None = None, answer: str | None = None) -> Rewrite:
        """Returns a rewrite that was refused without a test."""
        return Rewrite(self.method, question, answer, reason)

    def accepted_unless(self, reason: str | None, tested: Rewrite) -> Rewrite:
        """Returns a tested rewrite. It is refused if `reason` is not None."""
        if reason is None or tested.refused == reason:
            return tested
        return replace(tested, refused=reason, problem=None, drafts=(), grades=())

    async def _judged(self, new: Problem, drafts: list[Trajectory], agreement: float) -> Rewrite:
        stops = {draft.stop for draft in drafts if draft.stop in UNFINISHED}
        drawn = [draft for draft in drafts if draft.role is Role.SAMPLE] or [d for d in drafts if d.chosen]
        made = Rewrite(self.method, new.question, new.answer, answers=len(drawn), problem=new, drafts=tuple(drafts))
        if stops:
            self.stops.update(stop for stop in stops if stop)
            reason = next(draft.reason for draft in drafts if draft.stop in UNFINISHED)
            return replace(made, refused=f"not tested: {reason}", answers=0)
        made = await self._known(made, new, drawn) if new.answer is not None else self._agreed(made, new, drawn)
        return replace(made, refused=_reason(made, new.answer is not None, agreement))

    async def _confirmed(self, made: Rewrite, asked: Question, second: str) -> Rewrite:
        """Returns the rewrite. It is refused if the second model gives another answer."""
        [draft] = await greedy(self.client.for_model(second))(asked)
        if draft.stop is not None and draft.stop in UNFINISHED:
            self.stops.add(draft.stop)
            return replace(made, refused=f"not tested: {draft.reason}", answers=0)
        if canonical(draft.answer, asked.kind) == canonical(made.answer, asked.kind):
            return made
        return replace(made, refused=f"the second model disagrees: {draft.answer}, not {made.answer}")

    async def _known(self, made: Rewrite, new: Problem, drawn: Sequence[Trajectory]) -> Rewrite:
        self.keys.add(new)
        try:
            grades = await grade_drafts(self.graders, made.drafts)
        finally:
            self.keys.discard(new.problem_id)
        last = {draft.trajectory_id: draft.turn for draft in drawn}
        right = [g for g in grades if g.verdict is Verdict.RIGHT and last.get(g.trajectory_id) == g.turn]
        own = [grade for draft in made.drafts for grade in draft.grades]
        return replace(made, agreed=len(right), grades=(*own, *grades))

    def _agreed(self, made: Rewrite, new: Problem, drawn: Sequence[Trajectory]) -> Rewrite:
        chosen = majority(drawn)
        if chosen.answer is None:
            return made
        same = canonical(chosen.answer, new.kind)
        agreed = sum(draft.answer is not None and canonical(draft.answer, new.kind) == same for draft in drawn)
        meta = {**new.meta, "confidence": agreed / len(drawn), "answers": len(drawn)}
        new = replace(new, answer=chosen.answer, meta=meta)
        own = [grade for draft in made.drafts for grade in draft.grades]
        return replace(made, answer=chosen.answer, agreed=agreed, problem=new, grades=tuple(own))


def _reason(made: Rewrite, known: bool, agreement: float) -> str | None:
    """Returns the reason why a tested rewrite is refused, or None if it is accepted."""
    answers = {draft.answer for draft in made.drafts}
    found = f"{made.agreed} of {made.answers}"
    if answers <= {None}:
        return "no answer: the samples give none"
    if known and not made.agreed:
        return f"other answer: {found} samples give {made.answer}"
    if not known and made.agreed < min(2, made.answers):
        return f"no agreement: {found} samples give {made.answer}"
    if made.agreed < agreement * made.answers:
        return f"too little agreement: {found} samples give {made.answer}"
    return None


def _moved(draft: Trajectory, root: str, unit: str) -> Trajectory:
    """Returns a copy of a draft with the ids of the unit that stores the answers to a rewrite."""

    def moved(name: str | None) -> str | None:
        return name and f"{unit}/{name.removeprefix(root)}"

    steps = [replace(step, step_id=moved(step.step_id) or "", parent_id=moved(step.parent_id)) for step in draft.steps]
    found = replace(draft, question=replace(draft.question, unit=unit, branch=""), steps=tuple(steps))
    grades: list[Grade] = [
        replace(grade, trajectory_id=found.trajectory_id, step_id=moved(grade.step_id)) for grade in draft.grades
    ]
    return replace(found, grades=tuple(grades))
