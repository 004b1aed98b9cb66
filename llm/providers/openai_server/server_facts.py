"""What is known of one model on one server, and how it is kept between processes."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from redraft.llm.capabilities import Capabilities, Continuing

NAMED = {name: name for name in ("logprobs", "seed", "stop", "temperature", "top_p", "top_k", "min_p")} | {
    "use_beam_search": "beam"
}
"""Parameters whose rejection is a capability that is not there. `n` and `response_format` have more to them."""


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """Capabilities, and the habits that the direct route has to know of. Each is false or empty until it is seen."""

    capabilities: Capabilities = Capabilities()  # noqa: RUF009 - frozen
    probed: bool = False  # was all of it looked for
    left_out: frozenset[str] = frozenset()  # parameters that are rejected
    most: int = 0  # choices that a call may ask for; 0: any number
    repeats: bool = False  # a reply begins with the half-written answer that it goes on from
    trims: bool = False  # white space at the end of a half-written answer is lost
    thinks: bool = False  # before it answers
    unopened: bool = False  # its thinking begins without a tag, since the chat template has written it
    many_tops: bool = False  # log-probabilities of many other tokens come unless one is asked for
    keeps_stop: bool = False  # a text ends with the stop string that ended it
    shows_end: bool = False  # the last log-probability of a text that ended by itself is that of the end, of no text
    adds_bos: bool | None = None  # whether raw prompts get the special token at the beginning from the server
    renders: str = ""  # how the server makes a prompt of messages: "apply-template" or "tokenize"

    def knowing(self, **capabilities: Any) -> "ServerFacts":
        """The same with these capabilities."""
        return replace(self, capabilities=replace(self.capabilities, **capabilities))

    def without(self, parameter: str) -> "ServerFacts":
        """The same, knowing that this parameter is rejected."""
        facts = replace(self, left_out=self.left_out | {parameter})
        if parameter == "n":
            return replace(facts, most=1).knowing(n=False)
        if parameter == "response_format":
            return facts.knowing(schema=False)
        if parameter == "continue_final_message":
            return replace(facts, probed=False).knowing(continuing=None)
        return facts.knowing(**{NAMED[parameter]: False}) if parameter in NAMED else facts

    def as_json(self) -> dict[str, Any]:
        """What differs from knowing nothing, as JSON data."""
        data = {
            f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != getattr(NO_FACTS, f.name)
        }
        known = {f.name: getattr(self.capabilities, f.name) for f in fields(self.capabilities)}
        data["capabilities"] = {name: value for name, value in known.items() if value is not None}
        if "left_out" in data:
            data["left_out"] = sorted(self.left_out)
        return data


def facts_from_json(data: Mapping[str, Any]) -> ServerFacts:
    """The facts that `as_json` made this of. What is not understood (another version wrote it) is nothing known."""
    try:
        capabilities = dict(data.get("capabilities", {}))
        continuing = capabilities.pop("continuing", None)
        known = Capabilities(**capabilities, continuing=Continuing(continuing) if continuing else None)
        rest = {name: value for name, value in data.items() if name not in ("capabilities", "left_out")}
        return ServerFacts(capabilities=known, left_out=frozenset(data.get("left_out", ())), **rest)
    except (TypeError, ValueError):
        return NO_FACTS


NO_FACTS = ServerFacts()
