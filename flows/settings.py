"""Declares every setting of a run once: its type, default, bounds and meaning.

Python keywords, command-line options and the parameters of the scheduled flows are generated from these fields, so a
new setting needs only one new field here. The command line reads the fields for `--help`, so this file imports no slow
module. `flows/settings_validation.py` validates values against the fields with Pydantic.
"""

# ruff: noqa: RUF009 - setting() makes a dataclass field
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

from redraft.store.errors import RedraftError
from redraft.store.fields import described, made_setting, setting

if TYPE_CHECKING:
    from redraft.agents.build import Spec
    from redraft.flows.evaluation.method import Method
    from redraft.llm.limits import Budget, Limits
    from redraft.llm.model import Model, Sampling
    from redraft.llm.prompts.prompts import Prompts
    from redraft.llm.usage import Prices

T = TypeVar("T")
Name: TypeAlias = str
"""A non-empty string."""


DB = "redraft.duckdb"
"""The default path of the store, for every stage."""


class SettingsError(RedraftError):
    """Raised if a setting does not exist, or cannot have the given value."""


def plain(kind: Callable[..., T], settings: Any) -> T:
    """Returns the settings of one class out of those of a class derived from it."""
    return kind(**{name: getattr(settings, name) for name in described(kind)})


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
        "embedded",
        "The language model: 'embedded' (ships with redraft), a model on the server at api_base, or a LiteLLM name.",
    )
    api_base: str | Sequence[str] | None = setting(
        None, "The URL of an OpenAI-compatible server that has the model; separate several URLs by commas."
    )
    arguments: Mapping[str, Any] = made_setting(
        _no_arguments, "Arguments of the strategy or the grader, and of their parts, such as {'turns': 2}."
    )
    temperature: float = setting(1.0, "The sampling temperature; 0 takes the most likely token each time.", ge=0)
    max_tokens: int = setting(1024, "The maximum number of tokens of one draft.", ge=1)
    top_p: float | None = setting(
        None, "Sample from the smallest set of most likely tokens with at least this total probability.", gt=0, le=1
    )
    top_k: int | None = setting(None, "Sample from this number of most likely tokens.", ge=1)
    min_p: float | None = setting(
        None, "Sample from tokens whose probability is at least this share of the most likely token's.", ge=0, lt=1
    )
    seed: int = setting(0, "The random seed; the same seed gives the same drafts, if the model supports seeds.")
    replicate: str = setting("", "The name of a repetition of the same job; a new name draws all drafts again.")
    concurrency: int = setting(
        64, "The maximum number of calls in flight; for hosted models it adapts below this.", ge=1
    )
    sandbox: Literal["monty", "cpython"] = setting(
        "monty", "The interpreter of programs: Monty, or also CPython, confined by bubblewrap, if Monty cannot run one."
    )
    limits: Limits = made_setting(_limits, "The limits of calls: rates, timeouts and retries.")
    budget: Budget = made_setting(_budget, "The maximum amounts that this run may use.")
    problem_budget: Budget = made_setting(_budget, "The maximum amounts that each problem may use.")
    prices: Prices | None = setting(
        None,
        "The price of a million tokens in US dollars: input, output and, if it differs, cached input.",
    )
    prompts: Prompts = made_setting(_prompts, "A TOML file with your own prompt templates, examples and system prompt.")

    @property
    def sampling(self) -> Sampling:
        """Returns the sampling settings of every call of the run. Raises PartError if `top_p`, `top_k` or `min_p` is
        outside its range."""
        from redraft.llm.model import Sampling
        from redraft.llm.truncation import Truncation

        truncation = Truncation(self.top_p, self.top_k, self.min_p)
        return Sampling(self.temperature, self.max_tokens, self.seed, truncation)


@dataclass(frozen=True, kw_only=True)
class Settings(ModelSettings):
    """The settings that decide how problems are solved."""

    strategy: Name | Spec = setting(
        "correct", "The strategy that writes drafts: a name, or your own as path.py:function."
    )
    grader: Name | Spec | None = setting(
        None, "The grader that judges drafts for the strategy: a name, or your own as path.py:function."
    )
    critic: Name | Spec | None = setting(
        None, "The critic that decides whether the strategy goes on: a name, or your own as path.py:function."
    )
    samples: int = setting(
        8,
        "The number of independent drafts per problem; if it is larger than before, only the missing drafts are drawn.",
        ge=1,
    )
    batch: bool = setting(
        False,
        "Send calls as the provider's batches: half the price, replies within a day; the command may be stopped.",
    )


BUILD_SETTINGS = ("grader", "critic", "samples")
"""The settings that are passed to a strategy in addition to its arguments."""


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The settings that choose problems from a source."""

    limit: int | None = setting(None, "Use only the first N problems.", ge=1)
    question_column: Name | None = setting(
        None,
        "The column of the questions, if its name is unusual; several columns, separated by commas, are joined.",
    )
    answer_column: Name | None = setting(None, "The column of the answers, if its name is unusual.")
    skip_bad: bool = setting(False, "Leave out rows that cannot be read, and print their number.")


@dataclass(frozen=True, kw_only=True)
class WorkerSettings:
    """The settings of a stage whose work can be shared by several processes."""

    workers: int = setting(
        1, "The number of processes that share the work; further commands with the same settings join.", ge=1
    )


@dataclass(frozen=True, kw_only=True)
class StoreSettings:
    """The settings of every stage that works on a store."""

    db: Name = setting(
        DB, "The store: a DuckDB file, a folder if it ends with a slash, or a DuckLake (docs/stores.md)."
    )


@dataclass(frozen=True, kw_only=True)
class FilterSettings:
    """The settings that choose the trajectories of a dataset."""

    filters: Sequence[Name | Spec] | None = setting(
        None, "The filters of trajectories, in order: each a name, or your own as path.py:function."
    )
    run: Name | None = setting(
        None, 'Use only the trajectories of the run with this id; `redraft query "FROM runs"` lists runs.'
    )
    include_heldout: bool = setting(
        False, "Include held-out problems (of a split such as test or heldout), which are meant for measuring."
    )


@dataclass(frozen=True, kw_only=True)
class ExportSettings(FilterSettings):
    """The settings that decide which rows an export writes."""

    format: Name | Spec | None = setting(
        None, "The format of rows: a name, or your own as path.py:function; by default sft."
    )
    preset: Name | None = setting(
        None,
        "The format, filters and arguments of a published method: its name, or a TOML file of your own.",
    )
    trainer: Name | Spec | None = setting(
        None, "The trainer that reads the rows: the rows get its columns, and its configuration is written beside them."
    )
    shards: int | None = setting(None, "The number of files of the training split, if FILE is a folder.", ge=1)
    validation: float | None = setting(
        None, "The share of problems for the validation split, such as 0.05, if FILE is a folder.", ge=0, lt=1
    )


@dataclass(frozen=True, kw_only=True)
class AnnotationSettings(ModelSettings):
    """The settings that decide how stored drafts are graded."""

    grader: Name | Spec = setting(
        "rollout", "The grader of the stored drafts: a name, or your own as path.py:function."
    )
    where: Name = setting("true", "An SQL condition that chooses drafts, such as 'turn = 1 AND level > 2'.")
    limit: int | None = setting(None, "Use only the drafts of the first N problems.", ge=1)


@dataclass(frozen=True, kw_only=True)
class AugmentSettings(ModelSettings):
    """The settings that decide how new questions are made and tested."""

    methods: Sequence[Name | Spec] | None = setting(
        None, "The augmentations, which rewrite questions: each a name, or your own as path.py:function."
    )
    strategy: Name | Spec = setting("self_consistency", "The strategy that answers new questions, to test them.")
    samples: int = setting(4, "The number of answers to each new question that test it.", ge=1)
    skip_impossible: bool = setting(
        False, "Leave out methods that the model or the problems do not support, and print their names."
    )


@dataclass(frozen=True, kw_only=True)
class DiversitySettings:
    """The settings that decide how the diversity of new questions is measured, and which kinds are refused."""

    embedder: Name = setting(
        "wordllama",
        "The embedding model: 'wordllama' works offline (needs redraft[meaning]), other names are LiteLLM's.",
    )
    api_base: str | None = setting(None, "The URL of an OpenAI-compatible server that has the model.")
    least_gain: float | None = setting(None, "Refuse kinds of rewrites whose diversity gain is below this.", ge=0, le=4)
    least_acceptance: float | None = setting(
        None, "Refuse kinds of rewrites whose share of accepted questions is below this.", ge=0, le=1
    )
    plot: Name | None = setting(None, "Draw the questions of each kind as points to a file (.svg, .png, .pdf).")
    projection: Literal["pca", "tsne"] = setting(
        "pca", "The projection of embeddings to two dimensions for --plot; tsne needs redraft[tsne]."
    )


@dataclass(frozen=True, kw_only=True)
class SelfTrainSettings(ModelSettings, Selection):
    """The settings of a loop of self-training. A setting that the method has too is None by default, which means the
    method's value."""

    method: Name = setting("mended", "The method of self-training: a name, or a TOML file of your own.")
    rounds: int = setting(1, "The number of rounds; with a larger number than before the loop continues.", ge=1)
    samples: int | None = setting(
        None, "The number of drafts per problem in each round; by default the method's.", ge=1
    )
    temperature: float | None = setting(  # pyright: ignore[reportIncompatibleVariableOverride] - None: the method's
        None, "The sampling temperature of drafts for training; by default the method's.", ge=0
    )
    trainer: Name | Spec = setting("embedded", "The trainer: a name, or your own as path.py:function.")
    server: Name | Spec | None = setting(
        None,
        "The server of the trained models: a name, or your own as path.py:function; by default the one at --api-base.",
    )
    out: Name = setting(
        "trained", "The output folder; it has a folder for each loop, with the rows and models of the rounds."
    )
    heldout: Name = setting("builtin:split=heldout", "The source of the problems that measure every round.")
    heldout_limit: int = setting(200, "Use only the first N held-out problems.", ge=1)
    heldout_samples: int = setting(4, "The number of drafts per held-out problem, at temperature 1.", ge=1)
    all_rounds: bool = setting(False, "Continue after two falls in a row, or two rounds in a row without a gain.")
    stop_on_alarm: bool = setting(False, "Stop after a round in which a test for collapse sounds an alarm.")


EVALUATION_SAMPLES = 4
"""The default of `samples` for a comparison of methods, for each method."""


def _evaluation_settings() -> Settings:
    return Settings(samples=EVALUATION_SAMPLES)


@dataclass(frozen=True, kw_only=True)
class EvaluationSettings(Selection):
    """The settings of an evaluation: the methods, the problems, and the baseline."""

    strategies: Name | Spec | Method | Sequence[Name | Spec | Method] = setting(
        ("correct",), "The strategies with their settings, such as 'correct feedback=none turns=3'."
    )
    models: Name | Model | Sequence[Name | Model] = setting(("embedded",), "The language models.")
    settings: Settings = made_setting(_evaluation_settings, "The other settings that decide how problems are solved.")
    baseline: int = setting(
        64, "The maximum number of drafts per problem for the vote at equal tokens; 0 leaves the vote out.", ge=0
    )
