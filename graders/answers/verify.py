"""Decides whether an answer is right by the problem's key, for every kind of problem."""

from redraft.graders.answers.checker import Checker
from redraft.graders.answers.extract import marked
from redraft.graders.programs.unit_tests import passes
from redraft.graders.ruling import Ruling
from redraft.store.problems import Kind
from redraft.store.trajectory import Verdict

ORACLE = "oracle"
"""The name of the grader under which rulings of `verify` are stored."""


async def verify(gold: str | None, answer: str | None, kind: Kind, checker: Checker) -> Ruling:
    """Returns the ruling on an answer. The key `gold` may be a bare answer, or a whole solution that marks its answer.
    The key of a program is its tests. A missing answer is `wrong`. If the key is missing or the comparison takes too
    long, the ruling is `undecided`, with the reason."""
    if ruling := plain_ruling(gold, answer, kind, checker):
        return ruling
    assert gold is not None
    assert answer is not None
    return await (
        passes(gold, answer, checker.sandbox)
        if kind is Kind.CODE
        else checker.equal(_bare_key(gold, kind), answer, kind)
    )


def plain_ruling(gold: str | None, answer: str | None, kind: Kind, checker: Checker) -> Ruling | None:
    """Returns the ruling of `verify` if it needs no other process. Returns None if the answer is a program that must be
    run, or if the checker's processes must compare it."""
    if gold is None or not gold.strip():
        return Ruling(Verdict.UNDECIDED, "the key of this problem is not known")
    if answer is None or not answer.strip():
        return Ruling(Verdict.WRONG, "no answer")
    if kind is Kind.RUBRIC:
        return Ruling(Verdict.UNDECIDED, "only a model can judge by a rubric: name one with --grader judge")
    return None if kind is Kind.CODE else checker.at_once(_bare_key(gold, kind), answer, kind)


def _bare_key(gold: str, kind: Kind) -> str:
    """Returns the bare answer of a key that may be a whole solution."""
    return marked(gold, kind) or gold if "\n" in gold or r"\boxed" in gold else gold
