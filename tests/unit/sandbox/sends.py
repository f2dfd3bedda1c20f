"""Sends to the sandbox's service, for the tests of the service and of its record."""

from __future__ import annotations

from airflow_provider_rcs.sandbox.model import ReceivedSend, SandboxRecipient, SandboxTemplate
from airflow_provider_rcs.sandbox.options import DEFAULT_TEMPLATES

WELCOME, _, PLAIN = DEFAULT_TEMPLATES


def request(
    *recipients: SandboxRecipient, template: SandboxTemplate = PLAIN, reference: str = "spring-1"
) -> ReceivedSend:
    return ReceivedSend(template, "my-rcs-agent", recipients, "", (), reference, report=False)


def to(phone: str, **variables: str) -> SandboxRecipient:
    return SandboxRecipient(phone, "Ana", "R1", variables)
