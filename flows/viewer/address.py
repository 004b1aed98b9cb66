"""The address of a page: its name and its query. Every view that can be shown has an address."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode

from redraft.store.errors import RedraftError


class NotThere(RedraftError):
    """Raised if the store does not have the requested object."""


@dataclass(frozen=True, slots=True)
class Address:
    """A page and its query, such as ("problem", (("id", "p1"),)). A name may appear several times."""

    page: str
    query: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, page: str, **query: Any) -> Self:
        """Returns an address without names whose values are None or empty. A list repeats its name for each item."""
        return cls(page, tuple(_pairs(query)))

    @classmethod
    def read(cls, path: str, query: str) -> Self:
        """Returns the address in the path and the query of a request. The path "/" is the page `runs`."""
        return cls(path.strip("/") or "runs", tuple(parse_qsl(query)))

    def get(self, name: str, usual: str = "") -> str:
        """Returns the last value of this name, or `usual` if there is none."""
        return dict(self.query).get(name, usual)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.query if key == name]

    def whole(self, name: str, usual: int = 0) -> int:
        """Returns the value of this name as a non-negative integer. Raises NotThere for any other value."""
        text = self.get(name) or str(usual)
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise NotThere(f"{name}={text!r} is no whole number")
        return int(text)

    def but(self, **query: Any) -> Self:
        """Returns this address with other values for these names; None removes a name."""
        kept = [pair for pair in self.query if pair[0] not in query]
        return type(self)(self.page, (*kept, *_pairs(query)))

    def __str__(self) -> str:
        return f"/{self.page}?{urlencode(self.query)}" if self.query else f"/{self.page}"


def _pairs(query: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in query.items():
        values: Iterable[Any] = value if isinstance(value, list | tuple) else [value]
        yield from ((name, str(each)) for each in values if each is not None and each != "")
