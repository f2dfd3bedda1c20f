"""A service for the tests of sending."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from airflow_provider_rcs.api.errors import RcsParameterError
from airflow_provider_rcs.api.models import SendRequest, SendResult, Template
from airflow_provider_rcs.api.settings import ApiSettings


def accept(request: SendRequest) -> SendResult:
    return SendResult(len(request.recipients), "77", {each.phone: f"m-{each.phone}" for each in request.recipients})


@dataclass
class Service:
    """Answers each request with a function, and look-ups with what it was given.

    :param look_up_credits: returns the credit left.
    """

    reply: Callable[[SendRequest], SendResult] = accept
    settings: ApiSettings = field(default_factory=ApiSettings)
    credentials_fingerprint: str = ""
    account: str = ""
    rcs_conn_id: str = ""
    template: Template | None = field(default_factory=lambda: Template("1", "Welcome"))
    look_up_credits: Callable[[], float] = lambda: 0

    def send(self, request: SendRequest) -> SendResult:
        return self.reply(request)

    def withdraw(self) -> None:
        """Nothing is on its way: a request is answered or not."""

    def give_up(self) -> None:
        """Nothing is on its way: a request is answered or not."""

    def get_template(self, template_id: str, *, fresh: bool = False) -> Template:  # noqa: ARG002
        if self.template is None:
            raise RcsParameterError("no such template")
        return self.template

    def get_credits(self) -> float:
        return self.look_up_credits()
