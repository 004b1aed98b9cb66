"""A run's recipe: everything that decides what its drafts will be, except how many there are."""

from collections.abc import Mapping
from typing import Any

from redraft.agents.build import Spec, prompt_texts, resolve
from redraft.flows.generation.identity import identity
from redraft.flows.generation.strategy import Strategy
from redraft.llm.client.client import Client
from redraft.llm.providers.route import route
from redraft.store.digest import digest


def recipe(
    client: Client,
    strategy: Strategy,
    *,
    grader: Spec | None,
    critic: Spec | None,
    arguments: Mapping[str, Any],
    measures: tuple[str, ...],
    problem_budget: Mapping[str, float],
) -> str:
    """The digest of stage, strategy, models, graders, arguments, prompts, seed, temperature, token limit and the budget
    of a problem, and of truncated sampling if a setting of it is given. Where a model is served is no part of it.

    A part of your own is known by what its file says, so that a changed part is another recipe. An argument that is not
    given counts as its default, so that a changed default is another recipe too. Raises PartError for an unknown part
    and a value that does not fit.
    """
    sampling = client.sampling
    offered = {"grader": grader, "critic": critic, **arguments}
    built = resolve(strategy.factory, {name: value for name, value in offered.items() if value is not None})
    return digest(
        "generate",
        strategy.identity,
        [client.model.name, getattr(client.model, "version", None)],
        {name: _text(name, value) for name, value in built.items() if not _is_elsewhere(name, value)},
        measures,
        prompt_texts(client, [part for part in built.values() if isinstance(part, str)]),
        [sampling.seed, sampling.temperature, sampling.max_tokens, *filter(None, [sampling.truncation.given()])],
        dict(problem_budget),
    )


def _is_elsewhere(name: str, value: Any) -> bool:
    """Whether a setting decides nothing about drafts: how many there are, where a model is served, and that a part has
    no model of its own."""
    return name == "samples" or name.endswith(".api_base") or (value is None and name.endswith(".model"))


def _text(name: str, value: Any) -> str | None:
    """A setting as text; a part's own model with its version, if it has one."""
    if not name.endswith(".model") or value is None:
        return identity(value)
    model = route(value) if value == "embedded" else value
    return " ".join([getattr(model, "name", str(model)), *filter(None, [str(getattr(model, "version", ""))])])
