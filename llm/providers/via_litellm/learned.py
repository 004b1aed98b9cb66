"""The capabilities of a model behind LiteLLM. They come from LiteLLM's tables, are corrected by replies and rejections,
and are cached."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from redraft.llm.capabilities import Capabilities
from redraft.llm.providers.shared.capabilities_cache import CapabilityCache
from redraft.llm.providers.shared.unsupported import UNSUPPORTED, UnsupportedSigns
from redraft.llm.providers.via_litellm.errors import Failure
from redraft.llm.providers.via_litellm.replies import UNREPORTED, field, split_message, stop_reason


class LearnedCapabilities:
    """`capabilities` are the capabilities as known so far. `limit_name` is the name of the parameter that limits the
    tokens. `most` is the largest number of choices in one call, or 0 for no limit. `unopened` is true if the model's
    thinking begins without a tag. `gives_reason` is true if the provider reports why a text ended."""

    def __init__(self, table: Capabilities, memory: CapabilityCache, key: str) -> None:
        self._memory = memory
        self._key = key
        self._learnt = memory.load(key)
        self._unsupported = UnsupportedSigns()
        fields = {name: value for name, value in self._learnt.items() if name in asdict(table)}
        self.capabilities = replace(table, **fields)
        self.limit_name: str = self._learnt.get("limit_name", "max_tokens")
        self.most: int = self._learnt.get("most", 0)
        self.unopened: bool = self._learnt.get("unopened", False)
        self.gives_reason: bool = self._learnt.get("gives_reason", False)

    def learn(self, choices: Sequence[Any], parameters: Mapping[str, Any]) -> None:
        """Updates the capabilities from the choices of a reply and the parameters that were sent for it. One reply
        proves that the model has an ability. Two replies must show that it lacks an ability, because an error can look
        the same."""
        can = self.capabilities
        messages = [message for choice in choices if (message := field(choice, "message")) is not None]
        parts = [split_message(message, unopened=self.unopened) for message in messages]
        if not self.unopened and any(unopened for _, _, unopened in parts):
            self.unopened = True
            self._store(unopened=True)
        if "stop" in parameters and any(thinking and not text for text, thinking, _ in parts):
            self._learn(stop=False)  # a stop string may have ended the thinking, so redraft cuts the texts itself
        texts = [text for text, _, _ in parts]
        if not any(texts):
            return
        if not can.n and parameters.get("n", 1) > 1:
            self._count_sign("n", len(choices) > 1)
        if not can.logprobs and "logprobs" in parameters:
            self._count_sign("logprobs", any(field(choice, "logprobs") for choice in choices))
        if not can.schema and "response_format" in parameters:
            self._count_sign("schema", any(map(_is_json, texts)))
        if can.temperature is None and "temperature" in parameters:
            self._learn(temperature=True)
        if "stop" in parameters and can.stop_reason is None:
            self._learn(stop_reason=any(stop_reason(choice) is not UNREPORTED for choice in choices))

    def learn_reason(self) -> None:
        """Records that the provider reports why a text ended."""
        if not self.gives_reason:
            self.gives_reason = True
            self._store(gives_reason=True)

    def adapt(self, failure: Failure, parameters: Mapping[str, Any]) -> bool:
        """Returns whether a request was rejected because of an optional parameter. If so, later requests omit the
        parameter."""
        if failure.status not in (400, 403, 422):
            return False
        if "max_completion_tokens" in failure.text and "max_tokens" in parameters:
            self.limit_name = "max_completion_tokens"
            self._store(limit_name=self.limit_name)
            return True
        named = [key for key, name in OPTIONAL.items() if key in parameters and name.search(failure.text)]
        if named == ["n"] and parameters["n"] > 2 and not UNSUPPORTED.search(failure.text):
            self.most = parameters["n"] // 2
            self._store(most=self.most)
            return True
        if named:
            self._learn(**dict.fromkeys((FIELDS.get(key, key) for key in named), False))
        return bool(named)

    def _count_sign(self, ability: str, seen: bool) -> None:
        if seen:
            self._unsupported.clear(ability)
            self._learn(**{ability: True})
        elif getattr(self.capabilities, ability) is None and self._unsupported.add(ability):
            self._learn(**{ability: False})

    def _learn(self, **found: bool) -> None:
        self.capabilities = replace(self.capabilities, **found)
        self._store(**found)

    def _store(self, **found: Any) -> None:
        self._learnt = self._learnt | found
        self._memory.store(self._key, self._learnt)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _name_pattern(*names: str) -> re.Pattern[str]:
    """Returns a pattern for a parameter's name in an error message: in quotes, or before a colon."""
    return re.compile("|".join(rf"['\"`]{name}['\"`]|\b{name}:" for name in names))


OPTIONAL = {
    "logprobs": re.compile("logprobs", re.IGNORECASE),
    "seed": _name_pattern("seed", "random_seed"),
    "stop": _name_pattern("stop", "stop_sequences", "stopSequences"),
    "n": _name_pattern("n", "candidate_count", "candidateCount"),
    "temperature": _name_pattern("temperature"),
    "top_p": _name_pattern("top_p", "topP"),
    "top_k": _name_pattern("top_k", "topK"),
    "min_p": _name_pattern("min_p"),
    "response_format": _name_pattern("response_format", "json_schema", "output_format", "response_schema"),
}
FIELDS = {"response_format": "schema"}
