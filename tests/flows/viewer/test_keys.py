"""The keys of a page in a real browser: they work when the page opens, and a field keeps its own."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from redraft.flows.viewer.export import write_pages
from redraft.store import Problem, Store, Unit, replace
from redraft.store.trajectory import Trajectory

Serve = Callable[..., AbstractContextManager[str]]


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


def test_a_list_of_keys_has_the_keys_that_work(page: Page, seen: Path, tmp_path: Path) -> None:
    def listed() -> list[str]:
        return page.locator("dialog dt").all_text_contents()

    store = Store(seen, create=False)
    [(problem,)] = store.query("SELECT min(problem_id) FROM samples").rows
    page.goto(f"/problem?id={problem}")
    assert {"g r", "g l", "r w s", "1 2 …"} <= set(listed())
    assert "/" not in listed()  # the page has nothing to search
    page.keyboard.press("g")
    page.keyboard.press("l")
    page.wait_for_url("**/labels")
    page.goto("/problems")
    assert "/" in listed()
    write_pages(store, tmp_path / "out", problems=[problem])
    for file in (tmp_path / "out").glob("*.html"):
        page.goto(file.as_uri())
        strange = [keys for keys in listed() if keys.startswith("g") or keys in ("/", "r w s", "1 2 …")]
        assert strange == [], file.name
        assert {"j k", "?"} <= set(listed())


def test_two_digits_name_a_step_from_ten_on(page: Page, serve: Serve, tmp_path: Path) -> None:
    store = Store(tmp_path / "long.duckdb")
    problem = Problem("What is 6 + 6?", "12", problem_id="p")
    path = Trajectory(problem.ask("u"))
    for number in range(12):
        path = path.grow(f"I add {number}.\n", 0, final=number == 11)
    now = datetime.now(UTC)
    run_id = store.start_run("generate", "r", "greedy", "m", {"source": "x"})
    store.add([problem])
    path = replace(path, answer="12", chosen=True)
    store.publish([Unit("u", run_id, "r", "p", "", 1, 1, "done", (path,), (), (), now, now)])
    with serve(store.path) as address:
        page.goto(address)
        page.goto(address.partition("/?")[0] + "/label")
        step, picked = page.locator("input[name=step]"), page.locator(".step.picked")
        for keys, chosen in (("12", "12"), ("7", "7"), ("10", "10"), ("99", ""), ("0", "")):
            page.wait_for_timeout(1100)  # a new number begins
            for key in keys:
                page.keyboard.press(key)
            assert step.input_value() == chosen, keys
            assert [each.get_attribute("data-number") for each in picked.all()] == [chosen] * bool(chosen)
