"""The recipe of a run: a hash of all settings that affect its drafts, except the number of drafts."""

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
    sandbox: str = "monty",
) -> str:
    """Returns the hash of a run's recipe: stage, strategy, models, graders, arguments, prompts, seed, temperature,
    token limit and problem budget. The settings of truncated sampling are included if any is given, and the sandbox if
    it is not 'monty'. The address of a model is not included.

    The source code of a user's own part is included, so a changed part makes another recipe. An argument that is not
    given is included with its default, so a changed default makes another recipe too. Raises PartError for an unknown
    part or an invalid value.
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
        *([] if sandbox == "monty" else [sandbox]),
    )


def _is_elsewhere(name: str, value: Any) -> bool:
    """Returns True if a setting is not part of the recipe, because it does not affect drafts: the number of samples,
    the address of a model, and a part's model that is None."""
    return name == "samples" or name.endswith("api_base") or (value is None and name.endswith(".model"))


def _text(name: str, value: Any) -> str | None:
    """Returns a setting as a string. The model of a part is represented by its name, and its version if it has one."""
    if not name.endswith(".model") or value is None:
        return identity(value)
    model = route(value) if value == "embedded" else value
    return " ".join([getattr(model, "name", str(model)), *filter(None, [str(getattr(model, "version", ""))])])
