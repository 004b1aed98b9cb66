"""A run's recipe: everything that decides what its drafts will be, except how many there are."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from redraft.agents.load import Spec, prompts
from redraft.llm.client import Client
from redraft.store.records import digest


def recipe(
    client: Client,
    strategy: Spec,
    *,
    grader: Spec | None,
    critic: Spec | None,
    arguments: Mapping[str, Any],
    measures: tuple[str, ...],
) -> str:
    """The digest of stage, strategy, model, graders, arguments, prompts, seed, temperature and token limit.

    A part of one's own file is known by what the file says, so that a changed part is another recipe.
    """
    sampling = client.sampling
    parts = {name: identity(value) for name, value in {"grader": grader, "critic": critic, **arguments}.items()}
    return digest(
        "generate",
        identity(strategy),
        [client.model.name, getattr(client.model, "version", None)],
        {name: value for name, value in parts.items() if value is not None},
        measures,
        prompts(client),
        [sampling.seed, sampling.temperature, sampling.max_tokens],
    )


def identity(value: Any) -> str | None:
    """A part or an argument as text: the same however it was given, in Python or on a command line."""
    if value is None:
        return None
    if callable(value):
        return f"{getattr(value, '__module__', '')}:{getattr(value, '__qualname__', repr(value))}"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    path = Path(text.rpartition(":")[0]).expanduser()
    if path.suffix == ".py" and path.is_file():
        return f"{text} {digest(path.read_text(encoding='utf-8', errors='replace'))}"
    return text
