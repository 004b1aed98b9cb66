"""The built-in problems: arithmetic word problems of seven families and five levels. They are generated with their
solutions, rephrasings, backward questions and wrong attempts."""

from redraft.store.sources.wordproblems.attempts import Attempt, attempt
from redraft.store.sources.wordproblems.backward import Backward, backward
from redraft.store.sources.wordproblems.generate import problem, problems, stories
from redraft.store.sources.wordproblems.story import Story

__all__ = ["Attempt", "Backward", "Story", "attempt", "backward", "problem", "problems", "stories"]
