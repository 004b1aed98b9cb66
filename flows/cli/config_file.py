"""Reads options from `redraft.toml` in the working folder. Environment variables override the file, and the command
line overrides both."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from redraft.store.errors import RedraftError, alternatives

FILE = "redraft.toml"


class ConfigFileError(RedraftError):
    """Raised if `redraft.toml` cannot be read, or has an option that no command has."""


def read_config(known: Callable[[], Iterable[str]], file: Path | None = None) -> dict[str, Any]:
    """Returns the values in the file by parameter name, such as `max_tokens`. A value is a string, as on the command
    line, or a list of strings. Returns an empty dict if there is no file.

    `known` returns the names of options, such as `max-tokens`; it is called only if there is a file. `set` may be a
    table.

    Raises ConfigFileError if the file is not valid.
    """
    file = Path(FILE) if file is None else file
    data = read_toml(file)
    if data is None:
        return {}
    names = sorted(known())
    for key in data:
        if key.replace("_", "-") not in names:
            raise ConfigFileError(f"{file}: no option {key!r}; {alternatives(key, names)}")
    return option_values(file, data)


def read_toml(file: Path) -> dict[str, Any] | None:
    """Returns the data of a TOML file. Returns None if there is no file. Raises ConfigFileError if the file can't be
    read or is not TOML."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        if file.is_symlink():
            raise ConfigFileError(f"{file} is a link to a file that is not there: mend it or remove it") from None
        return None
    except OSError as error:
        raise ConfigFileError(f"{file} cannot be read: {error.strerror}: make it a file that you may read") from error
    except UnicodeDecodeError as error:
        raise ConfigFileError(f"{file}, byte {error.start + 1}, is not UTF-8: save it as UTF-8") from error
    import tomllib  # few folders have the file

    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError: no TOML, no date, a number of thousands of digits
        why = "nested too deeply" if isinstance(error, RecursionError) else error
        raise ConfigFileError(f"{file} is no TOML: {why}: write a line such as samples = 4") from error


def option_values(file: Path, table: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the values of a table of options by parameter name, as `read_config` does. Raises ConfigFileError if two
    keys are the same option, or for a value that the command line could not express."""
    spelled: dict[str, str] = {}
    for key in table:
        if (first := spelled.setdefault(key.replace("-", "_"), key)) != key:
            raise ConfigFileError(f"{file}: {first!r} and {key!r} are the same option: keep one of them")
    return {key.replace("-", "_"): _value(file, key, value) for key, value in table.items()}


def _value(file: Path, key: str, value: Any) -> Any:
    if key == "set" and isinstance(value, Mapping):
        return [f"{name}={_text(file, key, item)}" for name, item in _flat(value)]
    return [_text(file, key, item) for item in value] if isinstance(value, list) else _text(file, key, value)


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    """Yields pairs of a dotted name and a value from nested tables: `[set.feedback] threshold = -1` yields
    `feedback.threshold`."""
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _text(file: Path, key: str, value: Any) -> str:
    """Returns a value as a string, in the form that the command line takes. Raises ConfigFileError for a table, a
    nested list, or a string with a zero byte."""
    if isinstance(value, Mapping | list) or "\0" in str(value):
        kind = {dict: "a table", list: "a list in a list"}.get(type(value), "a text with a zero byte")
        raise ConfigFileError(f"{file}: {key!r} is {kind}: give it one value, as on the command line")
    return str(value).lower() if isinstance(value, bool) else str(value)
