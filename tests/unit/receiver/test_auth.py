from __future__ import annotations

import asyncio
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator

import pytest

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.receiver import auth
from airflow_provider_rcs.receiver.auth import Authenticator, CachedCredentials, Credentials
from airflow_provider_rcs.receiver.responses import RequestRefusedError
from tests.unit.receiver.clock import Clock

CREDENTIALS = Credentials.of("reports", "pass:wörd", where="the test")
OLD = Credentials.of("reports", "old", where="the test")
NEW = Credentials.of("reports", "new", where="the test")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(auth, "time", clock)
    return clock


@pytest.fixture
def hang() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def header(text: str, scheme: str = "Basic ") -> bytes:
    return scheme.encode() + b64encode(text.encode())


def status_of(authenticator: Authenticator, password: str) -> int:
    try:
        asyncio.run(authenticator.check(header(f"reports:{password}")))
    except RequestRefusedError as refusal:
        return refusal.response.status
    return 200


def authenticator_of(look_up: Callable[[], Credentials | None]) -> Authenticator:
    return Authenticator({"rcs_reports": look_up})


def cached(look_up: Callable[[], Credentials | None]) -> CachedCredentials:
    return CachedCredentials("rcs_reports", look_up)


def get(credentials: CachedCredentials) -> Credentials | None:
    return asyncio.run(credentials.get())


def returning(*results: Credentials | Exception | None) -> Callable[[], Credentials | None]:
    """Return or raise these one after the other, and the last one from then on."""
    left = iter(results)
    last = results[-1]

    def look_up() -> Credentials | None:
        result = next(left, last)
        if isinstance(result, Exception):
            raise result
        return result

    return look_up


@pytest.mark.parametrize("scheme", ["Basic ", "basic ", "BASIC  "])
def test_right_login_and_password_match(scheme: str) -> None:
    assert CREDENTIALS.match(header("reports:pass:wörd", scheme))


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        b"",
        b"Basic",
        b"Basic not-base64!",
        b"Basic " + b64encode(b"reports"),
        header(":"),
        header("reports:"),
        header(":pass:wörd"),
        header("reports:pass"),
        header("reports:pass:wörd", "Bearer "),
        header("reports:pass:wörd ", "Basic "),
        "Basic ñ".encode(),
        header("reports:pass:wörd") + b"!",
    ],
)
def test_any_other_header_does_not_match(authorization: bytes | None) -> None:
    assert not CREDENTIALS.match(authorization)


@pytest.mark.parametrize(
    ("login", "password", "missing"),
    [
        (None, "x", "login"),
        ("", "x", "login"),
        ("x", None, "password"),
        ("x", "", "password"),
        ("x", "***", "password"),
    ],
)
def test_missing_login_or_password_is_an_error(login: str | None, password: str | None, missing: str) -> None:
    with pytest.raises(RcsInputError, match=f"the connection: its {missing} is missing"):
        Credentials.of(login, password, where="the connection")


@pytest.mark.parametrize(
    ("login", "password", "error"),
    [
        ("", "x", "its login is missing, so no report can be accepted. Set both."),
        (
            "x",
            "secret\n",
            (
                "its password contains a line break or another control character, which no request can send. "
                "Remove it; a file or a secret often ends with a line break."
            ),
        ),
        (
            "a:b",
            "x",
            (
                "its login contains a colon, at which a request's login ends, so no report can be accepted. "
                "Choose a login without a colon."
            ),
        ),
    ],
)
def test_the_error_about_credentials_says_what_to_do(login: str, password: str, error: str) -> None:
    with pytest.raises(RcsInputError) as refused:
        Credentials.of(login, password, where="the connection")

    assert str(refused.value) == f"the connection: {error}"


def test_credentials_are_not_shown() -> None:
    assert "reports" not in repr(CREDENTIALS)
    assert "pass" not in repr(CREDENTIALS)


def test_right_password_is_accepted_and_a_wrong_one_is_not() -> None:
    authenticator = authenticator_of(lambda: Credentials.of("reports", "secret", where="the test"))

    assert (status_of(authenticator, "secret"), status_of(authenticator, "wrong")) == (200, 401)


def test_no_request_is_accepted_without_configured_credentials() -> None:
    authenticator = authenticator_of(lambda: None)

    assert (status_of(authenticator, "secret"), status_of(authenticator, "")) == (503, 503)


def test_the_right_password_is_accepted_after_any_number_of_wrong_ones() -> None:
    authenticator = authenticator_of(lambda: Credentials.of("reports", "secret", where="the test"))

    wrong = {status_of(authenticator, f"guess {number}") for number in range(200)}

    assert (wrong, status_of(authenticator, "secret")) == ({401}, 200)


def test_wrong_passwords_are_logged_once_a_minute_with_their_number(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    authenticator = authenticator_of(lambda: Credentials.of("reports", "a secret of many letters", where="the test"))

    for _ in range(3):
        for _ in range(10):
            status_of(authenticator, "guess")
        clock.now += 30

    assert [record.message for record in caplog.records] == [
        "Refused 1 request(s) with a wrong login or password",
        "Refused 20 request(s) with a wrong login or password",
    ]
    assert "guess" not in caplog.text


def test_a_header_that_is_too_long_is_refused_without_being_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "b64decode", lambda *_, **__: pytest.fail("the header was decoded"))

    assert not CREDENTIALS.match(header("x" * 65_536))


@pytest.mark.parametrize(("password", "warnings"), [("15 letters long", 1), ("16 letters long.", 0)])
def test_a_password_that_can_be_guessed_is_warned_about_once(
    clock: Clock, caplog: pytest.LogCaptureFixture, password: str, warnings: int
) -> None:
    credentials = cached(lambda: Credentials.of("reports", password, where="the test"))

    for _ in range(3):
        get(credentials)
        clock.now += 61

    assert caplog.text.count("fewer than 16 characters") == caplog.text.count("openssl rand -hex 16") == warnings
    assert password not in caplog.text


def test_a_password_that_was_right_until_it_was_changed_is_refused(clock: Clock) -> None:
    passwords = iter(["old", "new"])
    authenticator = authenticator_of(lambda: Credentials.of("reports", next(passwords), where="the test"))

    assert status_of(authenticator, "old") == 200
    clock.now += 61

    assert (status_of(authenticator, "old"), status_of(authenticator, "new")) == (401, 200)


def test_changed_credentials_are_used_after_a_minute(clock: Clock) -> None:
    credentials = cached(returning(OLD, NEW))
    assert get(credentials) is OLD

    clock.now += 59
    assert get(credentials) is OLD

    clock.now += 2
    assert get(credentials) is NEW


def test_removed_credentials_are_forgotten_after_a_minute(clock: Clock) -> None:
    credentials = cached(returning(OLD, None))
    assert get(credentials) is OLD

    clock.now += 61

    assert get(credentials) is None


def test_added_credentials_are_used_within_seconds(clock: Clock) -> None:
    credentials = cached(returning(None, NEW))

    assert get(credentials) is None
    clock.now += 4
    assert get(credentials) is None
    clock.now += 2
    assert get(credentials) is NEW


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RcsInputError("the connection 'rcs_reports'", "its password is missing", "Set both."), "password is missing"),
        (ConnectionError("reports:secret@vault"), "ConnectionError"),
    ],
)
def test_failing_look_up_returns_none_and_logs_the_reason_once_without_secrets(
    clock: Clock, caplog: pytest.LogCaptureFixture, error: Exception, reason: str
) -> None:
    credentials = cached(returning(error))

    for _ in range(3):
        assert get(credentials) is None
        clock.now += 10

    (record,) = caplog.records
    assert reason in record.message
    assert "secret@" not in caplog.text


def test_a_look_up_that_fails_later_leaves_the_previous_credentials_for_an_hour(clock: Clock) -> None:
    credentials = cached(returning(OLD, ConnectionError()))
    assert get(credentials) is OLD

    clock.now += 3590
    assert get(credentials) is OLD

    clock.now += 20
    assert get(credentials) is None


def test_a_look_up_that_failed_is_tried_again_after_five_seconds(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    look_ups: list[float] = []

    def look_up() -> Credentials:
        look_ups.append(clock.now)
        if len(look_ups) > 1:
            raise ConnectionError
        return OLD

    credentials = cached(look_up)
    for seconds in (0, 60, 4, 1, 4, 1):
        clock.now += seconds
        assert get(credentials) is OLD

    assert look_ups == [1000, 1060, 1065, 1070]
    because = "they cannot be looked up (ConnectionError)"
    assert caplog.text.count(f"Still using the previous login and password of rcs_reports, because {because}") == 3


def test_a_connection_that_is_not_defined_is_named_once(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    credentials = cached(returning(None))

    for _ in range(3):
        assert get(credentials) is None
        clock.now += 5

    assert [each.message for each in caplog.records] == [
        "No report is let in by rcs_reports, whose login and password are not known: none are configured"
    ]


def test_credentials_that_became_incomplete_are_not_used_for_another_hour(clock: Clock) -> None:
    incomplete = RcsInputError("the connection 'rcs_reports'", "its password is missing", "Set both.")
    credentials = cached(returning(OLD, incomplete))
    assert get(credentials) is OLD

    clock.now += 61

    assert get(credentials) is None


def test_a_hanging_look_up_leaves_the_previous_credentials_until_it_returns(
    clock: Clock, hang: threading.Event, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(auth, "_LOOK_UP_TIMEOUT", 0.05)
    look_ups: list[None] = []

    def look_up() -> Credentials:
        look_ups.append(None)
        if len(look_ups) == 1:
            return OLD
        assert hang.wait(30)
        return NEW

    credentials = cached(look_up)
    assert get(credentials) is OLD
    clock.now += 61
    assert get(credentials) is OLD
    assert get(credentials) is OLD
    assert "because their look-up takes too long" in caplog.text

    hang.set()
    monkeypatch.setattr(auth, "_LOOK_UP_TIMEOUT", 30)
    clock.now += 6

    assert get(credentials) is NEW


def test_many_requests_share_one_look_up_outside_the_event_loop() -> None:
    threads: list[threading.Thread] = []

    def look_up() -> Credentials:
        threads.append(threading.current_thread())
        return OLD

    credentials = cached(look_up)

    async def get_often() -> None:
        await asyncio.gather(*(credentials.get() for _ in range(50)))

    asyncio.run(get_often())

    (thread,) = threads
    assert thread is not threading.main_thread()
