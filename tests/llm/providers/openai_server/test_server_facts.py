"""What is known of a server: from the replies it gave, and through the cache."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from redraft.llm.capabilities import Capabilities, Continuing
from redraft.llm.providers.openai_server.learned import facts_after_reply
from redraft.llm.providers.openai_server.replies import Observations
from redraft.llm.providers.openai_server.server_facts import NO_FACTS, ServerFacts, facts_from_json
from redraft.llm.providers.shared.unsupported import UnsupportedSigns

KNOWN = some.none() | some.booleans()
CAPABILITIES = some.builds(
    Capabilities, n=KNOWN, seed=KNOWN, logprobs=KNOWN, schema=KNOWN, beam=KNOWN, continuing=some.none() |
    some.sampled_from(Continuing),
)  # fmt: skip
FACTS = some.builds(
    ServerFacts, CAPABILITIES, some.booleans(), some.frozensets(some.sampled_from(["n", "seed", "x"])),
    some.integers(0, 9), some.booleans(), adds_bos=KNOWN, renders=some.sampled_from(["", "tokenize"]),
)  # fmt: skip


@given(FACTS)
def test_facts_survive_the_cache(facts: ServerFacts) -> None:
    assert facts_from_json(json.loads(json.dumps(facts.as_json()))) == facts


@pytest.mark.parametrize(
    "data",
    [{"colour": 1}, {"capabilities": {"colour": True}}, {"capabilities": {"continuing": "by magic"}},
     {"capabilities": [1]}, {"left_out": 3}],
)  # fmt: skip
def test_facts_of_another_version_are_none(data: dict[str, Any]) -> None:
    assert facts_from_json(data) is NO_FACTS


def test_no_facts_are_no_data() -> None:
    assert NO_FACTS.as_json() == {"capabilities": {}}
    assert facts_from_json({}) == NO_FACTS


@pytest.mark.parametrize(
    ("parameter", "capabilities", "facts"),
    [
        ("n", {"n": False}, {"most": 1}),
        ("response_format", {"schema": False}, {}),
        ("use_beam_search", {"beam": False}, {}),
        ("seed", {"seed": False}, {}),
        ("user", {}, {}),
    ],
)
def test_a_rejected_parameter_is_an_ability_less(parameter: str, capabilities: dict, facts: dict) -> None:
    expected = ServerFacts(Capabilities(**capabilities), left_out=frozenset([parameter]), **facts)
    assert NO_FACTS.without(parameter) == expected


def test_a_rejected_way_to_continue_is_looked_for_again() -> None:
    before = ServerFacts(Capabilities(continuing=Continuing.FLAG), probed=True)
    after = before.without("continue_final_message")
    assert (after.probed, after.capabilities.continuing) == (False, None)


def after(*replies: Observations, facts: ServerFacts = NO_FACTS) -> ServerFacts:
    signs = UnsupportedSigns()
    for reply in replies:
        facts = facts_after_reply(facts, reply, signs)
    return facts


ONE_OF_TWO, TWO, NONE = (Observations({"n": 2}, given=given) for given in (1, 2, 0))


@pytest.mark.parametrize(
    ("replies", "n"),
    [
        ([ONE_OF_TWO], None),
        ([ONE_OF_TWO, ONE_OF_TWO], False),
        ([ONE_OF_TWO, TWO, ONE_OF_TWO, ONE_OF_TWO], True),
        ([ONE_OF_TWO, ONE_OF_TWO, TWO], True),
        ([NONE, NONE, NONE], None),
        ([Observations({}, given=1)] * 3, None),
    ],
)
def test_a_missing_choice_counts_only_when_it_shows_twice(replies: list[Observations], n: bool | None) -> None:
    assert after(*replies) == ServerFacts(Capabilities(n=n))


@pytest.mark.parametrize(
    ("shown", "logprobs"),
    [([False], None), ([False, False], False), ([False, True, False, False], True), ([None] * 3, None)],
)
def test_missing_log_probabilities_count_only_when_they_show_twice(shown: list, logprobs: bool | None) -> None:
    assert after(*(Observations({}, logprobs=each) for each in shown)) == ServerFacts(Capabilities(logprobs=logprobs))


@pytest.mark.parametrize(
    ("reply", "capabilities", "habits"),
    [
        (Observations({}, stopped=True), {"stop": True}, {}),
        (Observations({}, stopped=True, ran_past=True), {"stop": False}, {}),
        (Observations({}, gives_stop_reason=False), {"stop_reason": False}, {}),
        (Observations({}, ends_with_stop=True), {"stop": True, "stop_reason": True}, {"keeps_stop": True}),
        (Observations({"temperature": 0.5}), {"temperature": True}, {}),
        (Observations({"temperature": 1.0}), {}, {}),
        (Observations({}, thinks=True, unopened=True), {}, {"thinks": True, "unopened": True}),
        (Observations({}, many_tops=True, shows_end=True), {}, {"many_tops": True, "shows_end": True}),
    ],
)
def test_what_one_reply_shows(reply: Observations, capabilities: dict, habits: dict) -> None:
    assert after(reply) == ServerFacts(Capabilities(**capabilities), **habits)


def test_a_reply_that_shows_nothing_new_leaves_the_very_facts() -> None:
    known = ServerFacts(
        Capabilities(n=True, logprobs=True, stop=False, stop_reason=True, temperature=True), thinks=True
    )
    silent = Observations({"n": 2}, given=1, logprobs=False, stopped=True, gives_stop_reason=False, thinks=True)
    assert after(silent, silent, facts=known) is known
