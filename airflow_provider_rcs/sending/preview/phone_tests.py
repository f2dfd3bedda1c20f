"""Tests of a plan, which send its template with the values of real rows to the team's phones alone.

A test is a campaign of its own in the store, marked with the campaign that it tests, and is sent as every campaign is:
at most once to each phone, whatever is killed or retried. Nothing of it is in the ledger of the campaign that it tests.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import blake2b
from typing import Any

import orjson
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.api.masking import mask_phone
from airflow_provider_rcs.api.models import Template
from airflow_provider_rcs.recipients.columns import ListedRecipient
from airflow_provider_rcs.recipients.phones import PhoneRules, read_phone_column
from airflow_provider_rcs.recipients.selection import ALL_RECIPIENTS
from airflow_provider_rcs.sending.attempt import attempt_at, send_planned
from airflow_provider_rcs.sending.campaign import record_chunks, terms_of
from airflow_provider_rcs.sending.progress import Progress
from airflow_provider_rcs.sending.result import conclude
from airflow_provider_rcs.sending.sender import RcsService
from airflow_provider_rcs.sending.settings import SendSettings
from airflow_provider_rcs.sending.stopping import Stop
from airflow_provider_rcs.store.campaign.campaigns import Campaign, open_campaign
from airflow_provider_rcs.store.outbox.attempts import StartedBy
from airflow_provider_rcs.store.outbox.exclusions import suppress_excluded
from airflow_provider_rcs.store.outbox.planning import KnownRecipient, read_known_recipients
from airflow_provider_rcs.store.privacy.tested_values import remove_settled_values
from airflow_provider_rcs.store.read.exports import store_identity

# The messages of a test are not counted by the approval, so it must not become a way to send without one.
MOST_TEST_PHONES = 20

_NAME_BYTES = 4
_LONGEST_SHOWN = 64
_REMEDY = "Write each as the phone of a mobile, with + and the country code."


@dataclass(frozen=True, slots=True)
class PhoneTest:
    """A test that a dry run shall send.

    :param phones: the team's phones, as they are written.
    :param started_by: what sends it.
    :param lease: how long an attempt counts as alive without a renewal.
    :param stop: tells whether the task should stop.
    """

    phones: Sequence[object]
    started_by: StartedBy
    lease: timedelta
    stop: Stop


def read_test_phones(cells: Sequence[object], rules: PhoneRules) -> list[str]:
    """Return the phones of a test in E.164, each once.

    :param cells: the phones, as they are written.
    :param rules: how phones without a country are read, and which are accepted.
    :raises RcsInputError: if there are none or too many, or if one cannot be read as the phone of a person; names it.
    """
    if not cells:
        raise RcsInputError("test_phones", "it is empty", "Give phones, or leave it out to send no test.")
    read = read_phone_column(cells, rules)
    for position, rule in sorted(read.refused.items()):
        shown = mask_phone(str(cells[position])[:_LONGEST_SHOWN])
        raise RcsInputError(f"test_phones[{position}]", f"{shown!r}: {rule}; nothing was sent", _REMEDY)
    phones = list(dict.fromkeys(phone for phone in read.phones if phone))
    if len(phones) > MOST_TEST_PHONES:
        raise RcsInputError(
            "test_phones",
            f"{len(phones)} phones are more than {MOST_TEST_PHONES}; nothing was sent",
            "Test on fewer; for a part of the list, use sample.",
        )
    return phones


def send_tests(
    engine: sa.Engine,
    service: RcsService,
    template: Template,
    settings: SendSettings,
    test: PhoneTest,
    phones: Sequence[str],
    rows: Sequence[ListedRecipient],
    excluded: Set[str],
) -> dict[str, Any]:
    """Send a message with the values of each row to each phone that has not had it before.

    A row is sent by itself, because a request does not reach a phone twice.

    :param settings: of the campaign that is tested.
    :param phones: those of the test, as :func:`read_test_phones` returned them.
    :param rows: recipients of the campaign, whose names and variables are sent; their phones are not.
    :param excluded: phones that the campaign must not message; tests do not either.
    :return: the names of the tests and, for each phone, masked, the outcomes in the order of the rows.
    :raises RcsError: an error that stopped it; a retry sends the rest.
    """
    prefix = f"{settings.campaign}/test-{_digest(engine, service, template, settings)}"
    sent = [
        _send_test(engine, service, template, settings, f"{prefix}-{number}", test, _with_phones(row, phones), excluded)
        for number, row in enumerate(rows, 1)
    ]
    known = [read_known_recipients(engine, campaign, phones) for campaign in sent]
    return {
        "campaigns": [campaign.name for campaign in sent],
        "phones": [
            {"phone": mask_phone(phone), "outcomes": [_outcome(each.get(phone)) for each in known]} for phone in phones
        ],
    }


def _send_test(
    engine: sa.Engine,
    service: RcsService,
    template: Template,
    settings: SendSettings,
    name: str,
    test: PhoneTest,
    listed: Sequence[ListedRecipient],
    excluded: Set[str],
) -> Campaign:
    # A person sees on the phone what a lost reply does not say, so the plan can be approved all the same.
    own = replace(
        settings,
        campaign=name,
        send_at=None,
        scheduled_by="service",
        frequency_cap=None,
        selection=ALL_RECIPIENTS,
        on_invalid="reject",
        on_in_doubt="hold",
    )
    terms = terms_of(service, template, own)
    codes, reports = service.settings.status_codes, settings.request_reports
    campaign = open_campaign(engine, name, terms, codes, request_reports=reports, test_of=settings.campaign)
    with attempt_at(engine, campaign, test.started_by, test.lease, test.stop) as attempt:
        suppress_excluded(engine, campaign, excluded)
        record_chunks(engine, attempt, [listed], excluded)
        progress = Progress(name, len(listed))
        stopped_by = send_planned(engine, attempt, own, service, progress, test.stop)
        if not test.stop.is_requested:
            remove_settled_values(engine, campaign.id)
    conclude(engine, attempt, own, progress, stopped_by)
    return campaign


def _with_phones(row: ListedRecipient, phones: Sequence[str]) -> list[ListedRecipient]:
    # Without the row's reference: reports on the test would be taken for reports on the person.
    return [ListedRecipient(phone, phone, phone, row.name, "", row.variables) for phone in phones]


def _digest(engine: sa.Engine, service: RcsService, template: Template, settings: SendSettings) -> str:
    """Return a digest of what a test shows besides the rows, so that what was changed on purpose is tested anew.

    The rows are left out: those of a list that changes all the time would be sent again by each retry.
    """
    terms = terms_of(service, template, settings)
    shown = (
        (terms.account, terms.agent, template.id, template.name),
        [(variable.name, variable.type, variable.filled_by_service) for variable in template.variables],
        sorted(settings.variables.items()),
        sorted((name, str(value)) for name, value in settings.constants.items()),
    )
    key = store_identity(engine).encode()
    return blake2b(orjson.dumps(shown), digest_size=_NAME_BYTES, key=key).hexdigest()


def _outcome(known: KnownRecipient | None) -> str:
    if known is None:
        return "not sent yet"
    state = known.state.replace("_", " ")
    return f"{state}: {known.reason.removeprefix(f'{state}: ')}" if known.reason else state
