"""Reads how likely a model on vLLM finds an answer that anybody may have written."""

from collections.abc import Sequence
from itertools import takewhile

from redraft.llm.model import Message
from redraft.llm.providers.openai_server import errors
from redraft.llm.providers.openai_server.endpoint import Endpoint, RequestRejected
from redraft.llm.providers.shared.error_body import LONG

CACHED_OPENINGS = 4096  # prompts whose tokens are in the cache; drafts of one question share one


class AnswerReader:
    """Has a prompt with an answer tokenized by the server, and asks for the log-probabilities of the prompt's tokens,
    which vLLM tells. A server that lacks this is asked once."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._openings: dict[tuple[Message, ...], list[int]] = {}
        self._lacks = False

    async def logprobs(self, messages: Sequence[Message], answer: str) -> list[float] | None:
        """Returns the natural log-probability of each token of the answer, and of what the chat template writes behind
        it; None if the server does not tell them. Raises ModelError."""
        if not self._lacks:
            try:
                if found := await self._read(tuple(messages), Message("assistant", answer)):
                    return found
            except errors.EndpointMissing:
                pass
            except RequestRejected as error:
                if LONG.search(f"{error.words.code} {error.words.text}"):
                    raise
            self._lacks = True
        return None

    async def _read(self, messages: tuple[Message, ...], answer: Message) -> list[float]:
        """Returns the log-probabilities; an empty list if a reply lacks them."""
        opening, whole = await self._opening(messages), await self._tokens([*messages, answer], opens=False)
        begin = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(opening, whole, strict=False)))
        if not begin:
            return []
        asked = {"prompt": whole, "max_tokens": 1, "temperature": 0, "prompt_logprobs": 0}
        reply = await self._endpoint.ask_page("/v1/completions", asked)
        try:
            known = reply["choices"][0]["prompt_logprobs"]
            return [float(known[at][str(whole[at])]["logprob"]) for at in range(begin, len(whole))]
        except (TypeError, KeyError, IndexError):
            return []

    async def _opening(self, messages: tuple[Message, ...]) -> list[int]:
        if messages not in self._openings:
            if len(self._openings) >= CACHED_OPENINGS:
                self._openings.clear()
            self._openings[messages] = await self._tokens(messages, opens=True)
        return self._openings[messages]

    async def _tokens(self, messages: Sequence[Message], *, opens: bool) -> list[int]:
        """Returns the tokens of a conversation by the server's chat template, with the opening of an answer or without
        it; an empty list if the server makes none."""
        shown = [{"role": message.role, "content": message.content} for message in messages]
        reply = await self._endpoint.ask_page("/tokenize", {"messages": shown, "add_generation_prompt": opens})
        tokens = reply.get("tokens") if isinstance(reply, dict) else None
        return tokens if isinstance(tokens, list) else []
