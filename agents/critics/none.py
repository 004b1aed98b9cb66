"""No critic."""

from redraft.agents.critic import Critic, Critique, Opinion
from redraft.store.records import Trajectory


def none() -> Critic:
    """A critic that always says: go on."""

    async def critique(trajectory: Trajectory) -> Critique:
        return Critique(Opinion.GO_ON)

    return critique
