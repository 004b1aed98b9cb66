"""The settings of a run as JSON data for the column `runs.config`."""

from typing import Any

from redraft.flows.generation.identity import recorded
from redraft.flows.generation.strategy import Strategy
from redraft.flows.settings import Settings
from redraft.flows.units.budget import plain_budget
from redraft.llm.providers.shared.redaction import redact_address
from redraft.store.fields import described


def run_config(settings: Settings, strategy: Strategy) -> dict[str, Any]:
    """Returns all settings as JSON data. Parts are named in readable form, and secrets in addresses are masked."""
    arguments, grader = settings.arguments, settings.grader
    listed = [settings.api_base] if isinstance(settings.api_base, str) else settings.api_base or ()
    return {
        **{name: getattr(settings, name) for name in described(Settings) if name not in OTHERWISE},
        "strategy": recorded(strategy.identity),
        "critic": recorded(settings.critic),
        **{kind: recorded(strategy.part(kind, {**arguments, "grader": grader})) for kind in ("feedback", "grader")},
        "arguments": {key: plain_argument(key, value) for key, value in arguments.items()},
        **{name: plain_budget(getattr(settings, name)) for name in ("budget", "problem_budget")},
        "api_base": ",".join(map(redact_address, listed)) or None,
    }


def plain_argument(key: str, value: Any) -> str | None:
    """Returns an argument as a string. Secrets in an address are masked."""
    if key.endswith("api_base"):
        return ",".join(map(redact_address, [value] if isinstance(value, str) else value))
    return recorded(value)


OTHERWISE = ("model", "limits", "prices", "prompts")
"""Settings that other columns record, or that do not affect drafts."""
