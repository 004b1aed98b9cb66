#!/usr/bin/env bash
# DuckDB 2.0.0 opens a file that 1.5.6 wrote, and refuses a view in it: GROUP BY ALL beside unnest() of an aggregate.
#
# What surprises: `SELECT team, unnest([max(points), min(points)]) FROM games GROUP BY ALL` works in 1.5.6, which groups by
#   `team`, since the other column holds an aggregate. 2.0.0 takes the unnest() for a key and refuses to bind. A view is
#   kept in the file as text, so that it breaks when the file is opened by the newer version; the tables are read as ever,
#   and nothing is said before somebody asks the view.
# Whom it hurts: whoever ships database files with views, and is read by DuckDB of another version.
# What to do instead: name the keys. `GROUP BY team` is read the same by both versions.
#
# Prints what each version says to both spellings. Fails if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/write.py" <<'PYTHON'
import sys

import duckdb

with duckdb.connect(sys.argv[1]) as connection:
    connection.execute("CREATE TABLE games AS FROM (VALUES ('red', 2), ('red', 5), ('blue', 7)) AS games(team, points)")
    for view, keys in (("by_all", "ALL"), ("by_name", "team")):
        connection.execute(f"""
            CREATE VIEW {view} AS
            SELECT team, unnest([max(points), min(points)]) AS points FROM games GROUP BY {keys} ORDER BY 1, 2""")
PYTHON
cat > "$folder/read.py" <<'PYTHON'
import sys

import duckdb

with duckdb.connect(sys.argv[1], read_only=True) as connection:
    for view in ("by_all", "by_name"):
        try:
            said = connection.execute(f"FROM {view}").fetchall()
        except duckdb.BinderException as error:
            said = str(error).splitlines()[0]
        print(f"DuckDB {duckdb.__version__}, {view}: {said}")
PYTHON
for version in 1.5.6 2.0.0; do
    python3 -m venv "$folder/$version"
    "$folder/$version/bin/python" -m pip install --quiet "duckdb==$version"
done
"$folder/1.5.6/bin/python" "$folder/write.py" "$folder/games.duckdb"
for version in 1.5.6 2.0.0; do
    "$folder/$version/bin/python" "$folder/read.py" "$folder/games.duckdb"
done | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN'
DuckDB 1.5.6, by_all: [('blue', 7), ('blue', 7), ('red', 2), ('red', 5)]
DuckDB 1.5.6, by_name: [('blue', 7), ('blue', 7), ('red', 2), ('red', 5)]
DuckDB 2.0.0, by_all: Binder Error: Cannot group on an UNNEST or UNLIST clause
DuckDB 2.0.0, by_name: [('blue', 7), ('blue', 7), ('red', 2), ('red', 5)]
SEEN
