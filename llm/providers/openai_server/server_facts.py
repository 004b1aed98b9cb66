"""The facts that are known of one model on one server, and their JSON form in the cache."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from redraft.llm.capabilities import Capabilities, Continuing

NAMED = {name: name for name in ("logprobs", "seed", "stop", "temperature", "top_p", "top_k", "min_p")} | {
    "use_beam_search": "beam"
}
"""Parameters whose rejection shows that a capability is missing. `without` treats `n` and `response_format` apart."""


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """The capabilities of a model, and the habits of its server that affect requests and replies. Each habit is false
    or empty until it is observed."""

    capabilities: Capabilities = Capabilities()  # noqa: RUF009 - frozen
    probed: bool = False  # whether all facts were examined
    left_out: frozenset[str] = frozenset()  # rejected parameters
    most: int = 0  # the most choices of one call; 0: any number
    repeats: bool = False  # a reply begins with the half-written answer that it continues
    trims: bool = False  # white space at the end of a half-written answer is lost
    thinks: bool = False  # the model thinks before it answers
    unopened: bool = False  # the thinking begins without a tag, which the chat template wrote
    many_tops: bool = False  # unless the request asks for one, the reply has many other tokens
    keeps_stop: bool = False  # a text ends with the stop string that ended it
    # the last log-probability of a text that ended by itself is that of the end token, which has no text
    shows_end: bool = False
    gives_reason: bool = False  # a reply says why a text ended
    adds_bos: bool | None = None  # whether the server puts the special token before raw prompts
    renders: str = ""  # the server's way to render a prompt from messages: "apply-template" or "tokenize"

    def knowing(self, **capabilities: Any) -> "ServerFacts":
        """Returns the facts with these capabilities."""
        return replace(self, capabilities=replace(self.capabilities, **capabilities))

    def without(self, parameter: str) -> "ServerFacts":
        """Returns the facts with this parameter rejected."""
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
    """Returns the facts of JSON data that `as_json` made. Data of an unknown form, from another version, gives
    NO_FACTS."""
    try:
        capabilities = dict(data.get("capabilities", {}))
        continuing = capabilities.pop("continuing", None)
        known = Capabilities(**capabilities, continuing=Continuing(continuing) if continuing else None)
        rest = {name: value for name, value in data.items() if name not in ("capabilities", "left_out")}
        return ServerFacts(capabilities=known, left_out=frozenset(data.get("left_out", ())), **rest)
    except (TypeError, ValueError):
        return NO_FACTS


NO_FACTS = ServerFacts()
