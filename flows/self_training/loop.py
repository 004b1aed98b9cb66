"""The rounds of a self-training loop. The store records each part of a round when it is done, so that a repeated
command continues after a kill. A part that was not recorded is done again, with the same result."""

import time
from collections.abc import Mapping
from dataclasses import replace

from redraft.flows.generate import generate
from redraft.flows.self_training import decision
from redraft.flows.self_training.loop_drafts import LoopDrafts, seconds
from redraft.flows.self_training.loop_state import LoopState
from redraft.flows.self_training.loop_training import LoopTraining
from redraft.flows.self_training.models import LoopModel, trained_model
from redraft.flows.self_training.plan import VERIFIER
from redraft.flows.self_training.watch.references import reference_losses
from redraft.flows.self_training.watch.watch import VERIFIER_RUNS, Watch
from redraft.flows.trainers.trainer import Trainer, TrainingError
from redraft.store.tables.rounds import Round
from redraft.store.waiting import off_loop


class Loop:
    """A self-training loop. `rounds` are the finished rounds, round 0 first, each with its measurements."""

    def __init__(self, state: LoopState, trainers: Mapping[str, Trainer]) -> None:
        self._state, self._drafts, self._training = state, LoopDrafts(state), LoopTraining(state, trainers)
        self._watch = Watch(state.store)
        self.rounds: list[Round] = []

    async def run(self, rounds: int, *, all_rounds: bool, stop_on_alarm: bool = False) -> None:
        """Does the rounds up to this number that are not done yet. Raises SpentError if the budget is used up, and the
        errors of the stages."""
        state, say = self._state, self._state.progress.say
        await off_loop(state.read)
        policy = state.plan.base
        self.rounds.append(await self._measured(state.begin(0), policy))
        for number in range(1, rounds + 1):
            last = self.rounds[-1]
            if number > 1 and last.decision == decision.STOP and not all_rounds:
                return
            if stop_on_alarm and last.figures.get("alarms"):
                say(f"stopped: an alarm sounded in round {last.round}")
                return
            say(f"round {number} of {rounds}: {policy.name} drafts")
            after, done = await self._round(number, policy)
            self.rounds.append(done)
            policy = policy if decision.fell(done) else after

    async def _round(self, number: int, before: LoopModel) -> tuple[LoopModel, Round]:
        """Does the remaining parts of a round. Returns a pair of the policy that it trained, and the round."""
        noted = replace(self._state.begin(number), policy_before=before.model_id)
        if noted.state == "":
            noted = await self._drafts.drawn(noted, before)
        after, noted = await self._training.trained(noted, before)
        if noted.state != "evaluated":
            noted = await self._measured(noted, after)
        return after, noted

    async def _measured(self, noted: Round, policy: LoopModel) -> Round:
        """Measures a policy on the held-out problems, which ends its round."""
        state, plan, begun = self._state, self._state.plan, time.monotonic()
        replicate = plan.measured_replicate
        if noted.state == "evaluated":
            return noted
        state.progress.say(f"round {noted.round}: {policy.name} is measured on held-out problems")
        asked = {**await state.serving.asked(policy), "replicate": replicate}
        found = await state.spend(
            lambda left: generate(
                list(plan.heldout),
                **{**plan.measuring, **asked},
                **state.run(left),
            )
        )
        now = await off_loop(decision.shares, state.store, found.recipe, replicate)
        noted = replace(
            noted,
            policy_after=policy.model_id,
            evaluation_recipe=found.recipe,
            evaluation_replicate=replicate,
            evaluation_runs=await off_loop(state.runs, found.recipe, replicate),
            accuracy=decision.accuracy(now),
            figures={**noted.figures, "heldout": len(now), "measuring_s": seconds(begun)},
        )
        if noted.round:
            before = next(one for one in reversed(self.rounds) if one.round == 0 or not decision.fell(one))
            change, gain = [
                decision.change(
                    now, await off_loop(decision.shares, state.store, one.evaluation_recipe or "", replicate)
                )
                for one in (before, self.rounds[0])
            ]
            follows, reason = decision.decide(change, self.rounds)
            noted = replace(noted, change=change, gain=gain, decision=follows, reason=reason)
        elif not now:
            raise TrainingError("no held-out problem could be judged: give problems with known answers by --heldout")
        return state.note(await self._watched(noted, policy), "evaluated")

    async def _watched(self, noted: Round, policy: LoopModel) -> Round:
        """Looks for signs of collapse in a round that was measured. The round's verifier grades its samples first."""
        state, made = self._state, self._state.made.get((noted.round, VERIFIER))
        if made:
            verifier = trained_model(made, state.folder(noted.round) / VERIFIER)
            runs = await self._drafts.verified(noted, policy, verifier)
            noted = replace(noted, figures={**noted.figures, VERIFIER_RUNS: list(runs)})
        asked = {**state.plan.measuring, **await state.serving.asked(policy)}
        losses = await reference_losses(state.plan.heldout, asked)
        tested = await off_loop(self._watch.observe, noted, losses, list(self.rounds))
        sounding = [f"{one.alarm}: {one.reason} (p = {one.p_value:.2g})" for one in tested if one.sounds]
        for alarm in sounding:
            state.progress.say(f"round {noted.round}: alarm, {alarm}")
        return replace(noted, figures={**noted.figures, "alarms": sounding})
