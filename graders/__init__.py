"""Graders give each trajectory a value, and selectors choose an answer by these values."""

from typing import TYPE_CHECKING

from redraft.store.lazy_import import import_lazily

if TYPE_CHECKING:
    from redraft.graders.answers.checker import Checker
    from redraft.graders.answers.extract import extract
    from redraft.graders.answers.task import GradeError
    from redraft.graders.grade import Graded, grade, grade_all
    from redraft.graders.grader import Grader, load
    from redraft.graders.judge import judge
    from redraft.graders.likelihood import likelihood
    from redraft.graders.omegaprm import omegaprm
    from redraft.graders.oracle import oracle
    from redraft.graders.orm import orm
    from redraft.graders.prm import prm
    from redraft.graders.programs.sandbox import Outcome, Sandbox, SandboxError
    from redraft.graders.programs.sandbox import run as run_program
    from redraft.graders.reward import compute_score, reward
    from redraft.graders.rewards.aggregate import aggregate
    from redraft.graders.rewards.value_target import Target, value_targets
    from redraft.graders.rollout import rollout
    from redraft.graders.ruling import Ruling
    from redraft.graders.selectors import Selection, Selector, best, majority, weighted_majority
    from redraft.graders.statistics import (
        Interval,
        best_of_k,
        holm,
        majority_at_k,
        mean_interval,
        paired_bootstrap,
        pass_at_k,
        sign_flip,
        wilson,
    )

__all__ = [
    "Checker",
    "GradeError",
    "Graded",
    "Grader",
    "Interval",
    "Outcome",
    "Ruling",
    "Sandbox",
    "SandboxError",
    "Selection",
    "Selector",
    "Target",
    "aggregate",
    "best",
    "best_of_k",
    "compute_score",
    "extract",
    "grade",
    "grade_all",
    "holm",
    "judge",
    "likelihood",
    "load",
    "majority",
    "majority_at_k",
    "mean_interval",
    "omegaprm",
    "oracle",
    "orm",
    "paired_bootstrap",
    "pass_at_k",
    "prm",
    "reward",
    "rollout",
    "run_program",
    "sign_flip",
    "value_targets",
    "weighted_majority",
    "wilson",
]

import_lazily(__name__)
