"""Who decides."""

from __future__ import annotations

import pwd

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.cli.main import main
from tests.unit.store.given import ANA, planned


@pytest.fixture
def no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run as a user whom the machine knows by number alone, as containers may."""

    def unknown(uid: int) -> None:
        raise KeyError(uid)

    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)


def test_a_user_without_a_name_has_to_say_who_decides(
    engine: sa.Engine, store_url: str, no_name: None, capsys: pytest.CaptureFixture[str]
) -> None:
    planned(engine, [ANA])
    cancel = ["cancel", "spring", "--reason", "a wrong price", "--store-url", store_url]

    assert (main(cancel), main([*cancel, "--by", "Eva"])) == (2, 0)

    assert "by: it is empty. Name who decides" in capsys.readouterr().err
