"""Which status codes the reports of a campaign were folded with, and which campaigns need a refold."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa

from airflow_provider_rcs.api.statuses import DeliveryStatus, status_codes
from airflow_provider_rcs.store.db.engine import reading
from airflow_provider_rcs.store.db.tables import campaign

MIXED = ""

_MOST_CODES_NAMED = 5


@dataclass(frozen=True, slots=True)
class AccountCodes:
    """The status codes of an account, as its connection has them now.

    :param account: the account's fingerprint.
    :param overrides: overrides of the default codes: code -> status.
    """

    account: str
    overrides: Mapping[str, str] = field(default_factory=dict)

    def overrides_of(self, account: str, own: Mapping[str, str]) -> Mapping[str, str]:
        """Return the overrides that apply to a campaign: these, or its own if another account sends it.

        :param account: the fingerprint of the account that sends the campaign; empty if it is not known.
        :param own: the overrides that it was last sent with.
        """
        return self.overrides if account in ("", self.account) else own


@dataclass(frozen=True, slots=True)
class OutdatedCampaign:
    """A campaign some of whose reports were folded with other codes than those of now.

    :param differences: the codes that differ, for people, such as ``11 (sent, now delivered)``; empty if its reports
        were not all folded with the same codes.
    """

    name: str
    differences: str

    @property
    def warning(self) -> str:
        """What is the matter, and what to do."""
        which = f": {self.differences}" if self.differences else ""
        return (
            f"{self.name}: some of its reports were folded with other status codes than those of now{which}. "
            "Apply these to all of its reports with: airflow-rcs refold"
        )


def outdated_campaigns(engine: sa.Engine, codes: AccountCodes | None) -> list[OutdatedCampaign]:
    """Return the campaigns that need a refold, in the order of their ids.

    :param codes: the codes of the connection; ``None`` if there is none, for the codes that each campaign was last sent
        with. The default codes are those of this version in either case.
    """
    columns = (campaign.c.name, campaign.c.account, campaign.c.status_codes, campaign.c.folded_codes)
    folded = sa.select(*columns).where(campaign.c.folded_codes.is_not(None)).order_by(campaign.c.id)
    with reading(engine) as connection:
        rows = connection.execute(folded).all()
    found = []
    # Most campaigns have the same codes.
    known: dict[tuple[tuple[str, str], ...], tuple[Mapping[str, DeliveryStatus], str]] = {}
    for row in rows:
        overrides = codes.overrides_of(row.account, row.status_codes) if codes else row.status_codes
        key = tuple(sorted(overrides.items()))
        if key not in known:
            known[key] = status_codes(overrides), codes_as_text(status_codes(overrides))
        now, text = known[key]
        if row.folded_codes != text:
            found.append(OutdatedCampaign(row.name, _differences(row.folded_codes, now)))
    return found


def codes_as_text(codes: Mapping[str, DeliveryStatus]) -> str:
    """Return codes as one text, the same for the same codes."""
    of_status: dict[str, list[str]] = {}
    for code in sorted(codes):
        of_status.setdefault(str(codes[code]), []).append(code)
    return json.dumps(of_status, sort_keys=True, separators=(",", ":"))


def record_folded_codes(
    connection: sa.Connection, campaign_ids: Iterable[int], codes: Mapping[str, DeliveryStatus]
) -> None:
    """Record that reports of campaigns were folded with these codes.

    :param campaign_ids: campaigns that are locked.
    """
    text = codes_as_text(codes)
    before = campaign.c.folded_codes
    connection.execute(
        campaign.update()
        .where(campaign.c.id.in_(campaign_ids), sa.or_(before.is_(None), before.not_in((text, MIXED))))
        .values(folded_codes=sa.case((before.is_(None), text), else_=MIXED))
    )


def _differences(folded: str, now: Mapping[str, DeliveryStatus]) -> str:
    if folded == MIXED:
        return ""
    before = {code: status for status, codes in json.loads(folded).items() for code in codes}
    changed = sorted(code for code in before.keys() | now.keys() if before.get(code) != now.get(code))
    named = [
        f"{code} ({before.get(code, DeliveryStatus.UNKNOWN)}, now {now.get(code, DeliveryStatus.UNKNOWN)})"
        for code in changed[:_MOST_CODES_NAMED]
    ]
    more = [f"{len(changed) - _MOST_CODES_NAMED} more"] if len(changed) > _MOST_CODES_NAMED else []
    return ", ".join([*named, *more])
