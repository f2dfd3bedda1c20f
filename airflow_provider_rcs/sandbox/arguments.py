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
    ReplyShape,
    ReportOptions,
    ReportShares,
    ReportTarget,
    RetryAfter,
    SandboxAccount,
    SandboxOptions,
    SandboxStatus,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the sandbox's options to a parser."""
    _add_server(parser.add_argument_group("server"))
    _add_account(parser.add_argument_group("account"))
    _add_service(parser.add_argument_group("replies"))
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
        reply_shape=ReplyShape(arguments.reply_shape),
        latency=arguments.latency,
        requests_per_second=arguments.requests_per_second,
        retry_after=RetryAfter(arguments.retry_after),
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


def _add_service(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--reply-shape",
        choices=list(ReplyShape),
        default=ReplyShape.DOCUMENT,
        help="shape of JSON replies (default: %(default)s)",
    )
    group.add_argument("--latency", type=float, default=0.0, help="seconds to wait before each reply to a send")
    group.add_argument(
        "--requests-per-second",
        type=int,
        metavar="COUNT",
        help="sends in any second; others are refused with HTTP 429 (default: no limit)",
    )
    group.add_argument(
        "--retry-after",
        choices=list(RetryAfter),
        default=RetryAfter.NONE,
        help="form of the Retry-After header of these refusals (default: %(default)s)",
    )


def _add_reports(group: argparse._ArgumentGroup) -> None:
    default = ReportOptions()
    group.add_argument("--report-url", help="URL that reports are pushed to (default: none)")
    group.add_argument("--report-login", help="user name for HTTP Basic (default: no authentication)")
    group.add_argument("--report-password", default="", help="password for HTTP Basic")
    group.add_argument(
        "--report-jitter",
        type=float,
        default=default.jitter,
        help="maximum random seconds between the reports of a message (default: %(default)s)",
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
    )


def _reports(arguments: argparse.Namespace) -> ReportOptions:
    target = None
    if arguments.report_url:
        target = ReportTarget(arguments.report_url, arguments.report_login, arguments.report_password)
    return ReportOptions(
        target=target,
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
