"""One push over HTTP."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import aiohttp

from airflow_provider_rcs.sandbox.pushes.bodies import encode_body
from airflow_provider_rcs.sandbox.pushes.fields import ReportOfMessage, reply_fields, report_fields, usual_format
from airflow_provider_rcs.sandbox.quirks import Quirk

if TYPE_CHECKING:
    from airflow_provider_rcs.sandbox.options import ReportOptions, ReportTarget
    from airflow_provider_rcs.sandbox.pushes.bodies import PushBody
    from airflow_provider_rcs.sandbox.pushes.inbound import InboundReply
    from airflow_provider_rcs.sandbox.quirks import Quirks

log = logging.getLogger(__name__)


class PushSender:
    """Pushes reports and replies in the form of the options, through one session."""

    def __init__(self, session: aiohttp.ClientSession, options: ReportOptions, quirks: Quirks) -> None:
        self._session = session
        self._options = options
        self._quirks = quirks
        self._checked: set[str] = set()

    async def push(self, push: ReportOfMessage | InboundReply, target: ReportTarget) -> bool:
        """Return whether the target accepted it."""
        body = self._body(push)
        headers = dict(body.headers)
        if target.authorization is not None:
            headers["Authorization"] = target.authorization
        try:
            if self._options.check_target and not await self._answers(target):
                return False
            async with self._session.post(
                target.url,
                data=body.content,
                headers=headers,
                skip_auto_headers=("Content-Type",),
                allow_redirects=False,
            ) as response:
                # An unread reply would keep the connection from being reused.
                await response.read()
                return response.status == 200
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            log.debug("push not accepted: %s", type(error).__name__)
            return False

    def _body(self, push: ReportOfMessage | InboundReply) -> PushBody:
        options = self._options
        return encode_body(
            report_fields(push, options) if isinstance(push, ReportOfMessage) else reply_fields(push),
            options.body_format or usual_format(push, options),
            options.compression,
            "latin-1" if Quirk.LATIN_1 in self._quirks else "utf-8",
        )

    async def _answers(self, target: ReportTarget) -> bool:
        """Return whether the address answered HEAD and GET with 200, without credentials, now or before."""
        if target.url in self._checked:
            return True
        for method in ("HEAD", "GET"):
            async with self._session.request(method, target.url, allow_redirects=False) as response:
                await response.read()
                if response.status != 200:
                    return False
        self._checked.add(target.url)
        return True
