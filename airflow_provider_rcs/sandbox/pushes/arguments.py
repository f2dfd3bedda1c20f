"""The options of what is pushed, as command-line arguments."""

from __future__ import annotations

import argparse

from airflow_provider_rcs.sandbox.options import (
    DEFAULT_CODES,
    Compression,
    FallbackFormat,
    ReportFormat,
    ReportOptions,
    ReportShares,
    ReportTarget,
    SandboxStatus,
)


def add_push_arguments(group: argparse._ArgumentGroup) -> None:
    """Add the options of what is pushed."""
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
    group.add_argument(
        "--report-format",
        choices=list(ReportFormat),
        help="form of the bodies (default: json, and form for the fallback format sms-5.8)",
    )
    group.add_argument(
        "--report-compression",
        choices=list(Compression),
        default=default.compression,
        help="compression of the bodies (default: %(default)s)",
    )
    group.add_argument(
        "--check-target", action="store_true", help="push only once the URL has answered HEAD and GET with 200"
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
        ("--replies-share", default.shares.replies, "share of delivered messages that a person answers with a text"),
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
        "--fallback-format",
        choices=list(FallbackFormat),
        default=default.fallback_format,
        help="whose field names the reports of messages that fell back have (default: %(default)s)",
    )
    group.add_argument(
        "--fallback-service",
        help="name of the fallback service in reports (default: SMS with rcs, SMSMASIVO with sms-7; sms-5.8 has none)",
    )


def report_options(arguments: argparse.Namespace) -> ReportOptions:
    """Return the options that were parsed.

    :raises ValueError: if an option is invalid; the text is meant for the user.
    """
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
            replies=arguments.replies_share,
            temporarily_failed=arguments.temporarily_failed_share,
            repeated=arguments.repeated_share,
            out_of_order=arguments.out_of_order_share,
        ),
        fallback_format=FallbackFormat(arguments.fallback_format),
        fallback_service=arguments.fallback_service,
        body_format=None if arguments.report_format is None else ReportFormat(arguments.report_format),
        compression=Compression(arguments.report_compression),
        check_target=arguments.check_target,
    )


def _code(text: str) -> tuple[SandboxStatus, int]:
    status, _, code = text.partition("=")
    try:
        return SandboxStatus(status), int(code)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not STATUS=CODE with a status of {', '.join(SandboxStatus)}"
        ) from None
