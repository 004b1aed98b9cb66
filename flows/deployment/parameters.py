"""The parameters of the scheduled flows: the settings of their stages, and settings that only a scheduled flow needs.

The fields of one of these models are the keyword parameters of a flow. `prefect deploy` writes their descriptions and
bounds into the deployment's schema, so that the server refuses a wrong value before a run exists. This file does not
import Prefect.
"""

import inspect
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, create_model, field_validator

from redraft.flows.settings import (
    AnnotationSettings,
    AugmentSettings,
    ExportSettings,
    FilterSettings,
    ModelSettings,
    Selection,
    SelfTrainSettings,
    Settings,
    SettingsError,
    StoreSettings,
    WorkerSettings,
)
from redraft.flows.settings_validation import Filled as Name
from redraft.flows.settings_validation import mistakes, model_fields
from redraft.llm.limits import Budget, Limits
from redraft.llm.prompts.prompts import Prompts
from redraft.llm.providers.shared.redaction import ADDRESS_SECRET, LOCATION_SECRET, redact_addresses, redact_location
from redraft.llm.usage import Prices
from redraft.store.errors import alternatives
from redraft.store.fields import described

CURE = (
    "an address with a password or a key in it would stand in Prefect's database as plain text: set it as the "
    "environment variable REDRAFT_API_BASE of the worker, or name where it stands, as env:NAME or secret:BLOCK"
)
"""The advice of the error about an address that contains a secret."""


def refuse(pattern: str) -> dict[str, Any]:
    """Returns the part of a JSON schema that rejects strings that match a pattern."""
    return {"not": {"type": "string", "pattern": pattern, "description": CURE}}


Whole = Annotated[int, Field(ge=0)]
Number = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Arguments = dict[str, Any] | None
Base = TypeVar("Base", bound=BaseModel)
JSON = {"Model": Name, "Spec": Name}
"""The types for names in annotations of settings, as JSON has them. They are used in addition to
`settings_validation.TYPES`."""

SECRETS_REFUSED = {
    "patternProperties": {"api_base$": refuse(LOCATION_SECRET)},
    "additionalProperties": refuse(ADDRESS_SECRET),
}


class Parameters(BaseModel):
    """The base class of the parameters of a flow. An unknown name is an error."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", protected_namespaces=())

    @field_validator("*", mode="before")
    @classmethod
    def no_secret(cls, value: Any, info: ValidationInfo) -> Any:
        """Returns the value unchanged. Raises ValueError if an address in it contains a password or a key."""
        if masked(info.field_name or "", value) != value:
            raise ValueError(CURE)
        return value

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Self:
        """Returns the parameters with these names and values. Raises SettingsError with a one-line message."""
        try:
            return cls.model_validate(dict(given))
        except ValidationError as error:
            raise SettingsError("; ".join(_mistakes(cls, error))) from None


def with_settings(base: type[Base], kind: type, *but: str) -> type[Base]:
    """Returns a base class that has the fields of a settings class as parameters, except the fields in `but`, which the
    base declares itself."""
    given: dict[str, Any] = {name: field for name, field in model_fields(kind, JSON).items() if name not in but}
    return create_model(kind.__name__, __base__=base, **given)


class BudgetParameters(with_settings(Parameters, Budget)):
    """The limits of a budget, as parameters."""


class LimitParameters(with_settings(Parameters, Limits)):
    """Parameters for calls to a remote model: their rate, and how long failures are tolerated."""


class Stored(with_settings(Parameters, StoreSettings)):
    """The parameters of a stage that works on a store, and that is retried if a retry could help."""

    retries: Annotated[int, Field(ge=0, le=100)] = Field(
        2,
        description="The most further tries of a task if its provider is away, calls failed, another run holds the "
        "same recipe, or the disk is full. A mistake in the parameters is not tried again.",
    )
    retry_delay_s: Number = Field(300.0, description="The seconds before each further try of a task.")


def about(name: str) -> str:
    """Returns the help text of a setting."""
    return described(ModelSettings)[name].metadata["about"]


class Model(Stored):
    """Settings of generate and annotate whose JSON form differs from Python's."""

    model: Name = Field("embedded", description=about("model"), json_schema_extra=refuse(ADDRESS_SECRET))
    api_base: str | None = Field(
        None,
        description=f"{about('api_base')} env:NAME or secret:BLOCK says which environment variable of the worker, or "
        "which Secret block of Prefect, holds it. By default REDRAFT_API_BASE of the worker's environment.",
        json_schema_extra=refuse(LOCATION_SECRET),
    )
    arguments: Arguments = Field(
        None,
        description=f"{about('arguments')} An argument that ends in .api_base may be env:NAME or secret:BLOCK.",
        json_schema_extra=SECRETS_REFUSED,
    )
    limits: LimitParameters | None = Field(None, description=about("limits"))
    budget: BudgetParameters | None = Field(None, description=about("budget"))
    problem_budget: BudgetParameters | None = Field(None, description=about("problem_budget"))
    prices: Annotated[list[Number], Field(min_length=2, max_length=3)] | None = Field(None, description=about("prices"))
    prompts: Name | None = Field(None, description=about("prompts"))

    def structured(self) -> dict[str, Any]:
        """Returns the limits, budgets, prices and prompts as the objects that the stages take. Raises PromptError."""
        return {
            "limits": Limits(**dict(self.limits or {})),
            "budget": Budget(**dict(self.budget or {})),
            "problem_budget": Budget(**dict(self.problem_budget or {})),
            "prices": Prices(*(price / 1e6 for price in self.prices)) if self.prices else None,
            "prompts": Prompts.read(self.prompts) if self.prompts else Prompts(),
        }


class Shared(with_settings(Model, WorkerSettings)):
    """The parameters of the stages whose work several processes can share."""


class Generate(with_settings(with_settings(Shared, Settings, *Model.model_fields, "replicate"), Selection)):
    """The parameters of the flow generate."""

    source: Name = Field(
        "builtin",
        description="A file of problems, a data set of the Hugging Face Hub ('hf:owner/name:split'), or 'builtin', "
        "which 'builtin:levels=1-3' narrows.",
        json_schema_extra=refuse(ADDRESS_SECRET),
    )
    replicate: str | None = Field(
        None, description="The name of this repetition; by default the day that the flow run was scheduled for, in UTC."
    )
    min_right: Whole = Field(
        0, description="The fewest trajectories of this replicate that must be right; with fewer the flow run fails."
    )
    min_new: Whole = Field(
        0, description="The fewest trajectories that this flow run must draw anew; with fewer the flow run fails."
    )


class Augment(with_settings(with_settings(Shared, AugmentSettings, *Model.model_fields), Selection)):
    """The parameters of the flow augment."""

    source: Name = Field(
        "builtin",
        description="The problems that new questions are made from, named as for the flow generate.",
        json_schema_extra=refuse(ADDRESS_SECRET),
    )
    min_accepted: Whole = Field(
        0, description="The fewest new questions that this flow run must accept; with fewer it fails."
    )


class SelfTrain(with_settings(Model, SelfTrainSettings, *Model.model_fields)):
    """The parameters of the flow self-train."""

    source: Name = Field(
        "builtin",
        description="The problems that the model drafts for training, named as for the flow generate.",
        json_schema_extra=refuse(ADDRESS_SECRET),
    )
    min_gain: float | None = Field(
        None,
        description="The least difference between the last round and the first model, such as 0.02; with less the flow "
        "run fails.",
        allow_inf_nan=False,
    )


class Annotate(with_settings(Shared, AnnotationSettings, *Model.model_fields)):
    """The parameters of the flow annotate."""

    min_new: Whole = Field(0, description="The fewest drafts that this flow run must judge; with fewer it fails.")
    min_values: Whole = Field(
        0, description="The fewest drafts to which this flow run must give a value; with fewer it fails."
    )


class Kept(with_settings(Stored, FilterSettings)):
    """The parameters that the flows filter, export and nightly share: which trajectories are kept."""

    min_kept: Whole = Field(0, description="The fewest rows that must be kept; with fewer the flow run fails.")


class Filter(Kept):
    """The parameters of the flow filter."""

    arguments: Arguments = Field(None, description="Arguments of the filters, such as {'cap.most': 2}.")


class Written(with_settings(Kept, ExportSettings, *FilterSettings.__dataclass_fields__)):
    """The parameters that the flows export and nightly share: the file, and how its rows are written."""

    file: Name = Field(description="The file to write; an earlier one of this name is replaced.")


class Export(Written):
    """The parameters of the flow export."""

    arguments: Arguments = Field(
        None, description="Arguments of the format, such as {'style': 'messages'}, and of filters, as {'cap.most': 2}."
    )


class Nightly(Written, Generate):
    """The parameters of the flow nightly: all parameters of generate, filter and export."""

    file: Name = Field(
        "redraft.sft.jsonl", description="The file of the export; an earlier one of this name is replaced."
    )
    export_arguments: Arguments = Field(
        None, description="Arguments of the format, such as {'style': 'messages'}, and of filters, as {'cap.most': 2}."
    )


def masked(name: str, value: Any) -> Any:
    """Returns the value of a parameter with every secret in its addresses masked."""
    if isinstance(value, str):
        return redact_location(value) if name.endswith("api_base") else redact_addresses(value)
    if isinstance(value, Mapping):
        return {key: masked(str(key), item) for key, item in value.items()}
    return [masked(name, item) for item in value] if isinstance(value, list) else value


def signature(model: type[Parameters]) -> inspect.Signature:
    """Returns the signature of a flow, whose parameters are the fields of a model. `source` and fields without a
    default come first."""
    found = model.model_fields.items()
    ordered = sorted(found, key=lambda item: (not item[1].is_required(), item[0] != "source"))
    parameters = []
    for name, field in ordered:
        more = field.json_schema_extra if isinstance(field.json_schema_extra, Mapping) else {}
        about = Field(json_schema_extra={**more, "description": field.description or ""})  # Prefect drops a description
        default = inspect.Parameter.empty if field.is_required() else field.default
        annotation = Annotated[(field.annotation, *field.metadata, about)]
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        parameters.append(inspect.Parameter(name, kind, default=default, annotation=annotation))
    return inspect.Signature(parameters)


def _mistakes(model: type[Parameters], error: ValidationError) -> Iterator[str]:
    """Yields a message for each invalid value. Secrets in the message are masked."""
    for one in error.errors():
        place = ".".join(str(part) for part in one["loc"])
        if one["type"] == "extra_forbidden":
            owner, _, name = place.rpartition(".")
            there = {"budget": BudgetParameters, "problem_budget": BudgetParameters, "limits": LimitParameters}
            names = there.get(owner, model).model_fields
            yield f"{owner or 'this flow'} has no {name!r}; {alternatives(name, names)}"
        elif one["type"] == "value_error":
            yield f"{place}: {CURE}"
    yield from mistakes(error, apart=("extra_forbidden", "value_error"))
