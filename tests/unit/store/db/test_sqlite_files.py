"""SQLite stores whose path is wrong."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsStoreError, RcsStoreUnavailable
from airflow_provider_rcs.store.db.engine import engine_from_url
from airflow_provider_rcs.store.db.migrate import migrate, require_migrated
from airflow_provider_rcs.store.db.sqlite_files import file_of, require_usable_file

Function = Callable[[sa.Engine], object]


@pytest.mark.parametrize("function", [migrate, require_migrated])
def test_a_path_that_is_a_folder_is_named(tmp_path: Path, function: Function) -> None:
    with pytest.raises(RcsStoreError, match=f"{tmp_path} is a folder, and not a file"):
        function(engine_from_url(f"sqlite:///{tmp_path}"))


@pytest.mark.parametrize("function", [migrate, require_migrated])
def test_a_file_that_is_no_database_is_named_and_not_changed(tmp_path: Path, function: Function) -> None:
    other = tmp_path / "customers.csv"
    other.write_text("phone,name\n", encoding="utf-8")

    with pytest.raises(RcsStoreError, match=f"{other} is not a SQLite database") as refused:
        function(engine_from_url(f"sqlite:///{other}"))

    assert not isinstance(refused.value, RcsStoreUnavailable)
    assert [(each.name, each.read_text(encoding="utf-8")) for each in tmp_path.iterdir()] == [
        ("customers.csv", "phone,name\n")
    ]


@pytest.mark.parametrize(
    ("file", "problem"), [("store.db", "this user may not read and write"), ("rcs/store.db", "there is no folder")]
)
def test_a_folder_that_cannot_be_entered_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, problem: str
) -> None:
    stat = os.stat

    def refusing(path: Path, **options: bool) -> os.stat_result:
        if tmp_path in Path(path).parents:
            raise PermissionError(errno.EACCES, "Permission denied")
        return stat(path, **options)

    monkeypatch.setattr(os, "stat", refusing)
    monkeypatch.setattr(os, "access", lambda *_: False)

    with pytest.raises(RcsStoreError, match=f"{problem} {tmp_path}"):
        require_usable_file(sa.make_url(f"sqlite:///{tmp_path}/{file}"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to everything")
@pytest.mark.parametrize("function", [migrate, require_migrated])
def test_a_folder_that_must_not_be_written_to_is_named(tmp_path: Path, function: Function) -> None:
    engine = engine_from_url(f"sqlite:///{tmp_path}/store.db")
    migrate(engine)
    tmp_path.chmod(0o500)

    with pytest.raises(RcsStoreError, match=f"this user may not read and write {tmp_path}"):
        function(engine)

    tmp_path.chmod(0o700)


def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    (tmp_path / "store.db").touch()
    engine = engine_from_url(f"sqlite:///{tmp_path}/store.db")

    migrate(engine)

    require_migrated(engine)


def test_a_relative_path_is_named_from_the_root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(RcsStoreUnavailable, match=f"there is no folder {tmp_path}/~/rcs for store.db"):
        migrate(engine_from_url("sqlite:///~/rcs/store.db"))


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "postgresql://host/var/lib/store.db"])
def test_other_stores_are_no_files(url: str) -> None:
    require_usable_file(sa.make_url(url))

    assert file_of(sa.make_url(url)) is None
