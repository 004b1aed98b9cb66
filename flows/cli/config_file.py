"""Options from redraft.toml in the working folder. The environment wins over it, the command line over both."""

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from redraft.store.errors import RedraftError

FILE = "redraft.toml"


class SettingsError(RedraftError):
    """redraft.toml cannot be read, or holds what no command knows."""


def settings(known: Iterable[str], file: Path | None = None) -> dict[str, Any]:
    """The values in the file by parameter name, as `max_tokens`, each the text that the command line would take, or a
    list of such texts; empty if there is no file.

    `known` are the options' names, as `max-tokens`. `set` may be a table. Raises SettingsError.
    """
    file = Path(FILE) if file is None else file
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{file} cannot be read: {error}") from error
    names = sorted(known)
    for key in data:
        if key.replace("_", "-") not in names:
            raise SettingsError(f"{file}: no option {key!r}; there are {', '.join(names)}")
    return {key.replace("-", "_"): _value(file, key, value) for key, value in data.items()}


def _value(file: Path, key: str, value: Any) -> Any:
    if key == "set" and isinstance(value, Mapping):
        return [f"{name}={_text(item)}" for name, item in _flat(value)]
    if isinstance(value, Mapping):
        raise SettingsError(f"{file}: {key!r} must be one value, not a table")
    return [_text(item) for item in value] if isinstance(value, list) else _text(value)


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    """`[set.feedback] threshold = -1` means the same as `"feedback.threshold" = -1`."""
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
