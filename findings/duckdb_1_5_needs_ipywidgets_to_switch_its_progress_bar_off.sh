#!/usr/bin/env bash
# DuckDB 1.5.5 in a notebook: without the package ipywidgets, which would draw its progress bar, a program can't switch
# that bar off by SET.
#
# What surprises: DuckDB's Python client notices a Jupyter kernel. Where ipywidgets is missing it has no bar to show
#   (`current_setting('enable_progress_bar')` is false), and yet every statement on its settings raises
#   InvalidInputException, because a package "is needed to render progress bars": SET enable_progress_bar = false,
#   RESET, and SET enable_progress_bar_print = false. The pragma for the same setting, PRAGMA disable_progress_bar, works.
# Whom it hurts: a library that sets its connections up by SET, such as one that keeps the bar out of its own output. It
#   works in scripts, in IPython's terminal and in every notebook with ipywidgets, and fails at `connect` in the others.
# What to do instead: PRAGMA disable_progress_bar, which means the same everywhere.
#
# Prints what four statements do in a kernel without ipywidgets, and with it. Fails if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
python="$folder/venv/bin/python"
"$python" -m pip install --quiet "duckdb==1.5.5" "ipykernel==7.4.0" "nbclient==0.11.0"
cat > "$folder/cell.py" <<'PYTHON'
import duckdb

for statement in (
    "SET enable_progress_bar = false",
    "RESET enable_progress_bar",
    "SET enable_progress_bar_print = false",
    "PRAGMA disable_progress_bar",
):
    connection = duckdb.connect()
    try:
        connection.execute(statement)
        print(statement, "->", connection.execute("SELECT current_setting('enable_progress_bar')").fetchone()[0])
    except duckdb.InvalidInputException:
        print(statement, "-> InvalidInputException")
PYTHON
cat > "$folder/run.py" <<'PYTHON'
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

cell = nbformat.v4.new_code_cell(Path(sys.argv[1]).read_text())
NotebookClient(nbformat.v4.new_notebook(cells=[cell]), kernel_name="python3").execute()
said = "".join(output["text"] for output in cell.outputs)
print(said, end="")
results = [line.rpartition("-> ")[2] for line in said.splitlines()]
assert results == sys.argv[2:], results
PYTHON
"$python" -c 'import duckdb; print("duckdb", duckdb.__version__)'
raises=InvalidInputException
echo "without ipywidgets:"
"$python" "$folder/run.py" "$folder/cell.py" $raises $raises $raises False
"$python" -m pip install --quiet "ipywidgets==8.1.9"
echo "with ipywidgets:"
"$python" "$folder/run.py" "$folder/cell.py" False False True False
