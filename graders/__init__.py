"""Who judges: graders, which give each trajectory a value, and selectors, which choose an answer by them."""

from collections.abc import Callable

from redraft.graders.grader import Grader
from redraft.store.plugins.discovery import load as load_part


def load(spec: str | Callable[..., Grader]) -> Callable[..., Grader]:
    """The factory of a grader: its name ("oracle"), `module:function`, `path.py:function` or a callable.

    Raises PartError, which lists the graders there are.
    """
    return load_part(spec, "redraft.graders", "grader")
