from __future__ import annotations

import threading
from typing import Any

import pytest

from airflow_provider_rcs.api.errors import RcsStoreUnavailable
from airflow_provider_rcs.receiver import background
from airflow_provider_rcs.receiver.background import BackgroundFolding
from tests.unit.receiver.pushing import wait_until


@pytest.fixture(autouse=True)
def without_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "_SECONDS_BETWEEN_FOLDS", 0)


def test_landing_during_a_fold_brings_one_more_fold_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    folds: list[str] = []
    release = threading.Event()

    def fold(engine: Any) -> None:
        folds.append(engine)
        assert release.wait(10)

    monkeypatch.setattr(background, "fold", fold)
    folding = BackgroundFolding(lambda: "the engine")  # type: ignore[arg-type, return-value]

    folding.wake()
    wait_until(lambda: folds)
    for _ in range(10):
        folding.wake()
    assert folds == ["the engine"]

    release.set()
    wait_until(lambda: len(folds) == 2)


@pytest.mark.parametrize(
    ("error", "told"),
    [(RcsStoreUnavailable("store: it is gone"), "store: it is gone"), (ValueError("34600000001"), "ValueError")],
)
def test_failed_fold_is_logged_without_data_and_made_again_at_the_next_landing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception, told: str
) -> None:
    engine = object()
    folds: list[object] = []

    def fold(given: Any) -> None:
        # The threads of other tests live on, and may fold once more.
        if given is engine:
            folds.append(given)
            if len(folds) == 1:
                raise error

    monkeypatch.setattr(background, "fold", fold)
    folding = BackgroundFolding(lambda: engine)  # type: ignore[arg-type, return-value]

    folding.wake()
    wait_until(lambda: caplog.records)
    assert told in caplog.text
    assert "34600000001" not in caplog.text

    folding.wake()
    wait_until(lambda: len(folds) == 2)
