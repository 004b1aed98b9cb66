"""A query reads the store and nothing else, whatever it tries, on every kind of store."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from redraft.store import Problem, Store
from redraft.store.ducklake.address import is_ducklake
from redraft.store.errors import QueryError

TRIES = """
COPY (SELECT 1) TO '{out}'
COPY (SELECT 1) TO '{inside}/x.parquet' (FORMAT parquet)
COPY problems TO '{inside}/x.csv'
COPY raw.problems FROM '{inside}/x.csv'
COPY FROM DATABASE {db} TO memory
EXPORT DATABASE '{inside}/dump'
IMPORT DATABASE '{inside}/dump'
ATTACH '{out}' AS other
ATTACH '{inside}/x.duckdb' AS other
ATTACH ':memory:' AS other
DETACH {db}
USE memory
INSTALL httpfs
LOAD httpfs
FORCE INSTALL ducklake FROM core
INSERT INTO raw.problems (problem_id) VALUES ('x')
UPDATE raw.problems SET answer = '1'
DELETE FROM raw.problems
TRUNCATE raw.problems
MERGE INTO raw.problems p USING runs s ON p.problem_id = s.run_id WHEN MATCHED THEN DELETE
CREATE TABLE mine AS SELECT 1
CREATE TEMP TABLE mine AS SELECT 1
CREATE VIEW mine AS SELECT 1
CREATE OR REPLACE VIEW problems AS SELECT 1
CREATE MACRO mine() AS 1
CREATE SECRET mine (TYPE s3)
DROP VIEW problems
ALTER TABLE raw.problems ADD COLUMN x INTEGER
COMMENT ON VIEW problems IS 'mine'
SET memory_limit = '1GB'
SET VARIABLE files_problems = ['/etc/passwd']
RESET ALL
PRAGMA enable_profiling
PRAGMA profiling_output = '{out}'
CHECKPOINT
VACUUM
ANALYZE
BEGIN
COMMIT
PREPARE mine AS SELECT 1
EXECUTE mine
CALL enable_logging('QueryLog', storage = 'file', storage_path = '{inside}/log')
FROM enable_logging('QueryLog', storage = 'file', storage_path = '{inside}/log')
SELECT (SELECT count(*) FROM "enable_logging"('QueryLog', storage = 'file', storage_path = '{inside}/log'))
WITH x AS (FROM Enable_Logging(storage = 'file', storage_path = '{inside}/log')) FROM x
PIVOT (FROM enable_logging(storage = 'file', storage_path = '{inside}/log')) ON a USING sum(b)
FROM query('FROM enable_logging(storage = ''file'', storage_path = ''{inside}/log'')')
FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))
FROM checkpoint()
FROM force_checkpoint()
EXPLAIN ANALYZE COPY (SELECT 1) TO '{inside}/x.csv'
EXPLAIN (ANALYZE, FORMAT json) COPY (SELECT 1) TO '{inside}/x.csv'
/* so */ EXPLAIN ANALYZE COPY (SELECT 1) TO '{inside}/x.csv'
EXPLAIN ANALYZE INSERT INTO raw.problems (problem_id) VALUES ('x')
SELECT 1; COPY (SELECT 1) TO '{inside}/x.csv'
FROM '/etc/passwd'
FROM read_text('/etc/passwd')
FROM read_csv('{inside}/../../../../../../../../etc/passwd')
FROM read_blob('/proc/self/environ')
FROM glob('/etc/*')
FROM '{out}'
FROM read_duckdb('{out}')
FROM sniff_csv('/etc/passwd')
FROM read_parquet('https://127.0.0.1:9/x.parquet')
FROM sqlite_scan('{out}', 'x')
"""
TRIES_OF_DUCKLAKE = """
INSERT INTO lake.raw.problems (problem_id) VALUES ('x')
UPDATE lake.raw.problems SET answer = '1'
CALL ducklake_add_data_files('lake', 'problems', '{inside}/x.parquet', schema => 'raw')
FROM ducklake_merge_adjacent_files('lake')
FROM ducklake_expire_snapshots('lake', versions => [1])
FROM ducklake_cleanup_old_files('lake', cleanup_all => true)
FROM ducklake_delete_orphaned_files('lake', cleanup_all => true)
CALL lake.set_option('target_file_size', '1MB')
CALL postgres_execute('__ducklake_metadata_lake', 'DROP TABLE redraft.ducklake_snapshot')
FROM postgres_query('__ducklake_metadata_lake', 'SELECT rolname FROM pg_roles')
FROM postgres_query('__ducklake_metadata_lake', 'SELECT pg_read_file(''/etc/passwd'')')
WITH x AS (FROM Postgres_Query('__ducklake_metadata_lake', 'SELECT 1')) FROM x
FROM postgres_scan('dbname=postgres', 'pg_catalog', 'pg_roles')
FROM postgres_attach('dbname=postgres')
FROM __ducklake_metadata_lake.pg_catalog.pg_roles
FROM __ducklake_metadata_lake.pg_roles
CREATE TABLE __ducklake_metadata_lake.mine AS SELECT 1
ATTACH 'dbname=postgres' AS other (TYPE postgres)
DETACH lake
USE lake
"""


@pytest.fixture(params=["file", "folder", "ducklake"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    names = {"file": str(tmp_path / "one.duckdb"), "folder": f"{tmp_path}/one/"}
    store = Store(names.get(request.param) or request.getfixturevalue("ducklake"))
    store.add([Problem("1 + 1?", "2", problem_id="p")])
    return store


def everything(folder: Path) -> Iterator[tuple[str, int, int]]:
    """Every file and folder below, with its size and its time."""
    for path in sorted(folder.rglob("*")):
        if path.parent.name != "readers":
            status = path.stat()
            yield str(path), status.st_size if path.is_file() else 0, status.st_mtime_ns if path.is_file() else 0


def test_nothing_but_reading_is_admitted(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "outside.csv").write_text("secret\n1\n")
    shared = store.place.is_dir()
    [inside] = [path for path in store.place.glob("*") if path.name in ("segments", "raw")] if shared else [tmp_path]
    names = {"out": tmp_path / "outside.csv", "inside": inside, "db": "store" if shared else "one"}
    before = list(everything(tmp_path))
    lines = TRIES + (TRIES_OF_DUCKLAKE if is_ducklake(store.path) else "")
    tries = [line.format(**names) for line in lines.strip().splitlines() if line]
    assert len(tries) >= 40
    with store.held(read_only=True):
        for sql in tries:
            with pytest.raises(QueryError) as raised:
                store.query(sql)
            assert "\n" not in str(raised.value), sql
            assert "secret" not in str(raised.value), sql
            assert list(everything(tmp_path)) == before, sql
        assert store.query("SELECT problem_id, answer FROM problems").rows == [("p", "2")]
    for sql in tries[:3]:
        with pytest.raises(QueryError):
            store.export_parquet(sql, tmp_path / "new.parquet")
    assert list(everything(tmp_path)) == before


@pytest.mark.parametrize(
    "sql",
    [
        "FROM problems", "SELECT * FROM range(3)", "DESCRIBE problems", "SHOW ALL TABLES", "SUMMARIZE problems",
        "VALUES (1)", "TABLE problems", "WITH x AS (SELECT 1 AS a) FROM x", "EXPLAIN FROM problems",
        "explain analyze SELECT 1", "EXPLAIN (FORMAT json) SELECT 1", "PRAGMA table_info('problems')",
        "PIVOT problems ON problem_id USING count(*)", "FROM (PIVOT problems ON split USING count(*))",
        "FROM duckdb_columns()", "SELECT unnest([1, 2])", "FROM raw.sampled_in('r', '')", "-- why\nSELECT 1",
        "SELECT j.key FROM problems, json_each(meta) j", "SELECT version() AS version",
    ],
)  # fmt: skip
def test_what_reads_is_admitted(store: Store, sql: str) -> None:
    assert store.query(sql).columns
