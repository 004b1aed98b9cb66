"""The small language model that is included in redraft. It gives real samples, log-probabilities and mistakes, without
an API key or a network."""

import asyncio
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from types import MappingProxyType

import numpy as np

from redraft.llm.capabilities import EVERYTHING
from redraft.llm.model import Message, Model, ModelError, Reply, Request
from redraft.llm.providers.embedded.attention import Cache
from redraft.llm.providers.embedded.engine import Engine, Job
from redraft.llm.providers.embedded.network import CONTEXT, ROUNDING, Network, unpack
from redraft.llm.providers.embedded.one_thread import one_thread
from redraft.llm.providers.embedded.prompts import END, FOBAR, TEMPLATES, render
from redraft.llm.providers.embedded.vocabulary import Vocabulary
from redraft.llm.usage import Prices, Usage

HERE = Path(__file__).parent


def embedded(folder: str | Path = HERE) -> "EmbeddedModel":
    """Returns the model whose `weights.npz` and `tokenizer.json` are in `folder`; by default the included model."""
    return EmbeddedModel(Path(folder))


def weights_folder(name: str) -> Path | None:
    """Returns the folder with the weights of a model: redraft's own folder for `embedded`, FOLDER for a fine-tuned
    model `embedded:FOLDER`, and None for any other name."""
    kind, colon, folder = name.partition(":")
    if kind != "embedded":
        return None
    return Path(folder).expanduser() if colon else HERE


class EmbeddedModel(Model):
    """A model for the built-in word problems. It answers prompts in the formats of `TEMPLATES` (prompts.py) and rejects
    all others. Prompt and answer together have at most 1,024 tokens."""

    name = "embedded"
    remote = False
    prices = Prices(0.0, 0.0)
    capabilities = EVERYTHING
    sources = ("builtin",)  # the problems that it was trained on
    templates: Mapping[str, str] = MappingProxyType(TEMPLATES | {"separator": "\n", "fobar": FOBAR})

    def __init__(self, folder: Path) -> None:
        weights = folder / "weights.npz"
        try:
            with np.load(weights) as packed:
                network = Network(unpack(packed))
            self.vocabulary = Vocabulary(folder / "tokenizer.json")
            self.version = blake2b(weights.read_bytes() + ROUNDING, digest_size=4).hexdigest()
        except (OSError, KeyError, ValueError) as error:
            raise ModelError(
                f"The embedded model's weights in {folder} cannot be read: {error}.",
                cure="Install redraft anew, or train them with `make train`."
                if folder == HERE
                else "Name a folder that `redraft train` wrote, as in embedded:FOLDER.",
                fatal=True,
            ) from error
        self.engine = Engine(network, self.vocabulary)

    async def complete(self, request: Request) -> Reply:
        """Returns the samples of a request. Without seeds, sample i has the seed i. Raises UnsupportedRequest if the
        model was not trained on the prompt's format, and ModelError if the prompt is too long."""
        text = render(request.messages, request.prefix)
        prompt = self.vocabulary.encode(text)
        if len(prompt) >= CONTEXT:
            raise ModelError(
                f"A prompt of {len(prompt):,} tokens is too long for the embedded model, which reads {CONTEXT:,}.",
                cure="Leave the problem out, or name another model with --model.",
            )
        stop = tuple(stop.encode() for stop in request.stop)
        if request.beam:
            from redraft.llm.providers.embedded.beam_search import BeamSearch  # few runs need it

            search = BeamSearch(self.engine.network, self.vocabulary, request.n, request.beam.length_penalty)
            found = self.engine.submit_work(lambda: search.run(np.array(prompt, np.int64), request.max_tokens, stop))
            choices = await asyncio.wrap_future(found)
            return Reply(choices, Usage(len(prompt), sum(choice.tokens for choice in choices)), cost_usd=0.0)
        job = Job(
            prompt=np.array(prompt, np.int64),
            seeds=request.seeds or tuple(range(request.n)),
            temperature=request.temperature,
            max_tokens=request.max_tokens,
            stop=stop,
            truncation=request.truncation,
        )
        choices = await asyncio.wrap_future(self.engine.submit(job))
        return Reply(choices, Usage(len(prompt), sum(choice.tokens for choice in choices)), cost_usd=0.0)

    async def answer_logprobs(self, messages: Sequence[Message], answer: str) -> Sequence[float]:
        """Returns the log-probability of each token of an answer, and of the token that ends it. Raises
        UnsupportedRequest if the model was not trained on the prompt's format, and ModelError if prompt and answer are
        too long."""
        prompt, tokens = self.vocabulary.encode(render(messages)), self.vocabulary.encode(f"{answer}{END}")
        if len(prompt) + len(tokens) > CONTEXT:
            raise ModelError(f"An answer of {len(tokens):,} tokens is too long for the embedded model's {CONTEXT:,}.")
        return await asyncio.to_thread(self._read_logprobs, prompt, tokens)

    def _read_logprobs(self, prompt: Sequence[int], tokens: Sequence[int]) -> list[float]:
        with one_thread():
            read = self.engine.network.read(np.array([*prompt, *tokens[:-1]], np.int64), Cache(1), 0)
        logits = read[len(prompt) - 1 :].astype(np.float64)
        logits -= logits.max(axis=1, keepdims=True)
        chosen = logits[np.arange(len(tokens)), tokens]
        return [float(value) for value in chosen - np.log(np.exp(logits).sum(axis=1))]
