"""Learns facts about a server from its replies. An error can look like a missing ability, so an indirect sign counts
only if two replies show it."""

from dataclasses import replace

from redraft.llm.providers.openai_server.replies import Observations
from redraft.llm.providers.openai_server.server_facts import ServerFacts
from redraft.llm.providers.shared.unsupported import UnsupportedSigns


def facts_after_reply(facts: ServerFacts, signs: Observations, unsupported: UnsupportedSigns) -> ServerFacts:
    """Returns the facts after a reply. Returns the same object if the reply showed nothing new."""
    known = facts.capabilities
    asked = signs.sent.get("n", 1)
    if asked > 1 and known.n is not True:
        if signs.given > 1:
            unsupported.clear("n")
            facts = facts.knowing(n=True)
        elif signs.given == 1 and known.n is None and unsupported.add("n"):
            facts = facts.knowing(n=False)
    if signs.logprobs is not None and known.logprobs is not True:
        if signs.logprobs:
            unsupported.clear("logprobs")
            facts = facts.knowing(logprobs=True)
        elif known.logprobs is None and unsupported.add("logprobs"):
            facts = facts.knowing(logprobs=False)
    if signs.ran_past and known.stop is not False:
        facts = facts.knowing(stop=False)
    elif signs.stopped and known.stop is None:
        facts = facts.knowing(stop=True)
    if (
        signs.gives_stop_reason is not None
        and known.stop_reason is not True
        and known.stop_reason is not signs.gives_stop_reason
    ):
        facts = facts.knowing(stop_reason=signs.gives_stop_reason)
    if known.temperature is None and signs.sent.get("temperature", 1.0) != 1.0:
        facts = facts.knowing(temperature=True)
    return _habits(facts, signs)


def _habits(facts: ServerFacts, signs: Observations) -> ServerFacts:
    if signs.many_tops > facts.many_tops:
        facts = replace(facts, many_tops=True)
    if signs.ends_with_stop > facts.keeps_stop:
        facts = replace(facts, keeps_stop=True).knowing(stop=True, stop_reason=True)
    if signs.shows_end > facts.shows_end:
        facts = replace(facts, shows_end=True)
    if signs.gives_reason > facts.gives_reason:
        facts = replace(facts, gives_reason=True)
    if signs.thinks > facts.thinks:
        facts = replace(facts, thinks=True)
    if signs.unopened > facts.unopened:
        facts = replace(facts, unopened=True)
    return facts
