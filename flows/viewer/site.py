"""Renders a page: reads its data from the store, and fills its template. All texts are escaped."""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import jinja2

from redraft.flows.viewer.address import Address, NotThere
from redraft.flows.viewer.store_reader import MEMORY, PATIENCE_S, Reader
from redraft.flows.viewer.text import numbers
from redraft.flows.viewer.text.difference import marked
from redraft.flows.viewer.text.formulas import with_formulas
from redraft.store.errors import QueryError, alternatives

OUT_OF_MEMORY = "Out of Memory"  # the prefix of DuckDB's message
HOME = Path(__file__).parent
PAGES = sorted(file.stem for file in (HOME / "pages").glob("[!_]*.py"))
MENU = {"runs": "Runs", "problems": "Problems", "compare": "Compare", "charts": "Charts", "labels": "Labels"}


class Links(Protocol):
    """The locations of pages and their files: on a server, or in a folder."""

    live: bool
    """True if pages can send requests to the server: forms, labels, updates."""

    def page(self, address: Address) -> str | None:
        """Returns the URL of a page, or None if the page is not available."""
        ...

    def file(self, name: str) -> str:
        """Returns the URL of a file in `static/`."""
        ...


class Site:
    """The pages of one store."""

    def __init__(self, reader: Reader, links: Links) -> None:
        self.reader, self.links = reader, links
        self._pages: dict[str, Callable[[Reader, Address], dict[str, Any]]] = {
            name: importlib.import_module(f"redraft.flows.viewer.pages.{name}").read for name in PAGES
        }
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(HOME / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals.update(
            link=lambda page, **query: links.page(Address.of(page, **query)),
            to=links.page,
            file=links.file,
            live=links.live,
            menu=MENU,
            store=reader.store.place.name,
            person=reader.person,
            marked=marked,
        )
        self._templates.filters.update(maths=with_formulas, **numbers.FILTERS)

    def render(self, address: Address) -> str:
        """Returns the HTML of a page. Raises NotThere, and StoreError if the store cannot be read."""
        return self._fill(address.page, address, **self.read(address))

    def read(self, address: Address) -> dict[str, Any]:
        """Returns the values for the template of a page."""
        if address.page not in PAGES:
            raise NotThere(f"no page {address.page!r}; {alternatives(address.page, PAGES)}")
        try:
            return self._read(address, MEMORY)
        except QueryError as error:
            if OUT_OF_MEMORY not in str(error):
                raise
            return self._read(address, None)

    def _read(self, address: Address, memory: int | None) -> dict[str, Any]:
        """Returns the values for a page. All its SQL statements see the same state of the store."""
        with self.reader.store.held(read_only=True, patience=PATIENCE_S, memory=memory):
            return self._pages[address.page](self.reader, address)

    def trouble(self, message: str) -> str:
        """Returns an HTML page that shows an error message."""
        return self._fill("trouble", Address("trouble"), message=message)

    def _fill(self, name: str, address: Address, **facts: Any) -> str:
        return self._templates.get_template(f"{name}.html").render(at=address, **facts)
