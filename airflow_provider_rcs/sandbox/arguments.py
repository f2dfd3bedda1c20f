"""The sandbox's options as arguments of a command line."""

from __future__ import annotations

import argparse
from pathlib import Path

from airflow_provider_rcs.sandbox.options import (
    DEFAULT_CODES,
    Account,
    EmptyTemplates,
    ReplyShape,
    ReportFormat,
    Reports,
    ReportTarget,
    SandboxOptions,
    Shares,
    Status,
    Trouble,
    Wire,
    WrongCredentials,
)
from airflow_provider_rcs.sandbox.templates import load_templates


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add every option of the sandbox to a parser."""
    _add_server(parser.add_argument_group("server"))
    _add_account(parser.add_argument_group("account"))
    _add_wire(parser.add_argument_group("requests and replies"))
    _add_trouble(parser.add_argument_group("trouble"))
    _add_reports(parser.add_argument_group("reports"))


def options_from_arguments(arguments: argparse.Namespace) -> SandboxOptions:
    """Put together what was parsed.

    :raises ValueError: if an option cannot be, with a text fit for the user.
    """
    return SandboxOptions(
        host=arguments.host,
        port=arguments.port,
        record=arguments.record,
        seed=arguments.seed,
        quiet=arguments.quiet,
        account=_account(arguments),
        wire=Wire(
            reply_shape=ReplyShape(arguments.reply_shape),
            empty_templates=EmptyTemplates(arguments.empty_templates),
            wrong_credentials=WrongCredentials(arguments.wrong_credentials),
            recipient_reference_key=arguments.recipient_reference_key,
        ),
        trouble=Trouble(
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
    group.add_argument("--port", type=int, default=default.port, help="0 takes a free one (default: %(default)s)")
    group.add_argument("--record", type=Path, metavar="FILE", help="append everything accepted, and continue from it")
    group.add_argument("--seed", type=int, default=default.seed, help="decides all chance (default: %(default)s)")
    group.add_argument("--quiet", action="store_true", help="log warnings only")


def _add_account(group: argparse._ArgumentGroup) -> None:
    default = Account()
    group.add_argument("--login", default=default.login, help="API User (default: %(default)s)")
    group.add_argument("--password", default=default.password, help="API Token (default: %(default)s)")
    group.add_argument("--agent", action="append", help=f"again for more (default: {default.agents[0]})")
    group.add_argument("--credit", type=int, default=default.credit, help="messages left (default: %(default)s)")
    group.add_argument("--templates", type=Path, metavar="FILE", help="JSON: [{id, name, variables: {name: type}}]")
    group.add_argument("--refused-phone", action="append", default=[], help="never sent to; again for more")
    group.add_argument(
        "--batch-limit",
        type=int,
        default=default.batch_limit,
        help="recipients in a request (default: %(default)s)",
    )


def _add_wire(group: argparse._ArgumentGroup) -> None:
    default = Wire()
    group.add_argument(
        "--reply-shape", choices=list(ReplyShape), default=default.reply_shape, help="(default: %(default)s)"
    )
    group.add_argument(
        "--empty-templates",
        choices=list(EmptyTemplates),
        default=default.empty_templates,
        help="what stands for no templates (default: %(default)s)",
    )
    group.add_argument(
        "--wrong-credentials",
        choices=list(WrongCredentials),
        default=default.wrong_credentials,
        help="answered by a result of -1, or by status 401 (default: %(default)s)",
    )
    group.add_argument(
        "--recipient-reference-key",
        default=default.recipient_reference_key,
        help="key of a recipient's own reference (default: %(default)s)",
    )


def _add_trouble(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--latency", type=float, default=0.0, help="seconds before the reply to a send")
    group.add_argument("--error-rate", type=float, default=0.0, help="share of sends answered by 500, not accepted")
    group.add_argument("--drop-rate", type=float, default=0.0, help="share of sends accepted, then cut off")
    group.add_argument("--max-requests-per-second", type=int, help="more are answered by 429")


def _add_reports(group: argparse._ArgumentGroup) -> None:
    default = Reports()
    group.add_argument("--report-url", help="where reports are pushed (default: nowhere)")
    group.add_argument("--report-login", help="for HTTP Basic (default: no authentication)")
    group.add_argument("--report-password", default="")
    group.add_argument(
        "--report-format", choices=list(ReportFormat), default=ReportFormat.JSON, help="(default: %(default)s)"
    )
    group.add_argument("--report-workers", type=int, default=default.workers, help="(default: %(default)s)")
    group.add_argument("--report-retries", type=int, default=default.retries, help="(default: %(default)s)")
    group.add_argument(
        "--report-delay",
        type=float,
        default=default.delay,
        help="seconds between two reports of a message (default: %(default)s)",
    )
    group.add_argument(
        "--report-jitter",
        type=float,
        default=default.jitter,
        help="most seconds of chance on top (default: %(default)s)",
    )
    codes = ", ".join(f"{status}={code}" for status, code in DEFAULT_CODES.items())
    group.add_argument(
        "--code",
        action="append",
        default=[],
        type=_code,
        metavar="STATUS=CODE",
        help=f"again for more (default: {codes}; the one for read is made up, none is known)",
    )
    for option, share in (
        ("--failed-share", default.shares.failed),
        ("--only-sent-share", default.shares.only_sent),
        ("--fallback-share", default.shares.fallback),
        ("--read-share", default.shares.read),
        ("--temporarily-failed-share", default.shares.temporarily_failed),
        ("--repeated-share", default.shares.repeated),
        ("--out-of-order-share", default.shares.out_of_order),
    ):
        group.add_argument(option, type=float, default=share, help="(default: %(default)s)")
    group.add_argument(
        "--fallback-service",
        default=default.fallback_service,
        help="which reports on what failed and fell back (default: %(default)s)",
    )


def _account(arguments: argparse.Namespace) -> Account:
    default = Account()
    return Account(
        login=arguments.login,
        password=arguments.password,
        agents=tuple(arguments.agent or default.agents),
        credit=arguments.credit,
        templates=load_templates(arguments.templates) if arguments.templates else default.templates,
        refused_phones=frozenset(arguments.refused_phone),
        batch_limit=arguments.batch_limit,
    )


def _reports(arguments: argparse.Namespace) -> Reports:
    target = None
    if arguments.report_url:
        target = ReportTarget(
            url=arguments.report_url,
            login=arguments.report_login,
            password=arguments.report_password,
            format=ReportFormat(arguments.report_format),
        )
    return Reports(
        target=target,
        workers=arguments.report_workers,
        retries=arguments.report_retries,
        delay=arguments.report_delay,
        jitter=arguments.report_jitter,
        codes={**DEFAULT_CODES, **dict(arguments.code)},
        shares=Shares(
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


def _code(text: str) -> tuple[Status, int]:
    status, _, code = text.partition("=")
    try:
        return Status(status), int(code)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not STATUS=CODE with one of {', '.join(Status)}") from None
