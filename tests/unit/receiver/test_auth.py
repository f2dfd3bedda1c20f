from __future__ import annotations

import asyncio
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator

import pytest

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.receiver import auth
from airflow_provider_rcs.receiver.auth import (
    Authenticator,
    CachedCredentials,
    Credentials,
    FailedLoginLimit,
    TrustedProxies,
)
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


def status_of(authenticator: Authenticator, password: str, address: str = "192.0.2.1") -> int:
    try:
        asyncio.run(authenticator.check(header(f"reports:{password}"), address))
    except RequestRefusedError as refusal:
        return refusal.response.status
    return 200


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


def fail(limit: FailedLoginLimit, address: str, times: int) -> None:
    for _ in range(times):
        limit.record_failure(address)


def client_address(trusted: str, peer: str | None, *forwarded: str) -> str:
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    scope = {"client": (peer, 1) if peer else None, "headers": headers}
    return TrustedProxies.parse(trusted, where="the test").client_address(scope)


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


def test_credentials_are_not_shown() -> None:
    assert "reports" not in repr(CREDENTIALS)
    assert "pass" not in repr(CREDENTIALS)


def test_right_password_is_accepted_and_a_wrong_one_is_not() -> None:
    authenticator = Authenticator(lambda: Credentials.of("reports", "secret", where="the test"))

    assert (status_of(authenticator, "secret"), status_of(authenticator, "wrong")) == (200, 401)


def test_no_request_is_accepted_without_configured_credentials() -> None:
    authenticator = Authenticator(lambda: None)

    assert (status_of(authenticator, "secret"), status_of(authenticator, "")) == (503, 503)


def test_an_address_that_guesses_passwords_is_blocked_and_others_are_not() -> None:
    authenticator = Authenticator(lambda: Credentials.of("reports", "secret", where="the test"))

    for _ in range(20):
        status_of(authenticator, "guess")

    assert status_of(authenticator, "secret") == 429
    assert status_of(authenticator, "secret", "192.0.2.2") == 200


def test_a_password_that_was_right_until_it_was_changed_is_refused(clock: Clock) -> None:
    passwords = iter(["old", "new"])
    authenticator = Authenticator(lambda: Credentials.of("reports", next(passwords), where="the test"))

    assert status_of(authenticator, "old") == 200
    clock.now += 61

    assert (status_of(authenticator, "old"), status_of(authenticator, "new")) == (401, 200)


def test_changed_credentials_are_used_after_a_minute(clock: Clock) -> None:
    credentials = CachedCredentials(returning(OLD, NEW))
    assert get(credentials) is OLD

    clock.now += 59
    assert get(credentials) is OLD

    clock.now += 2
    assert get(credentials) is NEW


def test_removed_credentials_are_forgotten_after_a_minute(clock: Clock) -> None:
    credentials = CachedCredentials(returning(OLD, None))
    assert get(credentials) is OLD

    clock.now += 61

    assert get(credentials) is None


def test_added_credentials_are_used_within_seconds(clock: Clock) -> None:
    credentials = CachedCredentials(returning(None, NEW))

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
    credentials = CachedCredentials(returning(error))

    for _ in range(3):
        assert get(credentials) is None
        clock.now += 10

    (record,) = caplog.records
    assert reason in record.message
    assert "secret@" not in caplog.text


def test_a_look_up_that_fails_later_leaves_the_previous_credentials_for_an_hour(clock: Clock) -> None:
    credentials = CachedCredentials(returning(OLD, ConnectionError()))
    assert get(credentials) is OLD

    clock.now += 3590
    assert get(credentials) is OLD

    clock.now += 20
    assert get(credentials) is None


def test_credentials_that_became_incomplete_are_not_used_for_another_hour(clock: Clock) -> None:
    incomplete = RcsInputError("the connection 'rcs_reports'", "its password is missing", "Set both.")
    credentials = CachedCredentials(returning(OLD, incomplete))
    assert get(credentials) is OLD

    clock.now += 61

    assert get(credentials) is None


def test_a_hanging_look_up_leaves_the_previous_credentials_until_it_returns(
    clock: Clock, hang: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "_LOOK_UP_TIMEOUT", 0.05)
    look_ups: list[None] = []

    def look_up() -> Credentials:
        look_ups.append(None)
        if len(look_ups) == 1:
            return OLD
        assert hang.wait(30)
        return NEW

    credentials = CachedCredentials(look_up)
    assert get(credentials) is OLD
    clock.now += 61
    assert get(credentials) is OLD
    assert get(credentials) is OLD

    hang.set()
    monkeypatch.setattr(auth, "_LOOK_UP_TIMEOUT", 30)
    clock.now += 6

    assert get(credentials) is NEW


def test_many_requests_share_one_look_up_outside_the_event_loop() -> None:
    threads: list[threading.Thread] = []

    def look_up() -> Credentials:
        threads.append(threading.current_thread())
        return OLD

    credentials = CachedCredentials(look_up)

    async def get_often() -> None:
        await asyncio.gather(*(credentials.get() for _ in range(50)))

    asyncio.run(get_often())

    (thread,) = threads
    assert thread is not threading.main_thread()


def test_twenty_failures_within_a_minute_block_an_address_for_its_rest(clock: Clock) -> None:
    limit = FailedLoginLimit()
    fail(limit, "a", 19)
    assert not limit.blocks("a")

    fail(limit, "a", 1)
    assert (limit.blocks("a"), limit.blocks("b")) == (True, False)

    clock.now += 61
    assert not limit.blocks("a")


def test_failures_that_are_far_apart_block_no_address(clock: Clock) -> None:
    limit = FailedLoginLimit()

    for _ in range(100):
        limit.record_failure("a")
        clock.now += 4

    assert not limit.blocks("a")


def test_an_address_that_logged_in_within_24_hours_is_not_blocked(clock: Clock) -> None:
    limit = FailedLoginLimit()
    limit.record_success("a")

    fail(limit, "a", 100)
    assert not limit.blocks("a")

    clock.now += 25 * 3600
    fail(limit, "a", 20)
    assert limit.blocks("a")


def test_a_bounded_number_of_addresses_is_remembered(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "_MAX_ADDRESSES", 3)
    limit = FailedLoginLimit()

    for address in "abcde":
        limit.record_success(address)
        fail(limit, address, 20)

    assert len(limit._failures) == len(limit._successes) == 3


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "client"),
    [
        ("", "192.0.2.7", (), "192.0.2.7"),
        ("", "127.0.0.1", ("198.51.100.1",), "127.0.0.1"),
        ("10.0.0.0/8", "192.0.2.7", ("198.51.100.1",), "192.0.2.7"),
        ("127.0.0.1", "127.0.0.1", ("198.51.100.1",), "198.51.100.1"),
        ("127.0.0.1", "127.0.0.1", ("203.0.113.9, 198.51.100.1",), "198.51.100.1"),
        ("127.0.0.1, 10.0.0.0/8", "127.0.0.1", ("198.51.100.1, 10.1.2.3",), "198.51.100.1"),
        ("127.0.0.1", "127.0.0.1", ("203.0.113.9", "198.51.100.1"), "198.51.100.1"),
        ("127.0.0.1", "127.0.0.1", ("nonsense",), "127.0.0.1"),
        ("127.0.0.1", "127.0.0.1", (), "127.0.0.1"),
        ("127.0.0.1", "::ffff:127.0.0.1", ("198.51.100.1",), "198.51.100.1"),
        ("127.0.0.1", None, ("198.51.100.1",), "198.51.100.1"),
        ("", "2001:db8:1:2:3:4:5:6", (), "2001:db8:1:2::/64"),
    ],
)
def test_the_client_is_the_address_that_connected_to_the_first_trusted_proxy(
    trusted: str, peer: str | None, forwarded: tuple[str, ...], client: str
) -> None:
    assert client_address(trusted, peer, *forwarded) == client


def test_an_invalid_proxy_address_is_an_error_that_names_the_setting() -> None:
    with pytest.raises(RcsInputError, match=r"\[rcs\] trusted_proxies: 'proxy'"):
        TrustedProxies.parse("127.0.0.1, proxy", where="[rcs] trusted_proxies")
