"""The sandbox's options as command-line arguments."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from airflow_provider_rcs.sandbox.model import SandboxTemplate, VariableType
from airflow_provider_rcs.sandbox.options import (
    ReplyShape,
    ReplyValues,
    RetryAfter,
    SandboxAccount,
    SandboxOptions,
)
from airflow_provider_rcs.sandbox.pushes.arguments import add_push_arguments, report_options
from airflow_provider_rcs.sandbox.quirks import MEANINGS, Quirk


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the sandbox's options to a parser."""
    _add_server(parser.add_argument_group("server"))
    _add_account(parser.add_argument_group("account"))
    _add_service(parser.add_argument_group("replies"))
    add_push_arguments(parser.add_argument_group("reports"))


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
        reply_values=None if arguments.reply_values is None else ReplyValues(arguments.reply_values),
        quirks=frozenset(map(Quirk, arguments.quirk)),
        latency=arguments.latency,
        requests_per_second=arguments.requests_per_second,
        retry_after=RetryAfter(arguments.retry_after),
        reports=report_options(arguments),
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
        help="shape of replies (default: %(default)s)",
    )
    group.add_argument(
        "--reply-values",
        choices=list(ReplyValues),
        help="how JSON replies write numbers and arrays (default: as the shape has been observed)",
    )
    group.add_argument(
        "--quirk",
        action="append",
        default=[],
        choices=list(Quirk),
        help=f"oddity of the service; repeatable: {'; '.join(f'{quirk}: {text}' for quirk, text in MEANINGS.items())}",
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
