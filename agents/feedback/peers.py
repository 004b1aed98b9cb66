"""Feedback from the other drafts of the same problem: each writer sees the drafts of the others (Du et al. 2023)."""

import re
from collections.abc import Sequence

from redraft.agents.feedback.feedback import Feedback, Remark, line_number, wording
from redraft.llm.client.client import Client
from redraft.store.trajectory import Trajectory


def peers(client: Client) -> Feedback:
    """Shows the writer of each draft the other drafts, and asks it to solve the problem again.

    A draft without other drafts gets no remark. The embedded model can't read other drafts. Its remark names the first
    line of its own draft whose result appears in less than half of the other drafts. If there is no such line, there is
    no remark.
    """

    async def remark(trajectories: Sequence[Trajectory]) -> list[Remark | None]:
        return [
            said(trajectory, [other for other in trajectories if other is not trajectory and other.text().strip()])
            for trajectory in trajectories
        ]

    def said(trajectory: Trajectory, others: Sequence[Trajectory]) -> Remark | None:
        if not others:
            return None
        if not client.model.templates:
            return Remark(wording(client, "peers", solutions=_numbered_solutions(others)), "peers")
        line = _first_divergent_line(trajectory, others)
        return None if line is None else Remark(wording(client, "doubtful", line=str(line)), "peers")

    return remark


def _numbered_solutions(others: Sequence[Trajectory]) -> str:
    return "\n\n".join(
        f"Solution {number}:\n<<<\n{other.text().strip()}\n>>>" for number, other in enumerate(others, start=1)
    )


def _first_divergent_line(trajectory: Trajectory, others: Sequence[Trajectory]) -> int | None:
    """Returns the number, from 1, of the first line whose result appears in less than half of the other drafts; None if
    there is no such line."""
    known = [set(RESULT.findall(other.text())) for other in others]
    for index, step in enumerate(trajectory.draft()):
        results = RESULT.findall(step.text)
        if any(2 * sum(result in one for one in known) < len(known) for result in results):
            return line_number(trajectory.draft(), index)
    return None


RESULT = re.compile(r"(?:=|####)\s*(-?\d[\d,]*(?:\.\d+)?)")
"""The result of a line, in the form of the built-in word problems."""
