"""What the scheduled flows take: one definition of each parameter, with its meaning and its bounds.

A flow takes the fields of one of these models side by side. `prefect deploy` writes their descriptions and bounds into
the deployment's schema, so that the server refuses a wrong value before a run exists. There is no Prefect here.
"""

import inspect
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from redraft.llm.client.budget import Budget
from redraft.llm.limits import Limits
from redraft.llm.prompts.prompts import Prompts
from redraft.llm.providers.shared.redaction import ADDRESS_SECRET, LOCATION_SECRET, hidden, location, said
from redraft.llm.usage import Prices
from redraft.store.errors import RedraftError

CURE = (
    "an address with a password or a key in it would stand in Prefect's database as plain text: set it as the "
    "environment variable REDRAFT_API_BASE of the worker, or name where it stands, as env:NAME or secret:BLOCK"
)
"""What is said to somebody who gives a flow an address with a secret in it."""


class ParameterError(RedraftError):
    """A parameter of a flow that cannot be used."""


def refuse(pattern: str) -> dict[str, Any]:
    """The part of a JSON schema that refuses texts of a pattern."""
    return {"not": {"type": "string", "pattern": pattern, "description": CURE}}


Whole = Annotated[int, Field(ge=0)]
Number = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Name = Annotated[str, Field(min_length=1)]
Arguments = dict[str, Any] | None
SECRETS_REFUSED = {
    "patternProperties": {"api_base$": refuse(LOCATION_SECRET)},
    "additionalProperties": refuse(ADDRESS_SECRET),
}


class Parameters(BaseModel):
    """Named values, none of them unknown."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", protected_namespaces=())

    @field_validator("*", mode="before")
    @classmethod
    def no_secret(cls, value: Any, info: ValidationInfo) -> Any:
        """The value as it is. Raises ValueError if an address in it has a password or a key."""
        if masked(info.field_name or "", value) != value:
            raise ValueError(CURE)
        return value

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Self:
        """The parameters of these names and values. Raises ParameterError, in one line."""
        try:
            return cls.model_validate(dict(given))
        except ValidationError as error:
            raise ParameterError("; ".join(_mistakes(cls, error))) from None


class BudgetParameters(Parameters):
    """The most that may be used."""

    calls: Whole | None = Field(None, description="The most calls to the model.")
    tokens: Whole | None = Field(None, description="The most tokens, of prompts and answers together.")
    usd: Number | None = Field(None, description="The most US dollars.")
    seconds: Number | None = Field(None, description="The most seconds on the wall clock.")


class LimitParameters(Parameters):
    """How calls to a remote model are paced, and how long its failures are borne."""

    requests_per_minute: Annotated[int, Field(ge=1)] | None = Field(None, description="The most calls a minute.")
    tokens_per_minute: Annotated[int, Field(ge=1)] | None = Field(
        None, description="The most tokens a minute, of prompts and answers together."
    )
    tries: int = Field(6, ge=1, description="The most tries of one call.")
    wait_s: Number = Field(0.5, description="The longest pause before a second try, in seconds; each further doubles.")
    timeout_s: float = Field(600.0, gt=0, allow_inf_nan=False, description="The most seconds that one try may take.")
    connect_s: float = Field(10.0, gt=0, allow_inf_nan=False, description="The most seconds to make a connection.")
    patience_s: Number = Field(900.0, description="The most seconds that a provider which has answered may be away.")


class Stored(Parameters):
    """A stage that works on a store, and is tried again if another try could help."""

    db: Name = Field("redraft.duckdb", description="The DuckDB file that everything is kept in.")
    retries: Annotated[int, Field(ge=0, le=100)] = Field(
        2,
        description="The most further tries of a task if its provider is away, calls failed, another run holds the "
        "same recipe, or the disk is full. A mistake in the parameters is not tried again.",
    )
    retry_delay_s: Number = Field(300.0, description="The seconds before each further try of a task.")


class Model(Stored):
    """What generate and annotate share: the model, how it is asked, and what it may use."""

    model: Name = Field(
        "embedded",
        description="The language model: 'embedded' ships with redraft; any other name goes through LiteLLM.",
        json_schema_extra=refuse(ADDRESS_SECRET),
    )
    api_base: str | None = Field(
        None,
        description="The address of an OpenAI-compatible server that has the model, or several with commas between "
        "them; env:NAME or secret:BLOCK says which environment variable of the worker, or which Secret block of "
        "Prefect, holds it. By default REDRAFT_API_BASE of the worker's environment.",
        json_schema_extra=refuse(LOCATION_SECRET),
    )
    arguments: Arguments = Field(
        None,
        description="Arguments of the strategy or the grader and of their parts, such as {'turns': 2}. An argument "
        "that ends in .api_base may be env:NAME or secret:BLOCK.",
        json_schema_extra=SECRETS_REFUSED,
    )
    temperature: Number = Field(1.0, description="How freely the model draws; 0 takes the likeliest token each time.")
    max_tokens: int = Field(1024, ge=1, description="The most tokens of one draft.")
    top_p: Annotated[float, Field(gt=0, le=1)] | None = Field(
        None, description="The probability that the likeliest tokens, among which each draw chooses, have together."
    )
    top_k: Annotated[int, Field(ge=1)] | None = Field(None, description="Each draw chooses among so many tokens.")
    min_p: Annotated[float, Field(ge=0, lt=1)] | None = Field(
        None, description="The least probability of a token that may be drawn, as a part of the likeliest one's."
    )
    limit: Annotated[int, Field(ge=1)] | None = Field(None, description="The first so many problems only.")
    seed: int = Field(0, description="The same seed gives the same drafts, if the model can.")
    concurrency: int = Field(64, ge=1, description="The most calls in flight; a provider gets as many as it bears.")
    limits: LimitParameters | None = Field(None, description="How calls are paced, and how long failures are borne.")
    budget: BudgetParameters | None = Field(None, description="The most that this flow run may use.")
    problem_budget: BudgetParameters | None = Field(None, description="The most that each problem may use.")
    prices: Annotated[list[Number], Field(min_length=2, max_length=3)] | None = Field(
        None,
        description="The model's prices in US dollars a million tokens: read, written and, if it differs, read from a "
        "cache.",
    )
    prompts: Name | None = Field(None, description="A TOML file of wordings, examples and a system prompt.")

    def limited(self) -> dict[str, Any]:
        """The limits, budgets, prices and prompts as the stages take them. Raises PromptError."""
        return {
            "limits": Limits(**dict(self.limits or {})),
            "budget": Budget(**dict(self.budget or {})),
            "problem_budget": Budget(**dict(self.problem_budget or {})),
            "prices": Prices(*(price / 1e6 for price in self.prices)) if self.prices else None,
            "prompts": Prompts.read(self.prompts) if self.prompts else Prompts(),
        }


class Generate(Model):
    """What the flow generate takes."""

    source: Name = Field(
        "builtin",
        description="A file of problems, or 'builtin', which 'builtin:levels=1-3' narrows.",
        json_schema_extra=refuse(ADDRESS_SECRET),
    )
    strategy: Name = Field("correct", description="Who writes: a strategy's name, or path.py:function.")
    grader: Name | None = Field(None, description="Who judges drafts for the strategy; by default its own choice.")
    critic: Name | None = Field(None, description="Who tells the strategy whether to go on; by default its own choice.")
    samples: int = Field(8, ge=1, description="Independent drafts a problem.")
    replicate: str | None = Field(
        None, description="The name of this repetition; by default the day that the flow run was scheduled for, in UTC."
    )
    batch: bool = Field(False, description="Whether to ask by the provider's batches: half the price, up to a day.")
    question_column: Name | None = Field(None, description="The column of the questions, if it has no usual name.")
    answer_column: Name | None = Field(None, description="The column of the answers, if it has no usual name.")
    skip_bad: bool = Field(False, description="Whether to leave out rows that cannot be read, and say how many.")
    min_right: Whole = Field(
        0, description="The fewest trajectories of this replicate that must be right; with fewer the flow run fails."
    )
    min_new: Whole = Field(
        0, description="The fewest trajectories that this flow run must draw anew; with fewer the flow run fails."
    )


class Annotate(Model):
    """What the flow annotate takes."""

    grader: Name = Field("rollout", description="Who judges the stored drafts: a grader's name, or path.py:function.")
    where: Name = Field("true", description="Which drafts are judged, as an SQL condition, such as turn = 1.")
    replicate: str = Field("", description="A name for judging anew what was judged before; the same name goes on.")
    min_new: Whole = Field(0, description="The fewest drafts that this flow run must judge; with fewer it fails.")
    min_values: Whole = Field(
        0, description="The fewest drafts to which this flow run must give a value; with fewer it fails."
    )


class Kept(Stored):
    """What filter, export and nightly share: which trajectories are kept."""

    filters: list[Name] | None = Field(
        None,
        description="The filters in their order, each by its name or as path.py:function; by default the format's.",
    )
    run: Name | None = Field(None, description="The id of the one run whose trajectories are taken; by default all.")
    include_heldout: bool = Field(
        False, description="Whether held-out problems (of a split such as test or heldout) are taken too."
    )
    min_kept: Whole = Field(0, description="The fewest rows that must be kept; with fewer the flow run fails.")


class Filter(Kept):
    """What the flow filter takes."""

    arguments: Arguments = Field(None, description="Arguments of the filters, such as {'cap.most': 2}.")


class Written(Kept):
    """What export and nightly share: the file."""

    file: Name = Field(description="The file to write; an earlier one of this name is replaced.")
    format: Name = Field("sft", description="The format of the rows: a format's name, or path.py:function.")


class Export(Written):
    """What the flow export takes."""

    arguments: Arguments = Field(
        None, description="Arguments of the format, such as {'style': 'messages'}, and of filters, as {'cap.most': 2}."
    )


class Nightly(Written, Generate):
    """What the flow nightly takes: all that generate, filter and export take."""

    file: Name = Field(
        "redraft.sft.jsonl", description="The file of the export; an earlier one of this name is replaced."
    )
    export_arguments: Arguments = Field(
        None, description="Arguments of the format, such as {'style': 'messages'}, and of filters, as {'cap.most': 2}."
    )


def masked(name: str, value: Any) -> Any:
    """The value of a parameter with every secret in its addresses masked."""
    if isinstance(value, str):
        return location(value) if name.endswith("api_base") else hidden(value)
    if isinstance(value, Mapping):
        return {key: masked(str(key), item) for key, item in value.items()}
    return [masked(name, item) for item in value] if isinstance(value, list) else value


def signature(model: type[Parameters]) -> inspect.Signature:
    """The fields of a model as a function's parameters, `source` and those without a default first."""
    found = model.model_fields.items()
    ordered = sorted(found, key=lambda item: (not item[1].is_required(), item[0] != "source"))
    parameters = []
    for name, field in ordered:
        more = field.json_schema_extra if isinstance(field.json_schema_extra, Mapping) else {}
        told = Field(json_schema_extra={**more, "description": field.description or ""})  # Prefect drops a description
        default = inspect.Parameter.empty if field.is_required() else field.default
        annotation = Annotated[(field.annotation, *field.metadata, told)]
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        parameters.append(inspect.Parameter(name, kind, default=default, annotation=annotation))
    return inspect.Signature(parameters)


def _mistakes(model: type[Parameters], error: ValidationError) -> Iterator[str]:
    """What is wrong with each value, without the secrets in it."""
    for one in error.errors():
        place = ".".join(str(part) for part in one["loc"])
        if one["type"] == "extra_forbidden":
            owner, _, name = place.rpartition(".")
            there = {"budget": BudgetParameters, "problem_budget": BudgetParameters, "limits": LimitParameters}
            names = ", ".join(there.get(owner, model).model_fields)
            yield f"{owner or 'this flow'} has no {name!r}; there are {names}"
        elif one["type"] == "value_error":
            yield f"{place}: {CURE}"
        else:
            yield said(f"{place}: {one['msg'][:1].lower()}{one['msg'][1:]}, not {one['input']!r}")
