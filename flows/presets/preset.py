"""Presets: the format, the filters and their arguments with which a published method selects training data. A preset is
a TOML file in this folder, or a user's own file."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from redraft.flows.settings_validation import mistakes
from redraft.store.errors import RedraftError, alternatives
from redraft.store.plugins.arguments import flat

FOLDER = Path(__file__).parent


class PresetError(RedraftError):
    """Raised if a preset cannot be used. The message names the file and the mistake."""


class Preset(BaseModel):
    """A format, the filters before it in order, and the arguments of both. If `filters` is None, the format's own
    filters apply. The arguments of a filter are in a table with the filter's name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    about: str = ""
    format: str = "sft"
    filters: list[str] | None = None
    arguments: Mapping[str, Any] = Field(default_factory=dict)

    def beside(self, format: Any, filters: Any, arguments: Mapping[str, Any] | None) -> tuple[Any, Any, dict[str, Any]]:
        """Returns a triple of the format, the filters and the arguments of an export that overrides some of the preset.
        If the format or the filters are overridden, the preset's arguments for them are left out."""
        same = format in (None, self.format)
        own_filters = same and filters is None
        kept = {name: value for name, value in self.flat_arguments.items() if (own_filters if "." in name else same)}
        named = self.filters if own_filters else filters
        return format or self.format, named, {**kept, **(arguments or {})}

    @property
    def flat_arguments(self) -> dict[str, Any]:
        """Returns the arguments in the form that stages take: `{"style": "text", "cap.most": 2}`."""
        return flat(self.arguments)


def names() -> list[str]:
    """Returns the names of the presets that ship with redraft."""
    return sorted(file.stem for file in FOLDER.glob("*.toml"))


def read_preset(name: str | Path) -> Preset:
    """Returns a preset by its name, or by the path of a file that ends in `.toml`. Raises PresetError."""
    own = str(name).endswith(".toml")
    file = Path(name).expanduser() if own else FOLDER / f"{name}.toml"
    if not own and str(name) not in names():
        there = alternatives(str(name), names(), ", or a file of your own that ends in .toml")
        raise PresetError(f"no preset {str(name)[:100]!r}; {there}")
    try:
        given = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise PresetError(f"{file}: {error.strerror}: name a file that you can read") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PresetError(f"{file} is no TOML: {error}") from error
    if not given.keys() - {"about"}:
        raise PresetError(f"{file} says nothing about rows: a preset has {', '.join(Preset.model_fields)}")
    for name in given:
        if name not in Preset.model_fields:
            raise PresetError(f"{file}: no key {name!r}; {alternatives(name, Preset.model_fields)}")
    try:
        return Preset(**given)
    except ValidationError as error:
        raise PresetError(f"{file}: {'; '.join(mistakes(error))}") from None
