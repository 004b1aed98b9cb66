"""Strategies that solve a question with a language model. Each strategy is a function in the file of the same name in
`strategies/`."""

from typing import TYPE_CHECKING

from redraft.store.lazy_import import import_lazily

if TYPE_CHECKING:
    from redraft.agents.agent import Agent, Watch
    from redraft.agents.build import Spec, build, load
    from redraft.agents.critics.critic import Critic, Critique, Opinion
    from redraft.agents.feedback.feedback import Feedback, Remark, line_number, wording
    from redraft.agents.policies.policy import Policy, Stepwise, stepwise, whole
    from redraft.agents.solve import Trajectories, solve
    from redraft.agents.studio.graphs import GraphError, graph

__all__ = [
    "Agent",
    "Critic",
    "Critique",
    "Feedback",
    "GraphError",
    "Opinion",
    "Policy",
    "Remark",
    "Spec",
    "Stepwise",
    "Trajectories",
    "Watch",
    "build",
    "graph",
    "line_number",
    "load",
    "solve",
    "stepwise",
    "whole",
    "wording",
]

import_lazily(__name__)
