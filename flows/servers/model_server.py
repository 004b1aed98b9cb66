"""The protocol of every server of trained models. A server is a file in this folder. Its one public function has the
name of the file and returns a Server; the keyword arguments of the function are the server's configuration."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from redraft.store.errors import RedraftError


class ServerError(RedraftError):
    """A model cannot be served. The message names the cause and the cure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingTask:
    """What a server has to do: serve the model `name`, whose weights are in the folder `weights` if it was trained.
    `api_base` is the address of the user's own server, or several, if there is one. `say` receives lines about the
    progress."""

    name: str
    weights: Path | None
    api_base: str | Sequence[str] | None
    say: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Served:
    """A model that is served: its name and its address, as `--model` and `--api-base` take them. The name is the same
    each time, since seeds follow from it."""

    model: str
    api_base: str | Sequence[str]


class Server(Protocol):
    """Serves a model while its context is open. Raises ServerError."""

    def __call__(self, task: ServingTask, /) -> AbstractAsyncContextManager[Served]: ...
