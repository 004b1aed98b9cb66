"""What a model can do, as far as it is known: each thing that it can't has its way around."""

from dataclasses import dataclass
from enum import StrEnum


class Continuing(StrEnum):
    """How a model is made to go on from a half-written answer."""

    NATIVE = "native"  # it does so by itself
    FLAG = "flag"  # an assistant message at the end, and a flag that it is unfinished
    TRAILING = "trailing"  # an assistant message at the end is always gone on from
    COMPLETIONS = "completions"  # raw completions of a prompt that the chat template makes
    NONE = "none"  # not at all: it is asked for the next part in words


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What one model at one address can do. None: not known yet, so it is tried."""

    n: bool | None = None  # several samples in one call; else one call each
    seed: bool | None = None  # the same seed gives the same text; else samples are unseeded
    logprobs: bool | None = None  # of each token; else steps and drafts have none
    stop: bool | None = None  # ends at stop strings; else texts are cut here
    stop_reason: bool | None = None  # says which one; else a natural end counts as one where stop strings were given
    schema: bool | None = None  # holds to a JSON schema; else the prompt asks for JSON and what comes is read kindly
    temperature: bool | None = None  # can be set; else the model draws as it does
    top_p: bool | None = None  # draws as it says; else a run that asks for it ends, and so with the next two
    top_k: bool | None = None
    min_p: bool | None = None
    beam: bool | None = None  # searches with a beam over tokens; else a strategy that asks for it ends
    continuing: Continuing | None = None


EVERYTHING = Capabilities(
    n=True, seed=True, logprobs=True, stop=True, stop_reason=True, schema=False, temperature=True,
    top_p=True, top_k=True, min_p=True, beam=True, continuing=Continuing.NATIVE,
)  # fmt: skip
