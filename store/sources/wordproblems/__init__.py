"""The built-in problems: arithmetic word problems of seven families and five levels, generated with their solutions,
rephrasings, inverses and wrong attempts."""

from redraft.store.sources.wordproblems.attempts import Attempt, attempt
from redraft.store.sources.wordproblems.generate import problem, problems, stories
from redraft.store.sources.wordproblems.inverse import Inverse, inverse
from redraft.store.sources.wordproblems.story import Story

__all__ = ["Attempt", "Inverse", "Story", "attempt", "inverse", "problem", "problems", "stories"]
