"""The checks of a spool's folder."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from airflow_provider_rcs.doctor import spool
from airflow_provider_rcs.doctor.findings import Finding, Level
from airflow_provider_rcs.doctor.spool import check_folder

MEGABYTE = 1024 * 1024


def mount(monkeypatch: pytest.MonkeyPatch, folder: Path, kind: str) -> None:
    """Pretend that a folder is on a file system of this kind."""
    mounts = folder.parent / "mounts"
    mounts.write_text(f"/dev/root / ext4 rw 0 0\n/dev/x {folder} {kind} rw 0 0\n")
    monkeypatch.setattr(spool, "_MOUNTS", mounts)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "spool"
    folder.mkdir(mode=0o700)
    mount(monkeypatch, folder, "ext4")
    return folder


def check(folder: Path, max_bytes: int = MEGABYTE) -> dict[Level, Finding]:
    return {each.level: each for each in check_folder(folder, max_bytes)}


def test_a_private_folder_with_room_is_good(folder: Path) -> None:
    assert [*check(folder)] == [Level.OK]


def test_a_folder_that_does_not_exist_yet_is_good_if_it_can_be_made(folder: Path) -> None:
    assert [*check(folder / "of" / "a store")] == [Level.OK]


def test_a_file_in_place_of_a_folder_is_a_failure(folder: Path) -> None:
    (folder / "file").touch()

    assert "is no folder" in check(folder / "file")[Level.FAILED].text


def test_a_folder_that_cannot_be_written_is_a_failure(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)

    assert "cannot be written by this user" in check(folder)[Level.FAILED].text


def test_a_folder_below_one_that_cannot_be_entered_is_a_failure(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    below = folder / "of" / "a store"
    stat = os.stat

    def refusing(path: Path, **options: bool) -> os.stat_result:
        if folder in Path(path).parents:
            raise PermissionError(errno.EACCES, "Permission denied")
        return stat(path, **options)

    monkeypatch.setattr(os, "stat", refusing)
    monkeypatch.setattr(os, "access", lambda *_: False)

    assert f"{folder} cannot be written by this user" in check(below)[Level.FAILED].text


def test_a_folder_that_anybody_can_read_is_a_warning(folder: Path) -> None:
    folder.chmod(0o755)

    assert f"chmod 700 {folder}" in check(folder)[Level.WARNING].text


@pytest.mark.parametrize("kind", ["tmpfs", "overlay"])
def test_a_folder_that_a_restart_may_empty_is_a_warning(
    folder: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    mount(monkeypatch, folder, kind)

    assert f"{folder} is on {kind}, which a restart may empty" in check(folder)[Level.WARNING].text


def test_a_volume_with_less_room_than_the_spool_may_take_is_a_warning(folder: Path) -> None:
    assert "Make room" in check(folder, 2**60)[Level.WARNING].text


def test_a_machine_that_does_not_say_its_file_systems_is_not_judged(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "_MOUNTS", folder / "none")

    assert [*check(folder)] == [Level.OK]
