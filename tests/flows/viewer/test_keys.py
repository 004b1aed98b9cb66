"""The keys of a page in a real browser: they work when the page opens, and a field keeps its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from redraft.store import Store


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 800}, base_url=address.partition("/?")[0])
    page = context.new_page()
    page.goto(address)
    yield page
    context.close()


@pytest.fixture
def tree(seen: Path) -> str:
    """The address of a tree with siblings."""
    [(unit,)] = (
        Store(seen, create=False).query("SELECT unit_id FROM steps GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1").rows
    )
    return f"/tree?unit={unit}"


def test_the_keys_of_a_tree_work_when_its_page_opens(page: Page, tree: str) -> None:
    page.goto(tree)
    page.wait_for_selector("canvas[data-ready]")
    assert page.evaluate("document.activeElement.tagName") == "BODY"
    page.keyboard.press("ArrowRight")
    first = page.locator("#step h2").first.inner_text()
    page.keyboard.press("ArrowRight")
    assert page.locator("#step h2").first.inner_text() != first
    page.keyboard.press("p")
    expect(page.locator("#play")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("p")
    expect(page.locator("#play")).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("?")
    expect(page.locator("dialog")).to_be_visible()
    page.keyboard.press("p")  # not behind the list of keys
    expect(page.locator("#play")).to_have_attribute("aria-pressed", "false")


def test_a_field_or_button_of_a_tree_keeps_its_keys(page: Page, tree: str) -> None:
    page.goto(tree)
    page.wait_for_selector("canvas[data-ready]")
    steps = int(page.locator("#grown").input_value())
    page.locator("#grown").focus()
    page.keyboard.press("ArrowLeft")
    assert int(page.locator("#grown").input_value()) == steps - 1
    assert page.locator("#step h2").count() == 0
    page.locator("#rollouts").focus()
    page.keyboard.press("Space")
    expect(page.locator("#rollouts")).not_to_be_checked()
    page.keyboard.press("ArrowRight")  # a box to tick has no use for it
    assert page.locator("#step h2").count() >= 1
    page.locator("#play").focus()
    page.keyboard.press("Space")
    expect(page.locator("#play")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("g")
    page.keyboard.press("p")
    page.wait_for_url("**/problems")
