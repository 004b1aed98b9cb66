"""The search of OmegaPRM (Luo et al. 2024): a binary search in wrong rollouts for their first wrong step."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from msgspec import structs

from redraft.graders.rewards.aggregate import unjudgeable
from redraft.graders.rewards.monte_carlo import RolloutSampler, Tally, cut_prefix, rollouts_with_text
from redraft.store.trajectory import Detail, Grade, Role, Trajectory, Verdict

NAME = "omegaprm"
OUTCOMES = {Verdict.RIGHT: 1.0, Verdict.WRONG: 0.0}


@dataclass(frozen=True, slots=True)
class Rule:
    """The rule that chooses the next wrong rollout to search: the one with the highest Q + U."""

    alpha: float = 0.5
    beta: float = 0.9
    length: float = 500.0  # the number of tokens by which a rollout's length is divided
    c_puct: float = 0.125

    def q(self, mc: float, tokens: int) -> float:
        """Returns Q = alpha^(1 - MC) * beta^(tokens / length), which says how promising a wrong rollout is. `mc` is the
        Monte Carlo value of the rollout's state, and `tokens` the rollout's length. If the state is good and the
        rollout is short, its error is easy to find."""
        return self.alpha ** (1 - mc) * self.beta ** (tokens / self.length)

    def u(self, visits: int, total: int) -> float:
        """Returns U = c_puct * sqrt(total) / (1 + visits), which is high if a state was rarely searched. `visits` is
        the number of searches of the state, and `total` that of all states."""
        return self.c_puct * math.sqrt(total) / (1 + visits)


@dataclass(slots=True)
class State:
    """A prefix, the tally of its rollouts, and how many of these rollouts were searched."""

    prefix: Trajectory
    tally: Tally
    visits: int = 0

    @property
    def open(self) -> bool:
        """Returns whether some rollouts are right and some are wrong. Only then can a search find a first error."""
        return self.tally.mean is not None and 0 < self.tally.mean < 1


@dataclass(slots=True)
class Search:
    """The search of one question's tree. `states` has the states by the step id at which their prefix ends. `pool` has
    the wrong rollouts that were not yet searched, with their states."""

    sampler: RolloutSampler
    rule: Rule
    rollouts: int
    most: int
    states: dict[str, State] = field(default_factory=dict)
    pool: list[tuple[State, Trajectory]] = field(default_factory=list)
    outcomes: dict[tuple[str, str], float] = field(default_factory=dict)  # 1.0 if a draft is right, 0.0 if it is wrong
    errors: dict[str, int] = field(default_factory=dict)  # the index of a trajectory's first wrong step

    async def begin(self, drafts: Sequence[Trajectory]) -> None:
        """Adds the drafts to the search, as rollouts of the prefix after which they begin. If fewer than `rollouts`
        drafts are independent samples, the missing rollouts are sampled."""
        for trajectory in drafts:
            verdict = (await self.sampler.ruling(trajectory)).verdict
            if verdict in OUTCOMES:
                self.outcomes[_draft_key(trajectory)] = OUTCOMES[verdict]
        known = [draft for draft in drafts if _draft_key(draft) in self.outcomes]
        for start in dict.fromkeys(map(_draft_start, known)):
            siblings = [draft for draft in known if _draft_start(draft) == start]
            state = await self._root(siblings)
            wrong = {draft.place: draft for draft in siblings if not self.outcomes[_draft_key(draft)]}
            self.pool += [(state, draft) for draft in wrong.values()]
            self._add(state)

    async def once(self) -> bool:
        """Makes one search and returns True. Returns False without a search if the pool has no rollout to search, or if
        the limit `most` does not allow the rollouts of another state."""
        places = [at for at, (state, _) in enumerate(self.pool) if state.open]
        if not places or self.sampler.sampled + self.rollouts > self.most:
            return False
        total = sum(state.visits for state in self.states.values())
        best = max(places, key=lambda at: (self.score(*self.pool[at], total), -at))
        state, trajectory = self.pool.pop(best)
        state.visits += 1
        await self._halve(state, trajectory)
        return True

    def score(self, state: State, trajectory: Trajectory, total: int) -> float:
        """Returns Q + U of a wrong rollout."""
        tokens = sum(step.tokens for step in trajectory.steps[len(state.prefix.steps) :])
        return self.rule.q(state.tally.mean or 0.0, tokens) + self.rule.u(state.visits, total)

    def grade(self, trajectory: Trajectory) -> Grade:
        """Returns the grade of a trajectory's draft, with a value for each step that a search visited."""
        if reason := unjudgeable(trajectory):
            return no_grade(trajectory, reason)
        before = len(trajectory.steps) - len(trajectory.draft())
        values: list[float | None] = []
        details: list[Detail] = []
        for step in trajectory.draft():
            state = self.states.get(step.step_id)
            values.append(state.tally.mean if state else None)
            details.append(state.tally.detail if state else Detail())
        value = self.outcomes.get(_draft_key(trajectory))
        if trajectory.stop is not None and value is not None:
            values[-1], details[-1] = value, Detail()
        error = self.errors.get(trajectory.place)
        reason = f"its first wrong step is number {error - before + 1}" if error is not None else None
        if value is None:
            cause = trajectory.reason or trajectory.stop or "it is unfinished"
            reason = f"the draft's own answer could not be judged ({cause})"
        empty = Grade(NAME, trajectory.trajectory_id, trajectory.turn, value=value, reason=reason)
        known = any(value is not None for value in values)
        return structs.replace(empty, steps=tuple(values), details=tuple(details)) if known else empty

    def all_rollouts(self) -> tuple[Trajectory, ...]:
        """Returns all sampled rollouts, each with its own grade."""
        rollouts = {
            trajectory.place: trajectory
            for state in self.states.values()
            for trajectory in rollouts_with_text(state.tally, len(state.prefix.steps))
            if trajectory.role is Role.ROLLOUT
        }
        return tuple(
            structs.replace(trajectory, grades=(*trajectory.grades, self.grade(trajectory)))
            for trajectory in rollouts.values()
        )

    async def _root(self, trajectories: Sequence[Trajectory]) -> State:
        prefix = cut_prefix(trajectories[0], len(trajectories[0].steps) - len(trajectories[0].draft()))
        samples = [trajectory for trajectory in trajectories if trajectory.role is Role.SAMPLE]
        right = sum(self.outcomes[_draft_key(trajectory)] == 1 for trajectory in samples)
        tally = Tally()
        if len(samples) < self.rollouts:
            tally = await self._sample(prefix, self.rollouts - len(samples))
        return State(prefix, replace(tally, right=tally.right + right, n=tally.n + len(samples)))

    async def _sample(self, prefix: Trajectory, n: int) -> Tally:
        tally = await self.sampler.sample(prefix, n)
        for trajectory in tally.rollouts:
            value = trajectory.grades[-1].value
            if value is not None:
                self.outcomes[_draft_key(trajectory)] = value
        return tally

    def _add(self, state: State) -> None:
        """Adds a state. If some of its rollouts are right, its wrong rollouts are added to the pool."""
        self.states[state.prefix.place] = state
        if state.open:
            rollouts = rollouts_with_text(state.tally, len(state.prefix.steps))
            self.pool += [
                (state, trajectory) for trajectory in rollouts if self.outcomes.get(_draft_key(trajectory)) == 0
            ]

    async def _halve(self, state: State, trajectory: Trajectory) -> None:
        """Finds the first wrong step of a wrong trajectory by binary search: the first step after which no rollout is
        right."""
        low, high = len(state.prefix.steps), len(trajectory.steps) - 2  # the whole trajectory is known to be wrong
        while low <= high:
            middle = (low + high) // 2
            found = await self._state(cut_prefix(trajectory, middle + 1))
            if found is None or found.tally.mean is None:
                return
            if found.tally.mean == 0:
                high = middle - 1
            else:
                low = middle + 1
        self.errors[trajectory.place] = low

    async def _state(self, prefix: Trajectory) -> State | None:
        """Returns the state of a prefix. For a new state, rollouts are sampled; returns None if the limit `most` does
        not allow them."""
        if prefix.place not in self.states:
            if self.sampler.sampled + self.rollouts > self.most:
                return None
            self._add(State(prefix, await self._sample(prefix, self.rollouts)))
        return self.states[prefix.place]


def _draft_start(trajectory: Trajectory) -> str:
    """Returns the id of the step after which a trajectory's draft begins, or "" if it begins at the question."""
    draft = trajectory.draft()
    return draft[0].parent_id or "" if draft else ""


def _draft_key(trajectory: Trajectory) -> tuple[str, str]:
    """Returns the key of a draft in `outcomes`: the trajectory's id and the id of its last step."""
    return trajectory.trajectory_id, trajectory.place


def no_grade(trajectory: Trajectory, reason: str) -> Grade:
    """Returns a grade that has `reason` and no value."""
    return Grade(NAME, trajectory.trajectory_id, trajectory.turn, reason=reason)
