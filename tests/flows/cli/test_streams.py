"""Standard streams that are closed, full or gone, and stores that are no files."""

import json
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from threading import Thread

import pytest

REDRAFT = Path(sys.executable).with_name("redraft")
TINY = ("generate", "builtin:levels=1", "--limit", "1", "--samples", "1", "--max-tokens", "60")


def shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs a line of bash in which $redraft is the program; it fails if any command of a pipe fails."""
    line = ["bash", "-o", "pipefail", "-c", command]
    return subprocess.run(line, capture_output=True, text=True, cwd=folder, env={"redraft": str(REDRAFT)}, check=False)


@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"])
def test_a_closed_stream_stops_nothing(tmp_path: Path, closed: str) -> None:
    assert shell(f"$redraft {' '.join(TINY)} {closed}", tmp_path).returncode == 0
    counted = shell("$redraft query 'SELECT count(*) AS n FROM trajectories' --csv", tmp_path)
    assert counted.stdout.split() == ["n", "1"]


@pytest.mark.parametrize("command", ["strategies", "strategies correct", "--help", "doctor"])
def test_a_reader_may_leave(tmp_path: Path, command: str) -> None:
    found = shell(f"$redraft {command} | head -n 1", tmp_path)
    assert (found.returncode, found.stderr) == (0, "")


@pytest.mark.parametrize("command", ["strategies", "--help", "query 'SELECT 1' --csv --db r.duckdb", " ".join(TINY)])
def test_a_full_output_is_one_line(tmp_path: Path, command: str) -> None:
    made = shell(f"$redraft {' '.join(TINY)} --db r.duckdb", tmp_path)
    assert made.returncode == 0
    found = shell(f"$redraft {command} > /dev/full", tmp_path)
    assert found.returncode == 2
    assert found.stderr.splitlines()[-1] == (
        "redraft: standard output: No space left on device: send it elsewhere; what was stored is safe"
    )


def test_a_name_that_looks_like_a_service_is_a_file(tmp_path: Path) -> None:
    for name in ("md:notes", "postgres:notes", "s3:notes"):
        assert shell(f"$redraft {' '.join(TINY)} --db {name}", tmp_path).returncode == 0
        assert (tmp_path / name).is_file()
        assert shell(f"$redraft doctor --db {name}", tmp_path).returncode == 0


def test_a_store_in_memory_is_refused_before_anything_is_paid_for(tmp_path: Path) -> None:
    found = shell(f"$redraft {' '.join(TINY)} --db :memory:", tmp_path)
    assert (found.returncode, found.stdout) == (2, "")
    assert "a store in memory would be lost at once: name a file" in found.stderr


class Dying(BaseHTTPRequestHandler):
    """A server that answers two questions, and every other with an error of its own."""

    asked = count()

    def do_GET(self) -> None:
        self._answer(200, {"data": []})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        choice = {"index": 0, "message": {"role": "assistant", "content": "#### 4"}, "finish_reason": "stop"}
        if next(self.asked) < 2:
            self._answer(200, {"choices": [choice], "usage": {"prompt_tokens": 5, "completion_tokens": 3}})
        else:
            self._answer(500, {"error": {"message": "it died"}})

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _answer(self, status: int, body: object) -> None:
        told = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)


@pytest.mark.parametrize("patience", ["0", "1"])
def test_a_provider_that_fails_is_no_mistake_of_the_user(tmp_path: Path, patience: str) -> None:
    """Without patience the run ends in the middle, and with some of it all problems may fail."""
    Dying.asked = count()
    with ThreadingHTTPServer(("127.0.0.1", 0), Dying) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        asked = "$redraft generate builtin:levels=1 --limit 6 --samples 1 --strategy greedy --model tiny"
        found = shell(f"{asked} --patience {patience} --api-base {address} --concurrency 1", tmp_path)
        server.shutdown()
    assert (found.returncode, "it died" in found.stdout + found.stderr) == (1, True), found
