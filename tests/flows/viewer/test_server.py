"""`redraft view` as a command: what it says, what it refuses, and that it never holds the store."""

import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import AbstractContextManager
from http.cookiejar import CookieJar
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
import pytest

from redraft.flows.viewer import server
from redraft.store import Store

Serve = Callable[..., AbstractContextManager[str]]
Mistake = Callable[..., str]
Redraft = Callable[..., subprocess.CompletedProcess[str]]


def browser(address: str) -> Callable[[str], tuple[int, str]]:
    """Asks for pages with the cookie that the address gave."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    opener.open(address, timeout=60).read()
    root = address.partition("/?")[0]

    def get(path: str) -> tuple[int, str]:
        try:
            with opener.open(root + path, timeout=120) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    return get


def test_mistakes_are_one_line_with_their_cure(mistake: Mistake, tmp_path: Path) -> None:
    assert "no database 'none.duckdb': run `redraft generate`" in mistake("view", "--db", "none.duckdb")
    (tmp_path / "text.duckdb").write_text("no database")
    assert "text.duckdb" in mistake("view", "--db", "text.duckdb")
    store = Store(tmp_path / "newer.duckdb")
    with duckdb.connect(store.path) as connection:
        connection.execute("UPDATE raw.migrations SET number = 999")
    assert "newer redraft (schema 999; this one knows" in mistake("view", "--db", "newer.duckdb")
    Store(tmp_path / "redraft.duckdb")
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        told = mistake("view", "--port", str(port))
    assert told == f"redraft: port {port} is busy: choose another with --port, or --port 0 for any free one"
    assert "--port" in mistake("view", "--port", "70000")
    assert "choose what --export FOLDER writes" in mistake("view", "--run", "x")


def test_a_missing_extra_is_told_before_anything_else(monkeypatch: pytest.MonkeyPatch) -> None:
    def without(name: str) -> Any:
        return None if name == "latex2mathml" else find_spec(name)

    monkeypatch.setattr(server, "find_spec", without)
    with pytest.raises(
        server.ViewError, match=r"^no latex2mathml here, which pages need: pip install 'redraft\[view\]'$"
    ):
        server.check_packages()


def test_a_port_that_is_not_for_every_user_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Forbidden(socket.socket):
        def bind(self, address: Any) -> None:
            raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(server.socket, "socket", Forbidden)
    with pytest.raises(server.ViewError, match="port 80 is not for every user: choose one from 1024"):
        server._listen(80)  # pyright: ignore[reportPrivateUsage]


def test_the_store_is_free_between_pages(own: Path, serve: Serve) -> None:
    with serve(own) as address:
        get = browser(address)
        for path in ("/runs", "/problems", "/charts"):
            assert get(path)[0] == 200
            with duckdb.connect(str(own)) as connection:  # fails at once while anybody has the file
                connection.execute("SELECT 1")


def test_a_page_waits_for_a_writer_and_a_writer_for_no_page(own: Path, serve: Serve) -> None:
    """Writers and readers take turns for a while, and nobody fails."""
    store = Store(own)
    with serve(own) as address:
        get, failed, stop = browser(address), [], threading.Event()

        def look() -> None:
            while not stop.is_set():
                status, text = get("/runs")
                if status != 200:
                    failed.append(text)

        reader = threading.Thread(target=look)
        reader.start()
        slowest = 0.0
        for number in range(15):
            start = time.monotonic()
            run_id = store.start_run("generate", f"r{number}", "greedy", "m", {})
            store.end_run(run_id, "finished")
            slowest = max(slowest, time.monotonic() - start)
            time.sleep(0.05)
        stop.set()
        reader.join()
        assert failed == []
        assert slowest < 20
        assert get("/runs")[1].count("greedy") >= 15


HOLDER = """
import duckdb, sys, time
connection = duckdb.connect(sys.argv[1])
print("held", flush=True)
time.sleep(float(sys.argv[2]))"""


def test_a_page_of_a_held_store_comes_when_the_store_is_free(own: Path, serve: Serve) -> None:
    with serve(own) as address:
        get = browser(address)
        with subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(own), "3"], stdout=subprocess.PIPE, text=True
        ) as holder:
            assert holder.stdout
            holder.stdout.readline()
            start = time.monotonic()
            status, text = get("/runs")
            assert (status, "best_of_n" in text) == (200, True)
            assert time.monotonic() - start > 1


def test_a_store_that_stays_held_is_a_page_that_names_who_has_it(
    own: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    from redraft.flows.viewer import site
    from redraft.flows.viewer.app import ServerLinks
    from redraft.flows.viewer.store_reader import Reader
    from redraft.store import StoreError

    pages = site.Site(Reader(Store(own, waiting=lambda text: None)), ServerLinks())
    monkeypatch.setattr(site, "PATIENCE_S", 0.5)
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(own), "60"], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        holder.stdout.readline()
        with pytest.raises(StoreError) as told:
            pages.render(site.Address("runs"))
        holder.kill()
    assert str(holder.pid) in str(told.value)
    assert "\n" not in str(told.value)
    assert str(holder.pid) in pages.trouble(str(told.value))


def test_help_needs_no_package_of_the_extra(redraft: Redraft) -> None:
    done = redraft("view", "--help")
    assert done.returncode == 0
    for option in ("--db", "--port", "--by", "--export", "--problem", "--run", "--limit", "--overwrite"):
        assert option in done.stdout
