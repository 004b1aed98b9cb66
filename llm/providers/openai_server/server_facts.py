"""The known facts about one model on one server, and their JSON form in the cache."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from redraft.llm.capabilities import Capabilities, Continuing

NAMED = {name: name for name in ("logprobs", "seed", "stop", "temperature", "top_p", "top_k", "min_p")} | {
    "use_beam_search": "beam"
}
"""Capabilities that are missing if a parameter is rejected. `without` handles `n` and `response_format` separately."""


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """The capabilities of a model, and habits of its server that affect requests and replies. Each habit is false or
    empty until it is observed."""

    capabilities: Capabilities = Capabilities()  # noqa: RUF009 - frozen
    probed: bool = False  # whether all facts were examined
    left_out: frozenset[str] = frozenset()  # rejected parameters
    most: int = 0  # the largest number of choices in one call; 0 for no limit
    repeats: bool = False  # a reply begins with the half-written answer that it continues
    trims: bool = False  # whitespace at the end of a half-written answer is lost
    thinks: bool = False  # the model thinks before it answers
    unopened: bool = False  # the thinking begins without a tag, which the chat template wrote
    many_tops: bool = False  # the reply lists many alternative tokens unless the request asks for one
    keeps_stop: bool = False  # a text ends with the stop string that ended it
    # the last log-probability of a text that ended by itself belongs to the end token, which has no text
    shows_end: bool = False
    gives_reason: bool = False  # a reply says why a text ended
    adds_bos: bool | None = None  # whether the server puts the begin-of-sequence token before raw prompts
    renders: str = ""  # the server's way to render a prompt from messages: "apply-template" or "tokenize"

    def knowing(self, **capabilities: Any) -> "ServerFacts":
        """Returns a copy of the facts with these capabilities."""
        return replace(self, capabilities=replace(self.capabilities, **capabilities))

    def without(self, parameter: str) -> "ServerFacts":
        """Returns a copy of the facts in which this parameter counts as rejected."""
        facts = replace(self, left_out=self.left_out | {parameter})
        if parameter == "n":
            return replace(facts, most=1).knowing(n=False)
        if parameter == "response_format":
            return facts.knowing(schema=False)
        if parameter == "continue_final_message":
            return replace(facts, probed=False).knowing(continuing=None)
        return facts.knowing(**{NAMED[parameter]: False}) if parameter in NAMED else facts

    def as_json(self) -> dict[str, Any]:
        """Returns the facts that differ from NO_FACTS, as JSON data."""
        data = {
            f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != getattr(NO_FACTS, f.name)
        }
        known = {f.name: getattr(self.capabilities, f.name) for f in fields(self.capabilities)}
        data["capabilities"] = {name: value for name, value in known.items() if value is not None}
        if "left_out" in data:
            data["left_out"] = sorted(self.left_out)
        return data


def facts_from_json(data: Mapping[str, Any]) -> ServerFacts:
    """Returns the facts from the data that `as_json` returned. Returns NO_FACTS if the data has another form, because
    another version wrote it."""
    try:
        capabilities = dict(data.get("capabilities", {}))
        continuing = capabilities.pop("continuing", None)
        known = Capabilities(**capabilities, continuing=Continuing(continuing) if continuing else None)
        rest = {name: value for name, value in data.items() if name not in ("capabilities", "left_out")}
        return ServerFacts(capabilities=known, left_out=frozenset(data.get("left_out", ())), **rest)
    except (TypeError, ValueError):
        return NO_FACTS


NO_FACTS = ServerFacts()
