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
        "embedded", "The language model: 'embedded' ships with redraft; other names are the server's or LiteLLM's."
    )
    api_base: str | Sequence[str] | None = setting(
        None, "The address of an OpenAI-compatible server that has the model, or several, separated by commas."
    )
    arguments: Mapping[str, Any] = made_setting(
        _no_arguments, "Arguments of the strategy or the grader and of their parts, such as {'turns': 2}."
    )
    temperature: float = setting(1.0, "The sampling temperature; 0 takes the most likely token each time.", ge=0)
    max_tokens: int = setting(1024, "The maximum number of tokens of a draft.", ge=1)
    top_p: float | None = setting(
        None, "Sample from the smallest set of tokens with this total probability (nucleus sampling).", gt=0, le=1
    )
    top_k: int | None = setting(None, "Sample from this number of most likely tokens.", ge=1)
    min_p: float | None = setting(
        None, "Sample from tokens with at least this share of the most likely token's probability.", ge=0, lt=1
    )
    seed: int = setting(0, "The same seed gives the same drafts, if the model supports seeds.")
    replicate: str = setting("", "The name of an independent repetition of the same job; the same name continues it.")
    concurrency: int = setting(64, "Maximum concurrent calls; with a provider, the number adapts to its limits.", ge=1)
    sandbox: Literal["monty", "cpython"] = setting(
        "monty", "The sandbox of programs: only Monty, or also CPython in bubblewrap for what Monty does not support."
    )
    limits: Limits = made_setting(_limits, "The rate of calls, and how long a provider's failures are tolerated.")
    budget: Budget = made_setting(_budget, "The limits of this run.")
    problem_budget: Budget = made_setting(_budget, "The limits of each problem.")
    prices: Prices | None = setting(
        None,
        "The model's prices in US dollars per million tokens: input, output and, if it differs, cached input.",
    )
    prompts: Prompts = made_setting(_prompts, "A TOML file with prompts, examples and a system prompt of your own.")

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

    strategy: Name | Spec = setting("correct", "The strategy that solves: its name, or your own as path.py:function.")
    grader: Name | Spec | None = setting(
        None, "The grader of drafts for the strategy: its name, or your own; by default the strategy's."
    )
    critic: Name | Spec | None = setting(
        None, "The critic, which decides whether a draft goes on: its name, or your own; by default the strategy's."
    )
    samples: int = setting(8, "Independent drafts per problem; a larger number than before adds the difference.", ge=1)
    batch: bool = setting(
        False, "Use the provider's batches: half the price, replies within a day; a stopped job can be continued."
    )


BUILD_SETTINGS = ("grader", "critic", "samples")
"""The settings that are passed to a strategy in addition to its arguments."""


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The settings that choose problems from a source."""

    limit: int | None = setting(None, "The first N problems only.", ge=1)
    question_column: Name | None = setting(
        None,
        "The column of the questions, if it has no usual name; several, separated by commas, are joined.",
    )
    answer_column: Name | None = setting(None, "The column of the answers, if it has no usual name.")
    skip_bad: bool = setting(False, "Leave out invalid rows, and print their number.")


@dataclass(frozen=True, kw_only=True)
class WorkerSettings:
    """The settings of a stage whose work can be shared by several processes."""

    workers: int = setting(1, "Number of worker processes; further commands with the same settings join them.", ge=1)


@dataclass(frozen=True, kw_only=True)
class StoreSettings:
    """The settings of every stage that works on a store."""

    db: Name = setting(DB, "The store: a DuckDB file, or a folder that ends with a slash.")


@dataclass(frozen=True, kw_only=True)
class FilterSettings:
    """The settings that choose the trajectories of a dataset."""

    filters: Sequence[Name | Spec] | None = setting(
        None, "The filters of trajectories, in order, each by its name or your own as path.py:function."
    )
    run: Name | None = setting(None, 'Only trajectories of the run with this id; see `redraft query "FROM runs"`.')
    include_heldout: bool = setting(
        False, "Include held-out problems (of a split such as test or heldout), which are meant for measuring."
    )


@dataclass(frozen=True, kw_only=True)
class ExportSettings(FilterSettings):
    """The settings that decide which rows an export writes."""

    format: Name | Spec | None = setting(
        None, "The format of rows: its name, or your own as path.py:function; by default sft."
    )
    preset: Name | None = setting(
        None,
        "The format, filters and arguments of a published method: its name, or a TOML file of your own.",
    )
    trainer: Name | Spec | None = setting(
        None, "The trainer for which rows are written, with its columns and a configuration next to them."
    )
    shards: int | None = setting(None, "The number of files of the training split of a folder.", ge=1)
    validation: float | None = setting(
        None, "The share of problems whose rows are in the validation split of a folder, such as 0.05.", ge=0, lt=1
    )


@dataclass(frozen=True, kw_only=True)
class AnnotationSettings(ModelSettings):
    """The settings that decide how stored drafts are graded."""

    grader: Name | Spec = setting("rollout", "The grader of the stored drafts: its name, or your own.")
    where: Name = setting("true", "An SQL condition for the drafts to grade, such as 'turn = 1 AND level > 2'.")
    limit: int | None = setting(None, "Only drafts of the first N problems.", ge=1)


@dataclass(frozen=True, kw_only=True)
class AugmentSettings(ModelSettings):
    """The settings that decide how new questions are made and tested."""

    methods: Sequence[Name | Spec] | None = setting(
        None, "The augmentations that make new questions, each by its name or your own as path.py:function."
    )
    strategy: Name | Spec = setting("self_consistency", "The strategy that answers new questions to test them.")
    samples: int = setting(4, "The number of answers that test each new question.", ge=1)
    skip_impossible: bool = setting(
        False, "Leave out methods that the model or the problems do not allow, and note it."
    )


@dataclass(frozen=True, kw_only=True)
class DiversitySettings:
    """The settings that decide how the diversity of new questions is measured, and which kinds are refused."""

    embedder: Name = setting(
        "wordllama", "The embedding model: 'wordllama' works offline (redraft[meaning]); others are LiteLLM's."
    )
    api_base: str | None = setting(None, "The address of an OpenAI-compatible server that has the model.")
    least_gain: float | None = setting(None, "Refuse a kind of rewrite with a diversity gain below this.", ge=0, le=4)
    least_acceptance: float | None = setting(
        None, "Refuse a kind of rewrite whose share of accepted questions is below this.", ge=0, le=1
    )
    plot: Name | None = setting(None, "Draw the questions of each kind (.svg, .png, .pdf).")
    projection: Literal["pca", "tsne"] = setting(
        "pca", "The projection of embeddings to two dimensions; tsne needs redraft[tsne]."
    )


@dataclass(frozen=True, kw_only=True)
class SelfTrainSettings(ModelSettings, Selection):
    """The settings of a self-training loop. A setting that the method also has is None by default, which means the
    method's value."""

    method: Name = setting("mended", "The self-training method: its name, or a TOML file of your own.")
    rounds: int = setting(1, "The number of rounds; a larger number than before continues the loop.", ge=1)
    samples: int | None = setting(None, "Drafts per problem in each round; by default the method's number.", ge=1)
    temperature: float | None = setting(  # pyright: ignore[reportIncompatibleVariableOverride] - None: the method's
        None, "The temperature of drafts for training; by default the method's value.", ge=0
    )
    trainer: Name | Spec = setting("embedded", "The trainer: its name, or your own as path.py:function.")
    server: Name | Spec | None = setting(
        None, "The server of the models: its name, or your own as path.py:function; by default --api-base."
    )
    out: Name = setting(
        "trained", "The folder for loops; each loop has a subfolder with the rows and models of its rounds."
    )
    heldout: Name = setting(
        "builtin:split=heldout", "The source of the held-out problems on which every round is measured."
    )
    heldout_limit: int = setting(200, "The number of held-out problems, from the first on.", ge=1)
    heldout_samples: int = setting(4, "Drafts per held-out problem, at temperature 1.", ge=1)
    all_rounds: bool = setting(False, "Continue even after rounds without a gain.")
    stop_on_alarm: bool = setting(False, "Stop after a round in which an alarm for collapse is raised.")


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
    settings: Settings = made_setting(_evaluation_settings, "All other settings that decide how problems are solved.")
    baseline: int = setting(
        64, "Maximum drafts per problem for self-consistency at equal tokens; 0 means no baseline.", ge=0
    )
