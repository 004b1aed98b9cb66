"""What `--db` may say of a DuckLake, and what it must not hold."""

from pathlib import Path

import pytest

from redraft.store import Store
from redraft.store.ducklake.address import Address, is_ducklake, read_address
from redraft.store.errors import StoreError


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("dbname=a", Address("dbname=a")),
        ("dbname=a host=h  port = 5433", Address("dbname=a host=h port=5433")),
        ("dbname=a data_path=/shared/runs/", Address("dbname=a", data_path=Path("/shared/runs"))),
        ("metadata_schema=team dbname=a", Address("dbname=a", "team")),
        (r"dbname='it\'s a' data_path='/my runs'", Address(r"dbname='it\'s a'", data_path=Path("/my runs"))),
        (r"dbname=a options='-c a=b \\'", Address(r"dbname=a options='-c a=b \\'")),
        ("service=lake passfile=/run/pass", Address("service=lake passfile=/run/pass")),
        ("", Address("")),
    ],
)
def test_the_text_is_read_as_libpq_reads_it(text: str, address: Address) -> None:
    assert is_ducklake(f"ducklake:postgres:{text}")
    assert read_address(f"ducklake:postgres:{text}") == address


def test_a_relative_folder_is_that_of_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert read_address("ducklake:postgres:dbname=a data_path=runs").data_path == tmp_path / "runs"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("ducklake:runs.ducklake", "has its catalog in PostgreSQL: name it as --db 'ducklake:postgres:dbname="),
        ("ducklake:sqlite:hush.db", "has its catalog in PostgreSQL"),
        ("ducklake:postgres:postgresql://me:hush@db/a", "an address with :// can't name a store"),
        ("ducklake:postgres:dbname=a password=hush", "PGPASSWORD or write it into ~/.pgpass"),
        ("ducklake:postgres:dbname=a PASSWORD = 'hush hush'", "PGPASSWORD"),
        ("ducklake:postgres:dbname=a sslpassword=hush", "PGPASSWORD"),
        ("ducklake:postgres:dbname=a hush", "a part that is no key=value"),
        ("ducklake:postgres:dbname='hush", "a part that is no key=value"),
        ("ducklake:postgres:dbname=a data_path=s3://hush", "a folder that all machines share"),
    ],
)
def test_what_cannot_be_read_is_refused_and_not_repeated(text: str, says: str) -> None:
    with pytest.raises(StoreError) as raised:
        Store(text)
    assert says in str(raised.value)
    assert "hush" not in str(raised.value)
    assert "\n" not in str(raised.value)
