"""Reads options from redraft.toml in the working folder. The environment overrides the file, and the command line
overrides both."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from redraft.store.errors import RedraftError, alternatives

FILE = "redraft.toml"


class ConfigFileError(RedraftError):
    """redraft.toml cannot be read, or has an option that no command has."""


def read_config(known: Callable[[], Iterable[str]], file: Path | None = None) -> dict[str, Any]:
    """Returns the values in the file by parameter name, such as `max_tokens`. A value is a text, as on the command
    line, or a list of texts. Returns an empty dict if there is no file.

    `known` returns the names of options, such as `max-tokens`. `known` is called only if there is a file. `set` may be
    a table.

    Raises ConfigFileError.
    """
    file = Path(FILE) if file is None else file
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigFileError(f"{file} cannot be read: {error}") from error
    import tomllib  # few folders have the file

    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigFileError(f"{file} cannot be read: {error}") from error
    names = sorted(known())
    for key in data:
        if key.replace("_", "-") not in names:
            raise ConfigFileError(f"{file}: no option {key!r}; {alternatives(key, names)}")
    return {key.replace("-", "_"): _value(file, key, value) for key, value in data.items()}


def _value(file: Path, key: str, value: Any) -> Any:
    if key == "set" and isinstance(value, Mapping):
        return [f"{name}={_text(item)}" for name, item in _flat(value)]
    if isinstance(value, Mapping):
        raise ConfigFileError(f"{file}: {key!r} must be one value, not a table")
    return [_text(item) for item in value] if isinstance(value, list) else _text(value)


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    """Yields the values of nested tables by dotted names: `[set.feedback] threshold = -1` becomes
    `feedback.threshold`."""
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
