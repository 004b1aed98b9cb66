"""Declares every setting of a run once: its type, default, bounds and meaning.

Python keywords, command-line options and the parameters of the scheduled flows are generated from these fields, so a
new setting needs only one new field here. The command line reads the fields for `--help`, so this file imports no slow
module. `flows/settings_validation.py` validates values against the fields with Pydantic.
"""

# ruff: noqa: RUF009 - setting() makes a dataclass field
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from redraft.store.errors import RedraftError
from redraft.store.fields import made_setting, setting

if TYPE_CHECKING:
    from redraft.agents.build import Spec
    from redraft.flows.evaluation.method import Method
    from redraft.llm.limits import Budget, Limits
    from redraft.llm.model import Model, Sampling
    from redraft.llm.prompts.prompts import Prompts
    from redraft.llm.usage import Prices

Name: TypeAlias = str
"""A string that is not empty."""


DB = "redraft.duckdb"
"""The default store of every stage."""


class SettingsError(RedraftError):
    """Raised if a setting does not exist, or cannot have the given value."""


def _limits() -> Limits:
    from redraft.llm.limits import Limits

    return Limits()


def _budget() -> Budget:
    from redraft.llm.limits import Budget

    return Budget()


def _prompts() -> Prompts:
    from redraft.llm.prompts.prompts import Prompts

    return Prompts()


def _no_arguments() -> Mapping[str, Any]:
    return MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class ModelSettings:
    """The settings of the model: its name, how it is called, and its budgets."""

    model: Name | Model = setting(
        "embedded", "The language model: 'embedded' ships with redraft, or a name of the server, or one of LiteLLM's."
    )
    api_base: str | Sequence[str] | None = setting(
        None, "The address of an OpenAI-compatible server that has the model, or several with commas between them."
    )
    arguments: Mapping[str, Any] = made_setting(
        _no_arguments, "Arguments of the strategy or the grader and of their parts, such as {'turns': 2}."
    )
    temperature: float = setting(1.0, "How freely the model draws; 0 takes the likeliest token each time.", ge=0)
    max_tokens: int = setting(1024, "The most tokens of one draft.", ge=1)
    top_p: float | None = setting(
        None, "Each draw chooses among the fewest likeliest tokens that have this probability together.", gt=0, le=1
    )
    top_k: int | None = setting(None, "Each draw chooses among so many of the likeliest tokens.", ge=1)
    min_p: float | None = setting(
        None, "Each draw chooses among tokens with at least this share of the likeliest one's probability.", ge=0, lt=1
    )
    seed: int = setting(0, "The same seed gives the same drafts, if the model can.")
    replicate: str = setting("", "The name of a fresh repetition of the same job; the same name goes on with it.")
    concurrency: int = setting(64, "The most calls in flight; a provider gets as many as it bears.", ge=1)
    sandbox: Literal["monty", "cpython"] = setting(
        "monty", "Who runs programs: Monty alone, or for what Monty lacks CPython too, confined by bubblewrap."
    )
    limits: Limits = made_setting(_limits, "How calls are paced, and how long a provider's failures are borne.")
    budget: Budget = made_setting(_budget, "The most that this run may use.")
    problem_budget: Budget = made_setting(_budget, "The most that each problem may use.")
    prices: Prices | None = setting(
        None,
        "What the model costs, in US dollars a million tokens: read, written and, if it differs, read from a cache.",
    )
    prompts: Prompts = made_setting(_prompts, "A TOML file of wordings, examples and a system prompt of your own.")

    @property
    def sampling(self) -> Sampling:
        """Returns the sampling parameters of every call of the run. Raises PartError for a truncation parameter outside
        its range."""
        from redraft.llm.model import Sampling
        from redraft.llm.truncation import Truncation

        truncation = Truncation(self.top_p, self.top_k, self.min_p)
        return Sampling(self.temperature, self.max_tokens, self.seed, truncation)


@dataclass(frozen=True, kw_only=True)
class Settings(ModelSettings):
    """The settings that decide how problems are solved."""

    strategy: Name | Spec = setting("correct", "Who writes: a strategy's name, or your own as path.py:function.")
    grader: Name | Spec | None = setting(
        None, "Who judges drafts for the strategy: a grader's name, or your own; by default the strategy's choice."
    )
    critic: Name | Spec | None = setting(
        None, "Who tells the strategy whether to go on: a critic's name, or your own; by default the strategy's choice."
    )
    samples: int = setting(8, "Independent drafts a problem; a larger number than before adds the difference.", ge=1)
    batch: bool = setting(
        False, "Ask by the provider's batches: half the price, an answer within a day; stopped, the same job goes on."
    )


BUILD_SETTINGS = ("grader", "critic", "samples")
"""The settings that are passed to a strategy in addition to its arguments."""


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The settings that choose problems from a source."""

    limit: int | None = setting(None, "The first N problems only.", ge=1)
    question_column: Name | None = setting(
        None,
        "The column of the questions, if it has no usual name; several with commas between them make one question.",
    )
    answer_column: Name | None = setting(None, "The column of the answers, if it has no usual name.")
    skip_bad: bool = setting(False, "Leave out rows that cannot be read, and say how many.")


@dataclass(frozen=True, kw_only=True)
class WorkerSettings:
    """The settings of a stage whose work can be shared by several processes."""

    workers: int = setting(1, "The processes that share the work; more commands with the same settings join.", ge=1)


@dataclass(frozen=True, kw_only=True)
class StoreSettings:
    """The settings of every stage that works on a store."""

    db: Name = setting(DB, "The DuckDB file that everything is kept in.")


@dataclass(frozen=True, kw_only=True)
class FilterSettings:
    """The settings that choose the trajectories of a dataset."""

    filters: Sequence[Name | Spec] | None = setting(
        None, "Which trajectories are kept: filters, in order, each by its name or your own as path.py:function."
    )
    run: Name | None = setting(None, 'Only what the run with this id wrote; see `redraft query "FROM runs"`.')
    include_heldout: bool = setting(
        False, "Take held-out problems too (of a split such as test or heldout), kept to measure by."
    )


@dataclass(frozen=True, kw_only=True)
class ExportSettings(FilterSettings):
    """The settings that decide which rows an export writes."""

    format: Name | Spec | None = setting(
        None, "How rows are written: a format's name, or your own as path.py:function; sft without it."
    )
    preset: Name | None = setting(
        None,
        "What a published method keeps: a format, filters and arguments, by the method's name or as your own.toml.",
    )
    trainer: Name | Spec | None = setting(
        None, "The trainer that reads the rows: its columns, and its configuration beside them."
    )
    shards: int | None = setting(None, "The number of files of the training split of a folder.", ge=1)
    validation: float | None = setting(
        None, "The share of problems whose rows are in the validation split of a folder, such as 0.05.", ge=0, lt=1
    )


@dataclass(frozen=True, kw_only=True)
class AnnotationSettings(ModelSettings):
    """The settings that decide how stored drafts are graded."""

    grader: Name | Spec = setting("rollout", "Who judges the stored drafts: a grader's name, or your own.")
    where: Name = setting("true", "Which drafts are judged, as an SQL condition, such as 'turn = 1 AND level > 2'.")
    limit: int | None = setting(None, "The drafts of the first N problems only.", ge=1)


@dataclass(frozen=True, kw_only=True)
class AugmentSettings(ModelSettings):
    """The settings that decide how new questions are made and tested."""

    methods: Sequence[Name | Spec] | None = setting(
        None, "How questions are rewritten: augmentations, each by its name or your own as path.py:function."
    )
    strategy: Name | Spec = setting("self_consistency", "Who answers new questions, to test them: a strategy.")
    samples: int = setting(4, "The answers to each new question that test it.", ge=1)
    skip_impossible: bool = setting(False, "Leave out methods that the model or the problems do not allow, and say so.")


@dataclass(frozen=True, kw_only=True)
class DiversitySettings:
    """The settings that decide how the diversity of new questions is measured, and which kinds are refused."""

    embedder: Name = setting(
        "wordllama", "The model of embeddings: 'wordllama' works offline (redraft[meaning]), others are LiteLLM's."
    )
    api_base: str | None = setting(None, "The address of an OpenAI-compatible server that has the model.")
    least_gain: float | None = setting(None, "Refuse a kind of rewrite with a diversity gain below this.", ge=0, le=4)
    least_acceptance: float | None = setting(
        None, "Refuse a kind of rewrite of which a smaller share was accepted.", ge=0, le=1
    )
    plot: Name | None = setting(None, "Draw the questions of each kind (.svg, .png, .pdf).")
    projection: Literal["pca", "tsne"] = setting(
        "pca", "How the picture shows embeddings in two dimensions; tsne needs redraft[tsne]."
    )


@dataclass(frozen=True, kw_only=True)
class SelfTrainSettings(ModelSettings, Selection):
    """The settings of a self-training loop. A setting that the method also has is None by default, which means the
    method's value."""

    method: Name = setting("mended", "What is drawn, kept and trained: a method's name, or your own.toml.")
    rounds: int = setting(1, "The number of rounds; a larger number than before goes on.", ge=1)
    samples: int | None = setting(None, "Drafts a problem in each round; without it the method's number.", ge=1)
    temperature: float | None = setting(  # pyright: ignore[reportIncompatibleVariableOverride] - None: the method's
        None, "How freely the model draws for training; without it the method's value.", ge=0
    )
    trainer: Name | Spec = setting("embedded", "Who trains: a trainer's name, or your own as path.py:function.")
    server: Name | Spec | None = setting(
        None, "Who serves the models: a server's name, or your own as path.py:function; without it --api-base does."
    )
    out: Name = setting(
        "trained", "The folder that gets a folder for each loop, with the rows and models of its rounds."
    )
    heldout: Name = setting("builtin:split=heldout", "The problems that every round is measured on.")
    heldout_limit: int = setting(200, "The first N of them.", ge=1)
    heldout_samples: int = setting(4, "Drafts of each of them, at temperature 1.", ge=1)
    all_rounds: bool = setting(False, "Go on after rounds without a gain, too.")
    stop_on_alarm: bool = setting(False, "Stop after a round in which an alarm of the watch for collapse sounds.")


EVALUATION_SAMPLES = 4
"""The default of `samples` in comparisons: the number of drafts of each method."""


def _evaluation_settings() -> Settings:
    return Settings(samples=EVALUATION_SAMPLES)


@dataclass(frozen=True, kw_only=True)
class EvaluationSettings(Selection):
    """The settings of an evaluation: the methods, the problems, and the baseline."""

    strategies: Name | Spec | Method | Sequence[Name | Spec | Method] = setting(
        ("correct",), "The strategies with their settings, such as 'correct feedback=none turns=3'."
    )
    models: Name | Model | Sequence[Name | Model] = setting(("embedded",), "The language models.")
    settings: Settings = made_setting(_evaluation_settings, "Everything else that decides how problems are solved.")
    baseline: int = setting(
        64, "The most sampled drafts a problem for self-consistency at equal tokens; 0 leaves it out.", ge=0
    )
