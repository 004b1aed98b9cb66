"""Open pages in a real browser while a run writes: every part that can change follows, and no form that is in use."""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from redraft.flows.label import VERDICTS
from redraft.store import Problem, Store, Unit, replace
from redraft.store.tables.labels import Label
from redraft.store.trajectory import Grade, Trajectory, Verdict

Serve = Callable[..., AbstractContextManager[str]]
WAIT_MS = 30_000


class Live:
    """An empty store that a server shows, and what a run writes into it."""

    def __init__(self, browser: Browser, store: Store, address: str) -> None:
        self.store, self._browser, self._address = store, browser, address

    def open(self, place: str) -> Page:
        """Returns the page in a window of its own, which has looked at the store once."""
        page = self._browser.new_context().new_page()
        page.goto(self._address)
        with page.expect_response("**/changes"):
            page.goto(self._address.partition("/?")[0] + place)
        page.wait_for_timeout(300)
        return page

    def solve(self, run_id: str, number: int) -> str:
        """Stores a solved problem of the run, and returns its trajectory."""
        unit = f"u{number}"
        problem = Problem(f"What is {number} + 1?", str(number + 1), problem_id=f"p{number}")
        path = replace(Trajectory(problem.ask(unit)).grow("It is.", 0, final=True), answer="x", chosen=True)
        now = datetime.now(UTC)
        grade = Grade("oracle", path.trajectory_id, 1, 0.0, Verdict.WRONG)
        self.store.add([problem])
        self.store.publish(
            [Unit(unit, run_id, "r", problem.problem_id, "", 1, 1, "done", (path,), (grade,), (), now, now)]
        )
        return path.trajectory_id


@pytest.fixture
def live(browser: Browser, serve: Serve, tmp_path: Path) -> Iterator[Live]:
    store = Store(tmp_path / "live.duckdb")
    with serve(tmp_path / "live.duckdb") as address:
        yield Live(browser, store, address)


def test_the_page_of_a_run_follows_its_state_and_its_results(live: Live) -> None:
    run_id = live.store.start_run("generate", "r", "greedy", "m", {"source": "x"})
    page = live.open(f"/run?id={run_id}")
    expect(page.locator(".state")).to_have_text("running")
    assert page.locator("main h2").all_inner_texts() == ["Settings"]
    live.solve(run_id, 1)
    live.store.end_run(run_id, "finished")
    expect(page.locator(".state")).to_have_text("finished", timeout=WAIT_MS)
    expect(page.locator("main h2").first).to_have_text("How trajectories ended")


def test_lists_that_were_empty_follow(live: Live) -> None:
    page = live.open("/")
    assert "No run is in this store" in page.locator("main").inner_text()
    live.store.start_run("generate", "r", "greedy", "m", {"source": "x"})
    expect(page.locator("main .state")).to_have_text("running", timeout=WAIT_MS)


def test_the_count_of_problems_and_the_choice_of_runs_follow_and_a_form_in_use_waits(live: Live) -> None:
    page = live.open("/problems")
    first = live.store.start_run("generate", "r", "greedy", "m", {"source": "x"})
    live.solve(first, 1)
    expect(page.locator("h1 small")).to_have_text("1", timeout=WAIT_MS)
    expect(page.locator("select[name=run] option")).to_have_count(2)
    page.locator("select[name=run]").select_option(first)
    page.locator("[data-search]").fill("typed")
    live.solve(live.store.start_run("generate", "r2", "mcts", "m", {"source": "x"}), 2)
    expect(page.locator("h1 small")).to_have_text("2", timeout=WAIT_MS)
    assert page.locator("[data-search]").input_value() == "typed"
    assert page.locator("select[name=run]").input_value() == first
    page.locator("select[name=run]").select_option("")
    page.locator("[data-search]").blur()
    expect(page.locator("select[name=run] option")).to_have_count(3, timeout=WAIT_MS)
    assert page.locator("[data-search]").input_value() == "typed"


def test_labels_of_people_follow(live: Live) -> None:
    place = live.solve(live.store.start_run("generate", "r", "greedy", "m", {"source": "x"}), 1)
    [(key,)] = live.store.query("SELECT prefix_key FROM steps").rows
    page = live.open("/labels")
    assert "Nobody has labelled a draft" in page.locator("main").inner_text()
    live.store.label([Label(place, 1, "ann", "right", None, None, key, False)])
    people = page.get_by_role("region", name="People")
    expect(people).to_have_text(re.compile("ann"), timeout=WAIT_MS)
    live.store.label([Label(place, 1, "bob", "wrong", None, None, key, False)])
    expect(people).to_have_text(re.compile("bob"), timeout=WAIT_MS)
    expect(page.get_by_role("region", name="Agreement")).to_have_text(re.compile("oracle"))


def test_every_verdict_of_a_person_is_in_sight(live: Live) -> None:
    place = live.solve(live.store.start_run("generate", "r", "greedy", "m", {"source": "x"}), 1)
    [(key,)] = live.store.query("SELECT prefix_key FROM steps").rows
    for verdict in VERDICTS:
        live.store.label([Label(place, 1, verdict, verdict, None, None, key, False)])
    page = live.open("/labels")
    for verdict in VERDICTS:
        box = page.locator("main .mark", has_text=verdict).bounding_box()
        assert box
        assert box["x"] > 0, verdict
