"""Methods of self-training: what is drawn, how it is labelled, which rows are kept, and which models are trained. A
method is a TOML file in `methods/`, or a user's own file."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from redraft.store.errors import RedraftError, alternatives

FOLDER = Path(__file__).parent / "methods"


class MethodError(RedraftError):
    """Raised if a method cannot be used. The message names the file and the mistake."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Labels(_Strict):
    """A grader, with its arguments, that grades the drafts of a round before rows are made from them."""

    grader: str
    where: str = "true"
    arguments: Mapping[str, Any] = Field(default_factory=dict)


class NewQuestions(_Strict):
    """The augmentations by which each round makes new questions from its problems before it draws drafts: `methods`
    with their arguments, the strategy that answers the new questions, and the number of answers to each."""

    methods: list[str] = Field(min_length=1)
    strategy: str = "self_consistency"
    samples: int = Field(4, ge=1)
    temperature: float | None = Field(None, ge=0)
    arguments: Mapping[str, Any] = Field(default_factory=dict)


class Part(_Strict):
    """A model that each round trains. The rows are those of a preset, or of a format with filters and arguments. With
    `start` "base", training begins with the first model; with "last", with the model of the previous round. A policy
    may also begin with the layers of the round's verifier under its own output head ("verifier"), and a verifier with
    the policy that drew the drafts ("policy"). The rows are made from the trajectories of all rounds (`rows` "all"), or
    only of this round ("last")."""

    preset: str | None = None
    format: str | None = None
    filters: list[str] | None = None
    arguments: Mapping[str, Any] = Field(default_factory=dict)
    start: Literal["base", "last", "policy", "verifier"] = "base"
    rows: Literal["all", "last"] = "all"
    loss: str = "sft"
    training: Mapping[str, Any] = Field(default_factory=dict)

    @property
    def flat_arguments(self) -> dict[str, Any]:
        """Returns the arguments in the form that an export takes: `{"style": "text", "cap.most": 2}`."""
        return flat(self.arguments)


class VerifierPart(Part):
    """A model that grades, which each round trains after the policy. `grader` calls it with the arguments `judges`, in
    which {verifier} is replaced by its name and {base} by the first model's name. It grades the samples on the held-out
    problems for the watch. With `searches`, it also grades the drafts of the strategy in later rounds."""

    grader: str
    judges: Mapping[str, Any] = Field(default_factory=dict)
    searches: bool = False


class TrainingMethod(_Strict):
    """A method: the new questions of a round, the strategy that draws drafts, its settings, the labels, and the models
    that are trained. A setting that is None has the default of `redraft generate`."""

    about: str = ""
    augment: NewQuestions | None = None
    strategy: str = "best_of_n"
    grader: str | None = None
    critic: str | None = None
    samples: int | None = Field(None, ge=1)
    temperature: float | None = Field(None, ge=0)
    top_k: int | None = Field(None, ge=1)
    arguments: Mapping[str, Any] = Field(default_factory=dict)
    labels: Labels | None = None
    policy: Part = Part()
    verifier: VerifierPart | None = None


def flat(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Returns arguments as a flat dict. The arguments of a part are prefixed by the part's name and a dot."""
    found: dict[str, Any] = {}
    for name, value in arguments.items():
        found |= {f"{name}.{key}": given for key, given in value.items()} if isinstance(value, dict) else {name: value}
    return found


def names() -> list[str]:
    """Returns the names of the methods that ship with redraft."""
    return sorted(file.stem for file in FOLDER.glob("*.toml"))


def read_method(name: str | Path) -> TrainingMethod:
    """Returns a method by its name, or by the path of a file that ends in `.toml`. Raises MethodError."""
    own = str(name).endswith(".toml")
    file = Path(name).expanduser() if own else FOLDER / f"{name}.toml"
    if not own and str(name) not in names():
        there = alternatives(str(name), names(), "; a method of your own is a file that ends in .toml")
        raise MethodError(f"no method {str(name)[:100]!r}; {there}")
    try:
        return TrainingMethod(**tomllib.loads(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise MethodError(f"{file}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise MethodError(f"{file} is no TOML: {error}") from error
    except ValidationError as error:
        [first, *_] = error.errors()
        place = ".".join(map(str, first["loc"]))
        raise MethodError(
            f"{file}: {place}: {first['msg']}; a method has {', '.join(TrainingMethod.model_fields)}"
        ) from None


def replaced(method: TrainingMethod, arguments: Mapping[str, Any]) -> tuple[TrainingMethod, dict[str, Any]]:
    """Returns a pair: the method, in which the arguments `policy.NAME` and `verifier.NAME` override the settings of
    these models, and all other arguments. NAME is a field such as `start` or `filters` (names separated by commas), or
    an argument of the format or of a filter, such as `cap.most`. Raises MethodError."""
    found, left = method, dict[str, Any]()
    for key, value in arguments.items():
        role, point, name = key.partition(".")
        if not point or role not in ("policy", "verifier"):
            left[key] = value
            continue
        part: Part | None = getattr(found, role)
        if part is None:
            raise MethodError(f"{key} replaces nothing: the method trains no verifier")
        if name == "filters" and isinstance(value, str):
            value = [each.strip() for each in value.split(",") if each.strip()]
        if name in ("arguments", "training", "judges") or "." in name or name not in type(part).model_fields:
            name, value = "arguments", {**part.flat_arguments, name: value}
        try:
            part = type(part)(**{**part.model_dump(), name: value})
        except ValidationError as error:
            [first, *_] = error.errors()
            raise MethodError(f"{key}={value!r}: {first['msg']}") from None
        found = found.model_copy(update={role: part})
    return found, left
