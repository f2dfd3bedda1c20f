from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from airflow_provider_rcs.api.models import Report
from airflow_provider_rcs.receiver import spool as spool_module
from airflow_provider_rcs.receiver.spool import Spool, SpoolFullError
from airflow_provider_rcs.store.inbox.landing import ReceivedReports, RefusedReport

NOON = datetime(2026, 5, 1, 12, 0, 0, 123456, tzinfo=UTC)
REPORT = Report("13", "+34600000001", "k7m2-x9q4", reported_at=NOON, reported_at_text="x", extra={"operador": "Año 🎉"})
LOCKS_A_FILE = """
import sys
from pathlib import Path
from datetime import UTC, datetime
from airflow_provider_rcs.api.models import Report
from airflow_provider_rcs.receiver.spool import Spool
from airflow_provider_rcs.store.inbox.landing import ReceivedReports
spool = Spool(Path(sys.argv[1]))
spool.append([ReceivedReports(datetime.now(UTC), [Report("13", api_message_id="8")])])
print("locked", flush=True)
sys.stdin.read()
"""


def pushed(*numbers: str) -> ReceivedReports:
    return ReceivedReports(NOON, [Report("13", api_message_id=number) for number in numbers])


def drained(spool: Spool) -> list[str]:
    return sorted(report.api_message_id for each in spool.drain() for one in each for report in one.reports)


def test_draining_yields_exactly_what_was_appended(tmp_path: Path) -> None:
    appended = [
        ReceivedReports(NOON, [REPORT, Report("11")], [RefusedReport("not JSON", "text/xml", bytes(range(256)))]),
        ReceivedReports(NOON, [REPORT], []),
    ]
    spool = Spool(tmp_path / "spool")

    spool.append(appended)

    assert list(spool.drain()) == [appended]
    assert list((tmp_path / "spool").iterdir()) == []


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


def test_a_file_with_an_unreadable_line_in_the_middle_is_set_aside(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append([pushed("1")])
    (file,) = tmp_path.iterdir()
    file.write_bytes(b"\0\0\0\n" + file.read_bytes())

    assert drained(spool) == ["1"]
    assert [path.suffix for path in tmp_path.iterdir()] == [".unreadable"]
    assert drained(spool) == []


def test_a_full_spool_saves_nothing_of_what_does_not_fit(tmp_path: Path) -> None:
    spool = Spool(tmp_path, megabytes=1)
    many = [pushed(*map(str, range(100))) for _ in range(30)]
    spool.append(many)

    with pytest.raises(SpoolFullError):
        spool.append(many)

    assert len(drained(spool)) == 3_000
    spool.append(many)


def test_a_large_file_is_closed_and_a_new_one_created(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "_MAX_FILE_BYTES", 1000)
    spool = Spool(tmp_path)

    for number in range(10):
        spool.append([pushed(str(number))])

    assert len(list(tmp_path.iterdir())) > 1
    assert len(drained(spool)) == 10


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
    Spool(tmp_path / "spool").append([pushed("1")])

    (file,) = (tmp_path / "spool").iterdir()
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
