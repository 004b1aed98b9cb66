#!/usr/bin/env bash
# DuckDB 1.5.6: a view or a macro in a database file loses the words MATERIALIZED and NOT MATERIALIZED of its CTEs when
# the file is closed, if the file has the storage version that DuckDB gives by default.
#
# What surprises: CREATE VIEW ... WITH d AS NOT MATERIALIZED ... works as it says, and `duckdb_views()` shows the words.
#   After the file is opened again they are gone, without a message: the text of the view is another, and DuckDB decides
#   by itself, which means that a CTE that is read twice is kept whole. Views and table macros are alike. A file that was
#   attached with STORAGE_VERSION 'latest' keeps the words.
# Whom it hurts: who tunes a view over a large table, sees it fast, and ships the file. In one store of 100 million rows
#   the same question took 40 seconds of processor time before the file was closed, and 105 after it was opened again,
#   since 13 columns of all rows were written to the disk in place of two narrow readings.
# What to do instead: make what is read twice a macro of its own and call it twice; or attach the new file with
#   (STORAGE_VERSION 'latest'), which older versions of DuckDB can't read.
#
# Prints whether the words are in the catalog, and whether the plan keeps the CTE, before and after the file was closed,
# for both storage versions. Fails if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
python="$folder/venv/bin/python"
"$python" -m pip install --quiet "duckdb==1.5.6"
cat > "$folder/stored.py" <<'PYTHON'
import sys

import duckdb

QUERY = "WITH d AS NOT MATERIALIZED (SELECT range AS i, hash(range) AS h FROM range(10))" \
    " SELECT count(*) FROM d SEMI JOIN (SELECT i FROM d WHERE h > 5) e USING (i)"
CATALOG = """
    SELECT view_name, sql FROM duckdb_views() WHERE NOT internal
    UNION ALL SELECT function_name || '()', macro_definition FROM duckdb_functions()
    WHERE function_type = 'table_macro' AND NOT internal ORDER BY ALL"""


def told(connection):
    return [
        (name, "NOT MATERIALIZED" in text, "CTE" in connection.execute(f"EXPLAIN FROM {name}").fetchone()[1])
        for name, text in connection.execute(CATALOG).fetchall()
    ]


for file, option in (("default", ""), ("latest", "(STORAGE_VERSION 'latest')")):
    path = f"{sys.argv[1]}/{file}.duckdb"
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{path}' AS stored {option}; USE stored")
        connection.execute(f"CREATE VIEW asked AS {QUERY}; CREATE MACRO called() AS TABLE {QUERY}")
        before = told(connection)
    with duckdb.connect(path) as connection:
        after = told(connection)
    for when, found in (("made", before), ("opened again", after)):
        for name, kept, materialized in found:
            print(f"{file}, {when}: {name} has the words: {kept}; its plan keeps the CTE: {materialized}")
    right = [("asked", True, False), ("called()", True, False)]
    lost = [("asked", False, True), ("called()", False, True)]
    assert before == right and after == (right if option else lost), (before, after)
PYTHON
"$python" -c 'import duckdb; print("duckdb", duckdb.__version__)'
"$python" "$folder/stored.py" "$folder"
