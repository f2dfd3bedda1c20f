from __future__ import annotations

from airflow_provider_rcs.campaigns.shown import SentCampaign


def test_a_result_shows_the_counts_that_are_not_zero_and_the_reasons() -> None:
    reasons = {"rejected": {"phone: it is missing": 1_000}, "in_doubt": {"no reply": 2}}
    sent = SentCampaign("spring", requested=3_002, accepted=2_000, rejected=1_000, in_doubt=2, reasons=reasons)

    assert repr(sent).splitlines() == [
        "Campaign 'spring': 3,002 requested, 2,000 accepted, 1,000 rejected, 2 in_doubt",
        "  rejected: phone: it is missing: 1,000",
        "  in_doubt: no reply: 2",
    ]
