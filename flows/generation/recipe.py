"""A run's recipe: everything that decides what its drafts will be, except how many there are."""

from collections.abc import Mapping
from inspect import signature
from pathlib import Path
from typing import Any

from redraft.agents.build import Spec, default_part, load, prompt_texts, resolve
from redraft.agents.parts import return_type
from redraft.agents.validation import is_shipped
from redraft.llm.client.client import Client
from redraft.llm.providers.route import route
from redraft.store.records import digest


def recipe(
    client: Client,
    strategy: Spec,
    *,
    grader: Spec | None,
    critic: Spec | None,
    arguments: Mapping[str, Any],
    measures: tuple[str, ...],
    problem_budget: Mapping[str, float],
) -> str:
    """The digest of stage, strategy, models, graders, arguments, prompts, seed, temperature, token limit and the budget
    of a problem, and of truncated sampling where a setting of it is given. Where a model is served is no part of it.

    A part of one's own file is known by what the file says, so that a changed part is another recipe; an argument that
    is not given by its default, so that a changed default is another recipe too. Raises PartError for a part or a
    value that there is not.
    """
    sampling = client.sampling
    offered = {"grader": grader, "critic": critic, **arguments}
    built = resolve(strategy, {name: value for name, value in offered.items() if value is not None})
    return digest(
        "generate",
        identity(strategy),
        [client.model.name, getattr(client.model, "version", None)],
        {name: _named(name, value) for name, value in built.items() if not _elsewhere(name, value)},
        measures,
        prompt_texts(client, [part for part in built.values() if isinstance(part, str)]),
        [sampling.seed, sampling.temperature, sampling.max_tokens, *filter(None, [sampling.truncation.given()])],
        dict(problem_budget),
    )


def _elsewhere(name: str, value: Any) -> bool:
    """Whether a setting decides nothing about drafts: how many there are, where a model is served, and that a part has
    no model of its own."""
    return name == "samples" or name.endswith(".api_base") or (value is None and name.endswith(".model"))


def _named(name: str, value: Any) -> str | None:
    """A setting as text; a part's own model with its version, where it has one."""
    if not name.endswith(".model") or value is None:
        return identity(value)
    model = route(value) if value == "embedded" else value
    return " ".join([getattr(model, "name", str(model)), *filter(None, [str(getattr(model, "version", ""))])])


def takes(strategy: Spec, parameter: str) -> bool:
    """Whether a strategy has a parameter of this name. Raises PartError for an unknown strategy."""
    return parameter in signature(load(strategy)).parameters


def parts(strategy: Spec, given: Mapping[str, Any]) -> dict[str, str | None]:
    """The feedback and the grader that a strategy works with: those given or its defaults, None where it has none."""
    return {
        part: identity(given.get(part) or default_part(strategy, part)) if takes(strategy, part) else None
        for part in ("feedback", "grader")
    }


def name(strategy: Spec) -> str:
    """A strategy as people call it."""
    return strategy if isinstance(strategy, str) else getattr(strategy, "__name__", repr(strategy))


def identity(value: Any) -> str | None:
    """A part or an argument as text: the same however it was given, in Python or on a command line."""
    if value is None:
        return None
    if callable(value):
        if home := HOMES.get(_makes(value)):
            return home.format(name=value.__name__)
        return f"{getattr(value, '__module__', '')}:{getattr(value, '__qualname__', repr(value))}"
    if type(value).__repr__ is object.__repr__:  # which names a place in memory
        return f"{type(value).__module__}:{type(value).__qualname__}"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    path = Path(text.rpartition(":")[0]).expanduser()
    if path.suffix == ".py" and path.is_file():
        return f"{text} {digest(path.read_text(encoding='utf-8', errors='replace'))}"
    return text


def _makes(value: Any) -> str:
    """The type that a shipped part's factory returns; empty for everything else."""
    module, function = getattr(value, "__module__", ""), getattr(value, "__name__", "")
    if not is_shipped(value) or module.rpartition(".")[2] not in (function, "policy"):
        return ""
    return getattr(return_type(value), "__name__", "")


HOMES = {
    "Agent": "redraft.agents.{name}:{name}",
    "Critic": "redraft.agents.critics.{name}:{name}",
    "Feedback": "redraft.agents.feedback.{name}:{name}",
    "Grader": "redraft.graders.{name}:{name}",
    "Policy": "redraft.agents.policy:{name}",
}
"""What recipes call a shipped part that is given as a function, by the type that it returns. It never changes, wherever
the part's module lies: otherwise moving a file would make people pay for their runs again."""
