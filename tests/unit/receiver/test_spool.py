from __future__ import annotations

import errno
import fcntl
import json
import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from airflow_provider_rcs.api.accounts import ReportsConnection
from airflow_provider_rcs.api.models import InboundMessage, Report
from airflow_provider_rcs.receiver import spool as spool_module
from airflow_provider_rcs.receiver.spool import Spool, SpoolFullError, SpoolState
from airflow_provider_rcs.store.inbox.bodies import write_line
from airflow_provider_rcs.store.inbox.landing import ReceivedReports, RefusedReport
from tests.unit.receiver.undeletable import undeletable

NOON = datetime(2026, 5, 1, 12, 0, 0, 123456, tzinfo=UTC)
REPORT = Report("13", "+34600000001", "k7m2-x9q4", reported_at=NOON, reported_at_text="x", extra={"operador": "Año 🎉"})
LOCKS_A_FILE = """
import sys
from pathlib import Path
from datetime import UTC, datetime
from airflow_provider_rcs.api.models import InboundMessage, Report
from airflow_provider_rcs.receiver.spool import Spool
from airflow_provider_rcs.store.inbox.landing import ReceivedReports
spool = Spool(Path(sys.argv[1]))
spool.append([ReceivedReports(datetime.now(UTC), [Report("13", api_message_id="8")])])
print("locked", flush=True)
sys.stdin.read()
"""


def pushed(*numbers: str) -> ReceivedReports:
    return ReceivedReports(NOON, [Report("13", api_message_id=number) for number in numbers])


@contextmanager
def small_files_only(max_bytes: int) -> Iterator[None]:
    """Have the system refuse what this process writes beyond a size of each file, as a full disk does."""
    before, on_signal = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (max_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, on_signal)


def leave(folder: Path, *pushes: ReceivedReports) -> None:
    """Leave pushes in a file that nobody has locked."""
    spool = Spool(folder)
    spool.append(pushes)
    for _ in spool.drain():
        break


def drained(spool: Spool) -> list[str]:
    return sorted(report.api_message_id for each in spool.drain() for one in each for report in one.reports)


def test_draining_yields_exactly_what_was_appended(tmp_path: Path) -> None:
    appended = [
        ReceivedReports(NOON, [REPORT, Report("11")], [RefusedReport("not JSON", "text/xml", bytes(range(256)))], []),
        ReceivedReports(NOON, [REPORT], [], []),
        ReceivedReports(NOON, [REPORT], [], [InboundMessage("+34600000001", "¡BAJA!\n", NOON, extra={"x": "1"})]),
        ReceivedReports(NOON, [], [], [InboundMessage("600", sent_at_text="yesterday")]),
        ReceivedReports(NOON, [REPORT], [], [], ReportsConnection("panel", "spain")),
    ]
    spool = Spool(tmp_path / "spool")

    spool.append(appended)

    assert list(spool.drain()) == [appended]
    assert list((tmp_path / "spool").iterdir()) == []


def test_a_line_of_an_earlier_version_is_read_without_messages(tmp_path: Path) -> None:
    leave(tmp_path, pushed("1"))
    (file,) = tmp_path.iterdir()
    line = json.loads(file.read_bytes())
    del line["inbound"], line["let_in_by"]
    file.write_text(json.dumps(line) + "\n")

    assert list(Spool(tmp_path).drain()) == [[pushed("1")._replace(refused=[], inbound=[])]]


def test_what_was_not_moved_is_drained_the_next_time(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append([pushed("1")])

    for _ in spool.drain():
        break

    assert drained(Spool(tmp_path)) == ["1"]


def test_what_is_appended_while_the_spool_is_drained_is_kept(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append([pushed("1")])

    for _ in spool.drain():
        spool.append([pushed("2")])

    assert drained(spool) == ["2"]


def test_a_torn_last_line_does_not_affect_the_lines_before_it(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append([pushed("1")])
    spool.append([pushed("2")])
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-5])

    assert drained(spool) == ["1"]
    assert list(tmp_path.iterdir()) == []


def test_an_unreadable_line_in_the_middle_of_a_file_becomes_a_refused_body(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append([pushed("1")])
    (file,) = tmp_path.iterdir()
    file.write_bytes(b"{+34600000001\n" + file.read_bytes())

    [[readable, unreadable]] = list(spool.drain())

    assert [each.api_message_id for each in readable.reports] == ["1"]
    assert [(each.reason, each.body) for each in unreadable.refused] == [
        ("a line of the spool cannot be read", b"{+34600000001")
    ]
    assert list(tmp_path.iterdir()) == []


def test_a_phone_in_a_refused_body_is_in_clear_on_the_disk(tmp_path: Path) -> None:
    Spool(tmp_path).append([ReceivedReports(NOON, [], [RefusedReport("why", "text/plain", b"\xff 34+600+000+001")])])

    (file,) = tmp_path.iterdir()
    assert b"34+600+000+001" in file.read_bytes()


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (Path.mkdir, "it is not a regular file"),
        (os.mkfifo, "it is not a regular file"),
        (lambda path: path.symlink_to("/proc/self/mem"), "Input/output error"),
    ],
)
def test_an_entry_that_cannot_be_read_is_skipped_and_logged_once(
    tmp_path: Path, make: Callable[[Path], object], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    spool = Spool(tmp_path)
    spool.append([pushed("1")])
    make(tmp_path / "000.spool")

    assert [drained(spool), drained(spool)] == [["1"], []]
    assert caplog.text.count(f"000.spool cannot be read, and is skipped until it can ({reason})") == 1


def test_an_entry_that_the_disk_does_not_open_is_skipped_and_moved_once_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for number in ("1", "2"):
        leave(tmp_path, pushed(number))
    broken, open_ = min(tmp_path.iterdir()), os.open

    def failing_open(path: Path, *arguments: int) -> int:
        if path == broken:
            raise OSError(errno.EIO, "Input/output error")
        return open_(path, *arguments)

    spool = Spool(tmp_path)
    monkeypatch.setattr(os, "open", failing_open)
    while_it_fails = [drained(spool), drained(spool)]
    monkeypatch.undo()

    assert while_it_fails in ([["1"], []], [["2"], []])
    assert caplog.text.count(f"{broken} cannot be opened, and is skipped until it can (Input/output error)") == 1
    assert sorted(while_it_fails[0] + drained(spool)) == ["1", "2"]


def test_an_entry_that_cannot_be_deleted_is_drained_once_and_deleted_once_it_can(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    leave(tmp_path, pushed("1"))
    (file,) = tmp_path.iterdir()
    spool = Spool(tmp_path)

    with undeletable(file):
        assert [drained(spool), drained(spool), spool.state().entries] == [["1"], [], 0]
    assert drained(spool) == []

    (line,) = [each.message for each in caplog.records]
    assert line.startswith(
        f"The spool's entry {file} cannot be deleted; its reports are in the store, so delete it by hand ("
    )
    assert list(tmp_path.iterdir()) == []


def test_an_append_that_the_disk_refuses_leaves_nothing_of_it(tmp_path: Path) -> None:
    spool = Spool(tmp_path)

    with small_files_only(20), pytest.raises(OSError, match="File too large"):
        spool.append([pushed("1")])
    left = list(tmp_path.iterdir())
    spool.append([pushed("2")])
    with small_files_only(300), pytest.raises(OSError, match="File too large"):
        spool.append([pushed(*map(str, range(100)))])

    assert left == []
    (file,) = tmp_path.iterdir()
    assert file.read_bytes().count(b"\n") == 1
    assert file.read_bytes().endswith(b"\n")
    assert drained(spool) == ["2"]


def test_a_spool_is_usable_next_to_an_entry_whose_size_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "loop.spool").symlink_to("loop.spool")
    spool = Spool(tmp_path)

    spool.append([pushed("1")])

    assert spool.state().has_room
    assert drained(spool) == ["1"]


def test_the_state_counts_the_requests_that_wait_and_dates_the_oldest(tmp_path: Path) -> None:
    for received_at in (NOON + timedelta(hours=1), NOON, NOON + timedelta(hours=2)):
        leave(tmp_path, ReceivedReports(received_at, [REPORT]), ReceivedReports(received_at, [REPORT]))
    (tmp_path / "folder.spool").mkdir()
    spool = Spool(tmp_path)

    before, _, after = spool.state(), list(spool.drain()), spool.state()

    assert before == SpoolState(entries=6, oldest=NOON, has_room=True)
    assert after == SpoolState(entries=0, oldest=None, has_room=True)


@pytest.mark.slow
def test_a_full_spool_saves_nothing_of_what_does_not_fit(tmp_path: Path) -> None:
    spool = Spool(tmp_path, megabytes=1)
    many = [pushed(*map(str, range(100))) for _ in range(30)]
    spool.append(many)

    with pytest.raises(SpoolFullError):
        spool.append(many)

    assert len(drained(spool)) == 3_000
    spool.append(many)


@pytest.mark.slow
def test_a_large_file_is_closed_and_a_new_one_created(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "_MAX_FILE_BYTES", 1000)
    spool = Spool(tmp_path)

    for number in range(10):
        spool.append([pushed(str(number))])

    assert len(list(tmp_path.iterdir())) > 1
    assert len(drained(spool)) == 10


@pytest.mark.slow
def test_files_of_running_processes_are_skipped_and_those_of_dead_ones_drained(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", LOCKS_A_FILE, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"locked\n"
        while_it_runs = drained(Spool(tmp_path))
        other.kill()

    assert while_it_runs == []
    assert drained(Spool(tmp_path)) == ["8"]


def test_only_its_owner_can_read_the_spool(tmp_path: Path) -> None:
    Spool(tmp_path / "a" / "spool").append([pushed("1")])
    assert Spool(tmp_path / "b" / "spool").state().has_room

    (file,) = (tmp_path / "a" / "spool").iterdir()
    modes = [each.stat().st_mode & 0o777 for each in (file, file.parent, tmp_path / "b" / "spool")]
    assert modes == [0o600, 0o700, 0o700]


def test_a_spool_whose_folder_cannot_be_created_has_no_room(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert Spool(tmp_path / "file" / "spool").state() == SpoolState(0, None, has_room=False)


def test_a_file_that_has_reached_its_greatest_size_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "_MAX_FILE_BYTES", len(write_line(pushed("1"))))
    spool = Spool(tmp_path)

    for number in ("1", "2"):
        spool.append([pushed(number)])

    assert len(list(tmp_path.iterdir())) == 2


def test_a_file_that_another_process_moves_while_the_spool_is_drained_is_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(tmp_path, pushed("1"))
    spool = Spool(tmp_path)
    left = list(tmp_path.iterdir())
    monkeypatch.setattr(spool, "_files", lambda: [tmp_path / "moved.spool", *left])

    assert drained(spool) == ["1"]


def test_a_spool_holds_256_megabytes_unless_another_size_is_given(tmp_path: Path) -> None:
    assert (Spool(tmp_path).max_bytes, Spool(tmp_path, 3).max_bytes) == (268_435_456, 3_145_728)
    assert Spool(tmp_path).folder == tmp_path


def test_a_spool_is_full_once_no_byte_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "loop.spool").symlink_to("loop.spool")  # Its size cannot be read.
    spool = Spool(tmp_path)
    size = len(write_line(pushed("1")))
    monkeypatch.setattr(spool, "_max_bytes", 2 * size)

    rooms = []
    for number in ("1", "2"):
        spool.append([pushed(number)])
        rooms.append(spool.state().has_room)

    assert rooms == [True, False]
    with pytest.raises(SpoolFullError):
        spool.append([pushed("3")])
    assert drained(spool) == ["1", "2"]


def test_an_entry_that_cannot_be_read_holds_nothing_that_waits(tmp_path: Path) -> None:
    (tmp_path / "0.spool").symlink_to("/proc/self/mem")

    assert Spool(tmp_path).state() == SpoolState(entries=0, oldest=None, has_room=True)


def test_an_unreadable_line_waits_without_a_date(tmp_path: Path) -> None:
    (tmp_path / "0.spool").write_bytes(b"x\n")

    assert Spool(tmp_path).state() == SpoolState(entries=1, oldest=None, has_room=True)


@pytest.mark.parametrize(("free", "has_room"), [(1024 * 1024 - 1, False), (1024 * 1024, True)])
def test_a_spool_on_a_full_disk_has_no_room(
    free: int, has_room: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def disk_usage(path: object) -> SimpleNamespace:
        asked.append(path)
        return SimpleNamespace(free=free)

    monkeypatch.setattr(shutil, "disk_usage", disk_usage)

    assert Spool(tmp_path / "a" / "spool").state() == SpoolState(0, None, has_room)
    assert asked == [tmp_path / "a" / "spool"]


def test_a_spool_in_a_folder_that_cannot_be_written_has_no_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[object, int]] = []

    def access(path: object, mode: int) -> bool:
        asked.append((path, mode))
        return False

    monkeypatch.setattr(os, "access", access)

    assert not Spool(tmp_path).state().has_room
    assert asked == [(tmp_path, os.W_OK)]


def test_a_file_that_another_process_deletes_as_it_is_created_is_created_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flock = fcntl.flock
    deleted: list[Path] = []

    def delete_first(descriptor: int, operation: int) -> None:
        if not deleted:
            deleted.extend(tmp_path.iterdir())
            deleted[0].unlink()
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", delete_first)
    spool = Spool(tmp_path)

    spool.append([pushed("1")])

    assert [each.name for each in tmp_path.iterdir()] != [deleted[0].name]
    assert drained(spool) == ["1"]


def test_the_folder_is_flushed_before_what_is_appended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fsync, flushed = os.fsync, []

    def recording(descriptor: int) -> None:
        flushed.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", recording)
    spool = Spool(tmp_path)

    for number in ("1", "2"):
        spool.append([pushed(number)])

    assert flushed == ["folder", "file", "file"]


def open_files(folder: Path) -> list[Path]:
    found = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # Threads of other tests open and close files meanwhile.
            found.append(descriptor.readlink())
    return [path for path in found if path.is_relative_to(folder)]


def test_no_file_of_the_spool_stays_open(tmp_path: Path) -> None:
    (tmp_path / "folder.spool").mkdir()
    leave(tmp_path, pushed("1"))

    spool = Spool(tmp_path)
    spool.append([pushed("2")])
    assert drained(spool) == ["1", "2"]

    assert open_files(tmp_path) == []
    assert [each.name for each in tmp_path.iterdir()] == ["folder.spool"]


def test_an_empty_file_of_a_dead_process_is_deleted_and_yields_nothing(tmp_path: Path) -> None:
    (tmp_path / "0.spool").touch()

    assert list(Spool(tmp_path).drain()) == []
    assert list(tmp_path.iterdir()) == []


def test_the_torn_and_the_unreadable_lines_of_a_file_are_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "0.spool").write_bytes(b"x\ny\n" + write_line(pushed("1")) + b"{")

    [pushes] = Spool(tmp_path).drain()

    assert [each.message for each in caplog.records] == [
        "Skipped the torn last line of a spool file: its process died before it answered that request",
        "A spool file has 2 unreadable line(s), which go to the table rcs_report_refused",
    ]
    assert pushes[0] == pushed("1")._replace(refused=[], inbound=[])
    assert pushes[1].refused == [
        RefusedReport("a line of the spool cannot be read", "application/octet-stream", line) for line in (b"x", b"y")
    ]
    assert datetime.now(UTC) - pushes[1].received_at < timedelta(hours=1)


def test_the_state_of_a_full_spool_is_known_without_reading_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(tmp_path, pushed("1"))
    spool = Spool(tmp_path)
    first = spool.state()
    spool.append([pushed("2")])
    reads: list[Path] = []
    count = spool_module._count_entries

    def recording(path: Path) -> tuple[int, datetime | None]:
        reads.append(path)
        return count(path)

    monkeypatch.setattr(spool_module, "_count_entries", recording)

    states = [spool.state(), spool.state()]

    assert ([first.entries, *(each.entries for each in states)], len(reads)) == ([1, 2, 2], 1)
