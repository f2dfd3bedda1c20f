"""Who decides."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.cli.main import main
from tests.unit.store.given import ANA, planned


def test_a_user_without_a_name_has_to_say_who_decides(
    engine: sa.Engine, store_url: str, no_name: None, capsys: pytest.CaptureFixture[str]
) -> None:
    planned(engine, [ANA])
    cancel = ["cancel", "spring", "--reason", "a wrong price", "--store-url", store_url]

    assert (main(cancel), main([*cancel, "--by", "Eva"])) == (2, 0)

    assert "by: it is empty. Name who decides" in capsys.readouterr().err
