"""A test of a plan reaches the team's phones, each of its messages once, and changes nothing of the campaign."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import (
    RcsAuthError,
    RcsCampaignConflictError,
    RcsInFlightError,
    RcsInputError,
    RcsOutcomeUnknown,
)
from airflow_provider_rcs.api.models import FrequencyCap, Report, SendRequest, SendResult
from airflow_provider_rcs.sending.campaign import send_campaign
from airflow_provider_rcs.sending.preview import dry_run
from airflow_provider_rcs.sending.preview.phone_tests import MOST_TEST_PHONES, PhoneTest
from airflow_provider_rcs.sending.settings import SendSettings
from airflow_provider_rcs.sending.stopping import Stop
from airflow_provider_rcs.store.campaign.campaigns import find_campaign, require_campaign
from airflow_provider_rcs.store.db.inbox_tables import report
from airflow_provider_rcs.store.db.tables import attempt, message
from airflow_provider_rcs.store.inbox.cursors import read_new_reports
from airflow_provider_rcs.store.inbox.silence import read_silent_campaigns
from airflow_provider_rcs.store.outbox.attempts import StartedBy
from airflow_provider_rcs.store.privacy.erasure import erase
from airflow_provider_rcs.store.privacy.old_rows import RetentionLimit
from airflow_provider_rcs.store.privacy.retention import prune
from airflow_provider_rcs.store.read import campaign_list
from airflow_provider_rcs.store.read.exports import Place, read_campaigns, report_pages
from airflow_provider_rcs.store.read.overview import read_progress
from tests.unit.sending.service import Service, accept
from tests.unit.sending.test_preview import PEOPLE, WELCOME, welcome_settings
from tests.unit.store.given import EVA, NOON, land_and_fold, rows, states, suppress

TEAM = ["+34 611 111 111", "+34622222222"]
MARIO, LUCIA = "+34611111111", "+34622222222"
STARTED_BY = StartedBy("shop", "plan", "run", -1, 1)
LEASE = timedelta(minutes=5)


@pytest.fixture
def engine(every_engine: sa.Engine) -> sa.Engine:
    """An empty store, once on each supported database."""
    return every_engine


@dataclass
class Sent:
    """Records the requests that a service gets, and answers each as another function does."""

    reply: Any = accept
    requests: list[SendRequest] = field(default_factory=list)

    def __call__(self, request: SendRequest) -> SendResult:
        self.requests.append(request)
        answer: SendResult = self.reply(request)
        return answer

    @property
    def messages(self) -> list[tuple[str, str, dict[str, str]]]:
        return [
            (each.phone, each.name, dict(each.variables)) for request in self.requests for each in request.recipients
        ]


def lose(request: SendRequest) -> SendResult:
    raise RcsOutcomeUnknown("the connection was lost")


def preview(
    engine: sa.Engine, sent: Any = accept, test_phones: Any = TEAM, chunks: Any = (PEOPLE,), **changes: Any
) -> Any:
    excluded = changes.pop("excluded", ())
    service = Service(sent, template=WELCOME, credentials_fingerprint="secret")
    test = PhoneTest(test_phones, STARTED_BY, LEASE, Stop())
    return dry_run(engine, service, welcome_settings(**changes), chunks, excluded, test)


def names_in(plan: Any) -> list[str]:
    names: list[str] = plan["test"]["campaigns"]
    return names


def values_left(engine: sa.Engine) -> int:
    has_values = sa.or_(message.c.name != "", sa.cast(message.c.variables, sa.Text) != "{}")
    with engine.connect() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(message).where(has_values)).scalar_one())


def end_leases(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.execute(attempt.update().values(lease_until=datetime(2020, 1, 1, tzinfo=UTC), ended_at=None))


def test_each_test_phone_gets_the_values_of_three_real_rows_and_nobody_else_gets_anything(engine: sa.Engine) -> None:
    sent = Sent()

    preview(engine, sent)

    rows_sent = [
        ("Núria Pérez", {"Amount": "19.9", "Shop": "Madrid"}),
        ("Íñigo", {"Amount": "7", "Shop": "Madrid"}),
        ("Zoë", {"Amount": "8", "Shop": "Madrid"}),
    ]
    assert sent.messages == [(phone, *row) for row in rows_sent for phone in (MARIO, LUCIA)]


def test_the_plan_says_to_whom_the_test_went_with_phones_masked(engine: sa.Engine) -> None:
    plan = preview(engine)

    assert plan["test"]["phones"] == [
        {"phone": "*********111", "outcomes": ["accepted"] * 3},
        {"phone": "*********222", "outcomes": ["accepted"] * 3},
    ]
    text = orjson.dumps(plan).decode()
    assert not any(secret in text for secret in ("611111111", "622222222", "Núria", "Pérez", "19.9", "600000001"))


def test_a_plan_of_which_no_test_is_wanted_has_none(engine: sa.Engine) -> None:
    settings = SendSettings("1234567", "spring", variables={"Amount": "total"}, constants={"Shop": "M"})
    sent = Sent()

    plan = dry_run(engine, Service(sent, template=WELCOME), settings, [{"phone": [EVA], "name": ["Eva"], "total": [1]}])

    assert plan["test"] is None
    assert sent.requests == []


@pytest.mark.slow
def test_a_retry_sends_no_test_again_and_knows_the_outcomes(engine: sa.Engine) -> None:
    first, sent = preview(engine), Sent()

    again = preview(engine, sent)

    assert sent.requests == []
    assert again["test"] == first["test"]


@pytest.mark.slow
def test_a_retry_with_another_list_or_another_date_sends_no_test_again(engine: sa.Engine) -> None:
    preview(engine)
    sent = Sent()

    preview(engine, sent, chunks=[{name: cells[::-1] for name, cells in PEOPLE.items()}])
    preview(engine, sent, send_at=datetime(2090, 1, 1, tzinfo=UTC))

    assert sent.requests == []


@pytest.mark.slow
def test_what_was_changed_on_purpose_is_tested_anew(engine: sa.Engine) -> None:
    preview(engine)
    sent = Sent()

    preview(engine, sent, constants={"Shop": "Sevilla"})

    assert [each[2]["Shop"] for each in sent.messages] == ["Sevilla"] * 6


@pytest.mark.slow
def test_a_phone_that_is_added_gets_the_test_and_the_others_do_not_again(engine: sa.Engine) -> None:
    preview(engine, test_phones=[MARIO])
    sent = Sent()

    preview(engine, sent, test_phones=TEAM)

    assert [phone for phone, *_ in sent.messages] == [LUCIA] * 3


@pytest.mark.slow
def test_a_test_whose_reply_is_lost_is_in_doubt_and_not_sent_again(engine: sa.Engine) -> None:
    sent = Sent(lose)

    plan = preview(engine, sent, test_phones=[MARIO])
    preview(engine, sent, test_phones=[MARIO])

    assert len(sent.requests) == 3
    [phone] = plan["test"]["phones"]
    assert [each.partition(":")[0] for each in phone["outcomes"]] == ["in doubt"] * 3


def test_a_test_whose_task_dies_while_sending_is_in_doubt_and_not_sent_again(engine: sa.Engine) -> None:
    class Killed(BaseException):
        pass

    def die(request: SendRequest) -> SendResult:
        raise Killed

    sent = Sent(die)
    with pytest.raises(Killed):
        preview(engine, sent, test_phones=[MARIO])
    end_leases(engine)

    plan = preview(engine, Sent(), test_phones=[MARIO])

    assert len(sent.requests) == 1
    assert states(engine, names_in(plan)[0]) == {MARIO: "in_doubt"}


def test_a_refused_test_fails_the_dry_run_and_a_retry_sends_it(engine: sa.Engine) -> None:
    def refuse(request: SendRequest) -> SendResult:
        raise RcsAuthError("wrong credentials")

    sent = Sent(refuse)
    with pytest.raises(RcsAuthError):
        preview(engine, sent)
    assert len(sent.requests) == 1

    with pytest.raises(RcsAuthError):
        preview(engine, sent)
    assert len(sent.requests) == 1


def test_the_campaign_itself_knows_nothing_of_its_test(engine: sa.Engine) -> None:
    plan = preview(engine, test_phones=["+34600000001"])
    settings = SendSettings(
        "1234567",
        "spring",
        variables={"Amount": "total"},
        constants={"Shop": "Madrid"},
        default_region="ES",
        frequency_cap=FrequencyCap(1, timedelta(days=7)),
        approved_plan=plan["plan_hash"],
    )
    assert find_campaign(engine, "spring") is None

    sent = send_campaign(
        engine,
        Service(template=WELCOME, credentials_fingerprint="secret"),
        WELCOME,
        settings,
        [PEOPLE],
        started_by=STARTED_BY,
        lease=LEASE,
    )

    assert (sent["requested"], sent["accepted"], sent["suppressed"]) == (4, 3, 0)


def test_a_name_of_a_test_is_refused_to_a_campaign(engine: sa.Engine) -> None:
    [first, *_] = names_in(preview(engine))

    with pytest.raises(RcsCampaignConflictError, match="campaign: .*was started with a test of 'spring'"):
        send_campaign(
            engine,
            Service(template=WELCOME),
            WELCOME,
            SendSettings("1234567", first, variables={"Amount": "total"}, constants={"Shop": "Madrid"}),
            [{"phone": [EVA], "name": ["Eva"], "total": [1]}],
            started_by=STARTED_BY,
            lease=LEASE,
        )


def test_a_test_phone_that_opted_out_or_is_excluded_gets_nothing(engine: sa.Engine) -> None:
    suppress(engine, MARIO)
    sent = Sent()

    plan = preview(engine, sent, excluded=[[LUCIA]])

    assert sent.requests == []
    assert [each["outcomes"][0] for each in plan["test"]["phones"]] == [
        "suppressed: asked",
        "suppressed: excluded by exclude_sql",
    ]


def test_a_test_is_sent_at_once_and_under_no_cap(engine: sa.Engine) -> None:
    sent = Sent()

    preview(engine, sent, send_at=datetime(2090, 1, 1, tzinfo=UTC), frequency_cap=FrequencyCap(1, timedelta(days=7)))

    assert len(sent.messages) == 6
    assert {request.send_at for request in sent.requests} == {None}


@pytest.mark.parametrize(
    ("phones", "error"),
    [
        ([], "test_phones: it is empty"),
        ([MARIO, "x611111111"], r"test_phones\[1\]: '\*{7}111': .*nothing was sent"),
        (["912345678"], r"test_phones\[0\]: .* fixed line"),
        ([f"+346{number:08d}" for number in range(MOST_TEST_PHONES + 1)], "test_phones: 21 phones are more than 20"),
    ],
)
def test_test_phones_that_cannot_be_used_are_refused_before_the_list_is_read(
    engine: sa.Engine, phones: list[str], error: str
) -> None:
    sent = Sent()

    with pytest.raises(RcsInputError, match=error):
        preview(engine, sent, test_phones=phones, chunks=iter([lambda: pytest.fail("read")]))

    assert sent.requests == []


def test_a_list_that_nobody_on_would_be_sent_to_is_not_tested(engine: sa.Engine) -> None:
    sent = Sent()

    plan = preview(engine, sent, chunks=[PEOPLE], excluded=[["+34600000001", "+34600000002", "+34600000678"]])

    assert sent.requests == []
    assert plan["test"]["campaigns"] == []


def test_a_plan_that_would_be_refused_is_not_tested(engine: sa.Engine) -> None:
    sent = Sent()

    with pytest.raises(RcsInputError, match="send_at"):
        preview(engine, sent, send_at=datetime(2020, 1, 1, tzinfo=UTC))

    assert sent.requests == []


def test_a_report_on_a_test_is_folded_into_its_message(engine: sa.Engine) -> None:
    sent = Sent()
    [first, *_] = names_in(preview(engine, sent))
    reference = sent.requests[0].campaign_reference

    land_and_fold(engine, Report("13", MARIO, campaign_reference=reference, service="RCS", reported_at=NOON))

    assert rows(engine, first)[MARIO].delivery_status == "delivered"
    with engine.connect() as connection:
        assert connection.execute(sa.select(report.c.message_id)).scalar_one() is not None


@pytest.mark.slow
def test_lists_and_loads_leave_tests_out_but_their_own_page_shows_them(engine: sa.Engine) -> None:
    sent = Sent()
    [first, *_] = names_in(preview(engine, sent))
    reference = sent.requests[0].campaign_reference
    land_and_fold(engine, Report("13", MARIO, campaign_reference=reference, service="RCS", reported_at=NOON))

    assert read_campaigns(engine) == []
    with engine.connect() as connection:
        pages = report_pages(engine, "a store", Place(0, 0))
        assert [connection.execute(each.rows).all() for each in pages] == [[]]
    assert read_new_reports(engine, 0) is None
    assert read_progress(engine) == []
    assert campaign_list.read_page(engine, None, NOON).total == 0
    assert campaign_list.read_campaigns_of_run(engine, "shop", "run", NOON) == []
    assert read_silent_campaigns(engine, names_in(preview(engine))) == {}
    summary = campaign_list.read_summary(engine, first, ["shop"], NOON)
    assert summary is not None
    assert (summary.test_of, summary.marks) == ("spring", [campaign_list.Mark.TEST])


def test_the_values_of_rows_are_removed_when_the_test_was_sent(engine: sa.Engine) -> None:
    preview(engine)

    assert values_left(engine) == 0


@pytest.mark.slow
def test_erasing_a_person_removes_the_values_of_tests_that_were_not_settled(engine: sa.Engine) -> None:
    [first, *_] = names_in(preview(engine, lose))
    assert values_left(engine) == 6

    erase(engine, "+34600000001", "the officer")

    assert values_left(engine) == 0
    assert set(states(engine, first).values()) == {"in_doubt"}


def test_a_test_that_was_planned_is_not_sent_after_an_erasure(engine: sa.Engine) -> None:
    def fail(request: SendRequest) -> SendResult:
        raise RcsAuthError("wrong credentials")

    with pytest.raises(RcsAuthError):
        preview(engine, fail)
    erase(engine, "+34600000001", "the officer")

    with engine.connect() as connection:
        found = connection.execute(sa.select(message.c.state, message.c.reason).distinct()).all()
    assert [tuple(row) for row in found] == [("suppressed", "erased before it was sent")]


@pytest.mark.slow
def test_an_erasure_waits_for_a_test_that_is_being_sent(engine: sa.Engine) -> None:
    raised: list[str] = []

    def erase_meanwhile(request: SendRequest) -> SendResult:
        with pytest.raises(RcsInFlightError, match="test-.*Nothing was erased") as refused:
            erase(engine, "+34600000001", "the officer")
        raised.append(str(refused.value))
        return accept(request)

    preview(engine, erase_meanwhile, test_phones=[MARIO])

    assert len(raised) == 3


@pytest.mark.slow
def test_a_test_phone_that_is_erased_is_not_tested_again(engine: sa.Engine) -> None:
    preview(engine, test_phones=[MARIO])
    erase(engine, MARIO, "the officer")
    sent = Sent()

    plan = preview(engine, sent, test_phones=[MARIO])

    assert sent.requests == []
    assert plan["test"]["phones"] == [{"phone": "*********111", "outcomes": ["accepted"] * 3}]


@pytest.mark.slow
def test_pruning_removes_what_old_tests_hold(engine: sa.Engine) -> None:
    settled = names_in(preview(engine))
    preview(engine, lose, constants={"Shop": "Sevilla"})
    soon = datetime.now(UTC) + timedelta(days=1)
    end_leases(engine)
    for name in settled:
        assert require_campaign(engine, name).test_of == "spring"

    list(prune(engine, RetentionLimit(soon)))

    assert values_left(engine) == 0
    assert all(key.startswith("pseudonym:") for key in rows(engine, settled[0]))
