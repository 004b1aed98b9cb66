"""The known abilities of a model. For most abilities, redraft has a substitute if a model lacks the ability."""

from dataclasses import dataclass
from enum import StrEnum


class Continuing(StrEnum):
    """How a model is made to continue a half-written answer."""

    NATIVE = "native"  # the model does so by itself
    FLAG = "flag"  # the last message is the assistant's, and a flag of the request says that it is unfinished
    TRAILING = "trailing"  # the model always continues an assistant message at the end
    COMPLETIONS = "completions"  # raw completions of a prompt that the chat template renders
    NONE = "none"  # the model cannot: the prompt asks for the next part in words


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The abilities of one model at one address. None means that an ability is not yet known; redraft then tries it."""

    n: bool | None = None  # several samples in one call; else one call for each sample
    seed: bool | None = None  # the same seed gives the same text; else requests have no seed
    logprobs: bool | None = None  # log-probabilities of each token; else steps and drafts have none
    stop: bool | None = None  # the model stops at stop strings; else redraft cuts the text
    # the reply names the stop string; else a natural end counts as a stop if stop strings were given
    stop_reason: bool | None = None
    schema: bool | None = None  # the model obeys a JSON schema; else the prompt asks for JSON and the parser is lenient
    temperature: bool | None = None  # the temperature can be set; else the model uses its own
    top_p: bool | None = None  # if False, a run that sets top_p ends with an error; the same holds for top_k and min_p
    top_k: bool | None = None
    min_p: bool | None = None
    beam: bool | None = None  # beam search over tokens; else a strategy that needs it ends with an error
    continuing: Continuing | None = None


EVERYTHING = Capabilities(
    n=True, seed=True, logprobs=True, stop=True, stop_reason=True, schema=False, temperature=True,
    top_p=True, top_k=True, min_p=True, beam=True, continuing=Continuing.NATIVE,
)  # fmt: skip
