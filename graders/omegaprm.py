"""Process labels by divide and conquer: OmegaPRM (Luo et al. 2024) finds the first error of a wrong draft by binary
search, and spends its searches where rollouts are most surprising.

Two traps of public reimplementations are avoided: an answer is judged by the oracle, not by whether the key is part of
the last sentence, and a right rollout is not taken for one big right step. Lengths are in tokens.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from msgspec import structs

from redraft.graders.answers.checker import Checker
from redraft.graders.grader import Grader
from redraft.graders.rewards.aggregate import trouble
from redraft.graders.rewards.monte_carlo import Completer, Tally, Thrower, prefix_of, stored
from redraft.llm.gather import together
from redraft.store.errors import PartError
from redraft.store.records import Detail, Grade, Keyring, Question, Role, Trajectory, Verdict

NAME = "omegaprm"
OUTCOMES = {Verdict.RIGHT: 1.0, Verdict.WRONG: 0.0}


def omegaprm(
    policy: Completer,
    keys: Keyring,
    *,
    rollouts: int = 8,
    searches: int = 20,
    most: int = 400,
    alpha: float = 0.5,
    beta: float = 0.9,
    length: float = 500.0,
    c_puct: float = 0.125,
    checker: Checker | None = None,
) -> Grader:
    """Grades the drafts of one problem together. A step has the share of right ones among `rollouts` from its end,
    where a search came by; the last step, and the draft, have the value of the answer. The reason of a searched draft
    names its first wrong step.

    The drafts of one question are the rollouts of its root; each of `searches` takes a wrong rollout r of a state s
    with 0 < MC(s) < 1, that of the highest Q + U, and halves what it adds to s until the first error is found, at
    `rollouts` rollouts a cut. Each cut is a state, and its wrong rollouts may be taken in turn. Searching ends when
    nothing is left to take, or when another cut could throw more than `most` rollouts.

    The search presumes that a prefix with an error never leads to a right answer. Where one does, by luck or since the
    writer mends it, the error is looked for too late. The rollouts are graded likewise, and are in the first grade.
    Reading the key counts as using an oracle. Raises PartError for a number that is too small, and fatal ModelErrors.

    Args:
        rollouts: The number of rollouts at each cut.
        searches: The most binary searches for a first error.
        most: The most rollouts of a problem.
        alpha: The base of Q's factor alpha^(1 - MC), in (0, 1]: a small one prefers states near to right.
        beta: The base of Q's factor beta^(tokens / length), in (0, 1]: a small one prefers short rollouts.
        length: The number of tokens to which a rollout's length is compared.
        c_puct: The weight of states that were little visited.
    """
    if rollouts < 1 or searches < 0 or length <= 0:
        raise PartError(f"rollouts={rollouts} must be at least 1, searches={searches} 0, length={length:g} above 0")
    rule = Rule(alpha, beta, length, c_puct)
    checked = checker or Checker()

    async def problem(question: Question, paths: Sequence[Trajectory]) -> list[Grade]:
        if keys.open(question) is None:
            return [_untold(path, "the key of this problem is not known") for path in paths]
        search = Search(Thrower(policy, keys, checked), rule, rollouts, most)
        await search.begin([path for path in paths if trouble(path) is None and path.stop is not None])
        for _ in range(searches):
            if not await search.once():
                break
        grades = [search.grade(path) for path in paths]
        return [structs.replace(grades[0], rollouts=search.rolled()), *grades[1:]]

    async def grader(trajectories: Sequence[Trajectory]) -> list[Grade]:
        groups: dict[tuple[str, str], list[int]] = {}
        for index, path in enumerate(trajectories):
            groups.setdefault((path.question.unit, path.question.problem_id), []).append(index)
        parts = [[trajectories[index] for index in group] for group in groups.values()]
        graded = await together(problem(part[0].question, part) for part in parts)
        places = [index for group in groups.values() for index in group]
        found = dict(zip(places, (grade for part in graded for grade in part), strict=True))
        return [found[index] for index in range(len(trajectories))]

    return grader


@dataclass(frozen=True, slots=True)
class Rule:
    """Which rollout of which state is searched next."""

    alpha: float = 0.5
    beta: float = 0.9
    length: float = 500.0  # tokens
    c_puct: float = 0.125

    def q(self, mc: float, tokens: int) -> float:
        """How promising a wrong rollout of so many tokens is, of a state with this Monte-Carlo value:
        alpha^(1 - MC) * beta^(tokens / length). A short wrong rollout of a good state holds a plain mistake."""
        return self.alpha ** (1 - mc) * self.beta ** (tokens / self.length)

    def u(self, visits: int, total: int) -> float:
        """How little a state was searched: c_puct * sqrt(total visits of all states) / (1 + its own)."""
        return self.c_puct * math.sqrt(total) / (1 + visits)


@dataclass(slots=True)
class State:
    """A prefix with its rollouts, and how often one of them was searched."""

    prefix: Trajectory
    tally: Tally
    visits: int = 0

    @property
    def open(self) -> bool:
        """Whether some rollouts go right and some wrong: where all do the same there is nothing to tell apart."""
        return self.tally.mean is not None and 0 < self.tally.mean < 1


@dataclass(slots=True)
class Search:
    """The tree of one question: states by their places, and the wrong rollouts that were not searched yet."""

    thrower: Thrower
    rule: Rule
    rollouts: int
    most: int
    states: dict[str, State] = field(default_factory=dict)
    pool: list[tuple[State, Trajectory]] = field(default_factory=list)
    outcomes: dict[tuple[str, str], float] = field(default_factory=dict)  # of drafts, by id and place
    errors: dict[str, int] = field(default_factory=dict)  # the first wrong step of a path, as a number of its steps

    async def begin(self, drafts: Sequence[Trajectory]) -> None:
        """The drafts as rollouts of where they begin. Where fewer than `rollouts` of them are independent samples, the
        difference is thrown."""
        for path in drafts:
            verdict = (await self.thrower.ruling(path)).verdict
            if verdict in OUTCOMES:
                self.outcomes[_name(path)] = OUTCOMES[verdict]
        told = [path for path in drafts if _name(path) in self.outcomes]
        for start in dict.fromkeys(_begins(path) for path in told):
            state = await self._root([path for path in told if _begins(path) == start])
            wrong = [path for path in told if _begins(path) == start and not self.outcomes[_name(path)]]
            self.pool += [(state, path) for path in {path.place: path for path in wrong}.values()]
            self._add(state)

    async def once(self) -> bool:
        """One search; False where there is nothing left to search, or too little left to throw."""
        places = [at for at, (state, _) in enumerate(self.pool) if state.open]
        if not places or self.thrower.thrown + self.rollouts > self.most:
            return False
        total = sum(state.visits for state in self.states.values())
        best = max(places, key=lambda at: (self.score(*self.pool[at], total), -at))
        state, path = self.pool.pop(best)
        state.visits += 1
        await self._halve(state, path)
        return True

    def score(self, state: State, path: Trajectory, total: int) -> float:
        """Q + U of a wrong rollout."""
        tokens = sum(step.tokens for step in path.steps[len(state.prefix.steps) :])
        return self.rule.q(state.tally.mean or 0.0, tokens) + self.rule.u(state.visits, total)

    def grade(self, path: Trajectory) -> Grade:
        """What is known of a path and of each step of its draft."""
        if reason := trouble(path):
            return _untold(path, reason)
        before = len(path.steps) - len(path.draft())
        values: list[float | None] = []
        details: list[Detail] = []
        for step in path.draft():
            state = self.states.get(step.step_id)
            values.append(state.tally.mean if state else None)
            details.append(state.tally.detail if state else Detail())
        value = self.outcomes.get(_name(path))
        if path.stop is not None and value is not None:
            values[-1], details[-1] = value, Detail()
        error = self.errors.get(path.place)
        reason = f"its first wrong step is number {error - before + 1}" if error is not None else None
        if value is None:
            reason = f"the draft's own answer could not be judged ({path.reason or path.stop or 'it is unfinished'})"
        empty = Grade(NAME, path.trajectory_id, path.turn, value=value, reason=reason)
        known = any(value is not None for value in values)
        return structs.replace(empty, steps=tuple(values), details=tuple(details)) if known else empty

    def rolled(self) -> tuple[Trajectory, ...]:
        """All rollouts that were thrown, each with its own grade."""
        thrown = {
            path.place: path
            for state in self.states.values()
            for path in stored(state.tally, len(state.prefix.steps))
            if path.role is Role.ROLLOUT
        }
        return tuple(structs.replace(path, grades=(*path.grades, self.grade(path))) for path in thrown.values())

    async def _root(self, paths: Sequence[Trajectory]) -> State:
        prefix = prefix_of(paths[0], len(paths[0].steps) - len(paths[0].draft()))
        samples = [path for path in paths if path.role is Role.SAMPLE]
        right = sum(self.outcomes[_name(path)] == 1 for path in samples)
        tally = Tally()
        if len(samples) < self.rollouts:
            tally = await self._throw(prefix, self.rollouts - len(samples))
        return State(prefix, replace(tally, right=tally.right + right, n=tally.n + len(samples)))

    async def _throw(self, prefix: Trajectory, n: int) -> Tally:
        tally = await self.thrower.throw(prefix, n)
        for path in tally.paths:
            value = path.grades[-1].value
            if value is not None:
                self.outcomes[_name(path)] = value
        return tally

    def _add(self, state: State) -> None:
        """A new state, whose wrong rollouts may be searched where others go right."""
        self.states[state.prefix.place] = state
        if state.open:
            thrown = stored(state.tally, len(state.prefix.steps))
            self.pool += [(state, path) for path in thrown if self.outcomes.get(_name(path)) == 0]

    async def _halve(self, state: State, path: Trajectory) -> None:
        """Finds the first prefix of a wrong path from which no rollout goes right."""
        low, high = len(state.prefix.steps), len(path.steps) - 2  # the whole of it is known to be wrong
        while low <= high:
            middle = (low + high) // 2
            found = await self._state(prefix_of(path, middle + 1))
            if found is None or found.tally.mean is None:
                return
            if found.tally.mean == 0:
                high = middle - 1
            else:
                low = middle + 1
        self.errors[path.place] = low

    async def _state(self, prefix: Trajectory) -> State | None:
        """The state of a prefix; None where too little is left to throw."""
        if prefix.place not in self.states:
            if self.thrower.thrown + self.rollouts > self.most:
                return None
            self._add(State(prefix, await self._throw(prefix, self.rollouts)))
        return self.states[prefix.place]


def _begins(path: Trajectory) -> str:
    """Where a path's draft begins."""
    draft = path.draft()
    return draft[0].parent_id or "" if draft else ""


def _name(path: Trajectory) -> tuple[str, str]:
    return path.trajectory_id, path.place


def _untold(path: Trajectory, reason: str) -> Grade:
    return Grade(NAME, path.trajectory_id, path.turn, reason=reason)
