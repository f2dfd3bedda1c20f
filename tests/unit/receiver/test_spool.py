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
REPORT = Report("13", "34600000001", "k7m2-x9q4", reported_at=NOON, reported_at_text="x", extra={"operador": "Año 🎉"})
HOLDS_A_FILE = """
import sys
from pathlib import Path
from datetime import UTC, datetime
from airflow_provider_rcs.api.models import Report
from airflow_provider_rcs.receiver.spool import Spool
from airflow_provider_rcs.store.landing import Arrivals
spool = Spool(Path(sys.argv[1]))
spool.append([Arrivals(datetime.now(UTC), [Report("13", api_message_id="8")])])
print("held", flush=True)
sys.stdin.read()
"""


def arrivals(*numbers: str) -> ReceivedReports:
    return ReceivedReports(NOON, [Report("13", api_message_id=number) for number in numbers])


def taken(spool: Spool) -> list[str]:
    return sorted(report.api_message_id for each in spool.take() for one in each for report in one.reports)


def test_what_is_taken_is_just_what_was_kept(tmp_path: Path) -> None:
    kept = [
        ReceivedReports(NOON, [REPORT, Report("11")], [RefusedReport("not JSON", "text/xml", bytes(range(256)))]),
        ReceivedReports(NOON, [REPORT], []),
    ]
    spool = Spool(tmp_path / "spool")

    spool.append(kept)

    assert list(spool.take()) == [kept]
    assert list((tmp_path / "spool").iterdir()) == []


def test_what_was_not_moved_is_there_the_next_time(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append([arrivals("1")])

    for _ in spool.take():
        break

    assert taken(Spool(tmp_path)) == ["1"]


def test_what_comes_while_files_are_taken_is_kept(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append([arrivals("1")])

    for _ in spool.take():
        spool.append([arrivals("2")])

    assert taken(spool) == ["2"]


def test_torn_last_line_takes_nothing_before_it_down(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append([arrivals("1")])
    spool.append([arrivals("2")])
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-5])

    assert taken(spool) == ["1"]
    assert list(tmp_path.iterdir()) == []


def test_unreadable_line_in_the_middle_keeps_the_file_for_a_person(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append([arrivals("1")])
    (file,) = tmp_path.iterdir()
    file.write_bytes(b"\0\0\0\n" + file.read_bytes())

    assert taken(spool) == ["1"]
    assert [path.suffix for path in tmp_path.iterdir()] == [".unreadable"]
    assert taken(spool) == []


def test_it_takes_no_more_than_its_limit_and_keeps_none_of_what_does_not_fit(tmp_path: Path) -> None:
    spool = Spool(tmp_path, megabytes=1)
    many = [arrivals(*map(str, range(100))) for _ in range(30)]
    spool.append(many)

    with pytest.raises(SpoolFullError):
        spool.append(many)

    assert len(taken(spool)) == 3_000
    spool.append(many)


def test_large_files_are_left_for_new_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "_BYTES_A_FILE", 1000)
    spool = Spool(tmp_path)

    for number in range(10):
        spool.append([arrivals(str(number))])

    assert len(list(tmp_path.iterdir())) > 1
    assert len(taken(spool)) == 10


def test_files_of_the_living_are_left_alone_and_those_of_the_dead_are_taken_over(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS_A_FILE, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        while_it_lives = taken(Spool(tmp_path))
        other.kill()

    assert while_it_lives == []
    assert taken(Spool(tmp_path)) == ["8"]


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    Spool(tmp_path / "spool").append([arrivals("1")])

    (file,) = (tmp_path / "spool").iterdir()
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
