"""The sandbox's options as command-line arguments."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from airflow_provider_rcs.sandbox.model import SandboxTemplate, VariableType
from airflow_provider_rcs.sandbox.options import (
    DEFAULT_CODES,
    EmptyTemplates,
    ReplyShape,
    ReportFormat,
    ReportOptions,
    ReportShares,
    ReportTarget,
    SandboxAccount,
    SandboxOptions,
    SandboxStatus,
    TroubleOptions,
    WireOptions,
    WrongCredentials,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the sandbox's options to a parser."""
    _add_server(parser.add_argument_group("server"))
    _add_account(parser.add_argument_group("account"))
    _add_wire(parser.add_argument_group("requests and replies"))
    _add_trouble(parser.add_argument_group("trouble"))
    _add_reports(parser.add_argument_group("reports"))


def options_from_arguments(arguments: argparse.Namespace) -> SandboxOptions:
    """Return the options that were parsed.

    :raises ValueError: if an option is invalid; the text is meant for the user.
    """
    return SandboxOptions(
        host=arguments.host,
        port=arguments.port,
        record=arguments.record,
        seed=arguments.seed,
        quiet=arguments.quiet,
        account=_account(arguments),
        wire=WireOptions(
            reply_shape=ReplyShape(arguments.reply_shape),
            empty_templates=EmptyTemplates(arguments.empty_templates),
            wrong_credentials=WrongCredentials(arguments.wrong_credentials),
            recipient_reference_key=arguments.recipient_reference_key,
        ),
        trouble=TroubleOptions(
            latency=arguments.latency,
            error_rate=arguments.error_rate,
            drop_rate=arguments.drop_rate,
            max_requests_per_second=arguments.max_requests_per_second,
        ),
        reports=_reports(arguments),
    )


def _add_server(group: argparse._ArgumentGroup) -> None:
    default = SandboxOptions()
    group.add_argument("--host", default=default.host, help="address to listen on (default: %(default)s)")
    group.add_argument(
        "--port", type=int, default=default.port, help="port to listen on; 0 picks a free one (default: %(default)s)"
    )
    group.add_argument(
        "--record", type=Path, metavar="FILE", help="append accepted messages to this file, and continue it"
    )
    group.add_argument(
        "--seed", type=int, default=default.seed, help="seed of everything random (default: %(default)s)"
    )
    group.add_argument("--quiet", action="store_true", help="log only warnings")


def _add_account(group: argparse._ArgumentGroup) -> None:
    default = SandboxAccount()
    group.add_argument("--login", default=default.login, help="API User (default: %(default)s)")
    group.add_argument("--password", default=default.password, help="API Token (default: %(default)s)")
    group.add_argument(
        "--agent", action="append", help=f"agent of the account; repeatable (default: {default.agents[0]})"
    )
    group.add_argument(
        "--credit", type=int, default=default.credit, help="messages that can be sent (default: %(default)s)"
    )
    group.add_argument(
        "--templates", type=Path, metavar="FILE", help="JSON file: [{id, name, variables: {name: type}}]"
    )
    group.add_argument("--refused-phone", action="append", default=[], help="phone that is never sent to; repeatable")
    group.add_argument(
        "--batch-limit",
        type=int,
        default=default.batch_limit,
        help="maximum recipients in a request (default: %(default)s)",
    )


def _add_wire(group: argparse._ArgumentGroup) -> None:
    default = WireOptions()
    group.add_argument(
        "--reply-shape",
        choices=list(ReplyShape),
        default=default.reply_shape,
        help="shape of JSON replies (default: %(default)s)",
    )
    group.add_argument(
        "--empty-templates",
        choices=list(EmptyTemplates),
        default=default.empty_templates,
        help="how an empty list of templates is written (default: %(default)s)",
    )
    group.add_argument(
        "--wrong-credentials",
        choices=list(WrongCredentials),
        default=default.wrong_credentials,
        help="reply to wrong credentials: result -1 or status 401 (default: %(default)s)",
    )
    group.add_argument(
        "--recipient-reference-key",
        default=default.recipient_reference_key,
        help="key of a recipient's reference (default: %(default)s)",
    )


def _add_trouble(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--latency", type=float, default=0.0, help="seconds to wait before each reply to a send")
    group.add_argument("--error-rate", type=float, default=0.0, help="share of sends answered by 500 and not accepted")
    group.add_argument("--drop-rate", type=float, default=0.0, help="share of sends accepted, then disconnected")
    group.add_argument("--max-requests-per-second", type=int, help="requests above this rate are answered by 429")


def _add_reports(group: argparse._ArgumentGroup) -> None:
    default = ReportOptions()
    group.add_argument("--report-url", help="URL that reports are pushed to (default: none)")
    group.add_argument("--report-login", help="user name for HTTP Basic (default: no authentication)")
    group.add_argument("--report-password", default="", help="password for HTTP Basic")
    group.add_argument(
        "--report-format",
        choices=list(ReportFormat),
        default=ReportFormat.JSON,
        help="body format (default: %(default)s)",
    )
    group.add_argument(
        "--report-workers", type=int, default=default.workers, help="concurrent pushes (default: %(default)s)"
    )
    group.add_argument(
        "--report-retries",
        type=int,
        default=default.retries,
        help="retries before a report is dropped (default: %(default)s)",
    )
    group.add_argument(
        "--report-delay",
        type=float,
        default=default.delay,
        help="seconds between the reports of a message (default: %(default)s)",
    )
    group.add_argument(
        "--report-jitter",
        type=float,
        default=default.jitter,
        help="maximum random seconds added to the delay (default: %(default)s)",
    )
    codes = ", ".join(f"{status}={code}" for status, code in DEFAULT_CODES.items())
    group.add_argument(
        "--code",
        action="append",
        default=[],
        type=_code,
        metavar="STATUS=CODE",
        help=f"code of a status; repeatable (default: {codes}; no code for read is known, so it is made up)",
    )
    for option, share, meaning in (
        ("--failed-share", default.shares.failed, "share of messages that fail"),
        ("--only-sent-share", default.shares.only_sent, "share of messages that never become final"),
        ("--fallback-share", default.shares.fallback, "share of messages that fail and fall back"),
        ("--read-share", default.shares.read, "share of delivered messages that are read"),
        (
            "--temporarily-failed-share",
            default.shares.temporarily_failed,
            "share of delivered ones that first failed",
        ),
        ("--repeated-share", default.shares.repeated, "share of reports pushed twice"),
        ("--out-of-order-share", default.shares.out_of_order, "share of reports pushed before an earlier one"),
    ):
        group.add_argument(option, type=float, default=share, help=f"{meaning} (default: %(default)s)")
    group.add_argument(
        "--fallback-service",
        default=default.fallback_service,
        help="name of the fallback service in reports (default: %(default)s)",
    )


def _account(arguments: argparse.Namespace) -> SandboxAccount:
    default = SandboxAccount()
    return SandboxAccount(
        login=arguments.login,
        password=arguments.password,
        agents=tuple(arguments.agent or default.agents),
        credit=arguments.credit,
        templates=_load_templates(arguments.templates) if arguments.templates else default.templates,
        refused_phones=frozenset(arguments.refused_phone),
        batch_limit=arguments.batch_limit,
    )


def _reports(arguments: argparse.Namespace) -> ReportOptions:
    target = None
    if arguments.report_url:
        target = ReportTarget(
            url=arguments.report_url,
            login=arguments.report_login,
            password=arguments.report_password,
            format=ReportFormat(arguments.report_format),
        )
    return ReportOptions(
        target=target,
        workers=arguments.report_workers,
        retries=arguments.report_retries,
        delay=arguments.report_delay,
        jitter=arguments.report_jitter,
        codes={**DEFAULT_CODES, **dict(arguments.code)},
        shares=ReportShares(
            failed=arguments.failed_share,
            only_sent=arguments.only_sent_share,
            fallback=arguments.fallback_share,
            read=arguments.read_share,
            temporarily_failed=arguments.temporarily_failed_share,
            repeated=arguments.repeated_share,
            out_of_order=arguments.out_of_order_share,
        ),
        fallback_service=arguments.fallback_service,
    )


def _code(text: str) -> tuple[SandboxStatus, int]:
    status, _, code = text.partition("=")
    try:
        return SandboxStatus(status), int(code)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not STATUS=CODE with a status of {', '.join(SandboxStatus)}"
        ) from None


def _load_templates(path: Path) -> tuple[SandboxTemplate, ...]:
    """Read a JSON file of templates.

    :raises ValueError: if the file cannot be read or has another form.
    """
    try:
        return tuple(_templates(orjson.loads(path.read_bytes())))
    except (AttributeError, KeyError, TypeError, ValueError, OSError) as error:
        raise ValueError(f"templates file {path}: {type(error).__name__}: {error}") from error


def _templates(entries: list[dict[str, Any]]) -> Iterator[SandboxTemplate]:
    for entry in entries:
        variables = {name: VariableType(kind) for name, kind in entry.get("variables", {}).items()}
        yield SandboxTemplate(str(entry["id"]), entry["name"], variables)
