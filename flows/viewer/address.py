"""The address of a page: its name and what is asked of it. Every place that can be seen has one."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode

from redraft.store.errors import RedraftError


class NotThere(RedraftError):
    """The store does not have what a page was asked for."""


@dataclass(frozen=True, slots=True)
class Address:
    """A page and its query, such as ("problem", (("id", "p1"),)). A name may come several times."""

    page: str
    query: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, page: str, **query: Any) -> Self:
        """Returns an address without what is None or empty. A list gives its name several times."""
        return cls(page, tuple(_pairs(query)))

    @classmethod
    def read(cls, path: str, query: str) -> Self:
        """Reads the path and the query of a request; the path "/" is the page `runs`."""
        return cls(path.strip("/") or "runs", tuple(parse_qsl(query)))

    def get(self, name: str, usual: str = "") -> str:
        """Returns the last value of this name."""
        return dict(self.query).get(name, usual)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.query if key == name]

    def whole(self, name: str, usual: int = 0) -> int:
        """Returns a number that is not negative. Raises NotThere."""
        text = self.get(name) or str(usual)
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise NotThere(f"{name}={text!r} is no whole number")
        return int(text)

    def but(self, **query: Any) -> Self:
        """Returns this address with other values of these names; None removes a name."""
        kept = [pair for pair in self.query if pair[0] not in query]
        return type(self)(self.page, (*kept, *_pairs(query)))

    def __str__(self) -> str:
        return f"/{self.page}?{urlencode(self.query)}" if self.query else f"/{self.page}"


def _pairs(query: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in query.items():
        values: Iterable[Any] = value if isinstance(value, list | tuple) else [value]
        yield from ((name, str(each)) for each in values if each is not None and each != "")
