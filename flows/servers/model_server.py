"""The protocol of every server of trained models. A server is a file in this folder. Its only public function has the
name of the file and returns a Server; the function's keyword arguments are the server's configuration."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from redraft.store.errors import RedraftError


class ServerError(RedraftError):
    """Raised if a model cannot be served. The message names the cause and the cure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingTask:
    """The task of a server: to serve the model `name`. `weights` is the folder of its weights if it was trained here.
    `api_base` is the address of the user's own server, or a list of addresses, or None. `say` receives lines about the
    progress. If `classifies`, the model does not write, but gives values to texts or to steps."""

    name: str
    weights: Path | None
    api_base: str | Sequence[str] | None
    say: Callable[[str], None]
    classifies: bool = False


@dataclass(frozen=True, slots=True)
class Served:
    """A model that is served: its name and its address, in the form of `--model` and `--api-base`. The name is the same
    each time, because seeds are derived from it."""

    model: str
    api_base: str | Sequence[str]


class Server(Protocol):
    """A context manager that serves a model while it is open. Raises ServerError."""

    def __call__(self, task: ServingTask, /) -> AbstractAsyncContextManager[Served]: ...
