"""Draws docs/demo.svg, the README's picture, from the actual terminal output of `redraft demo`."""

import os
import pty
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).parent.parent
COLUMNS, BAR = "100", "━━"
FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)  # removed, because these fonts would be downloaded


def printed() -> str:
    """Runs the demonstration in an empty folder on a terminal with 100 columns, and returns its output with colour
    codes."""
    reader, writer = pty.openpty()
    with tempfile.TemporaryDirectory() as folder:
        command = [str(Path(sys.executable).with_name("redraft")), "demo"]
        environment = os.environ | {"COLUMNS": COLUMNS, "LINES": "50", "TERM": "xterm-256color"}
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=writer, stderr=writer)
        os.close(writer)
        parts = []
        while True:
            try:
                part = os.read(reader, 65536)
            except OSError:  # the terminal is closed when its last process ends
                break
            if not part:
                break
            parts.append(part)
        process.wait()
    return b"".join(parts).decode("utf-8", "replace").replace("\r\n", "\n")


def draw(text: str, start: str, end: str, out: Path) -> None:
    """Draws the lines from `start` up to `end`. Each line is drawn as it was after the progress bar had moved on."""
    lines = [line.rpartition("\x1b[2K")[2] for line in text.split("\n")]
    first = next(i for i, line in enumerate(lines) if start in line)
    last = next(i for i, line in enumerate(lines) if end in line)
    kept = [line for line in lines[first:last] if BAR not in line]
    console = Console(record=True, width=int(COLUMNS), file=open(os.devnull, "w"), force_terminal=True)  # noqa: SIM115
    console.print(Text.from_ansi("\n".join(kept)))
    picture = console.export_svg(title="make demo")
    out.write_text(FONTS.sub("", picture))


if __name__ == "__main__":
    draw(printed(), "draft, judge, redraft", "Ask it in SQL", ROOT / "docs" / "demo.svg")
