"""Committing raw bodies to the store, many at a time, as the receiver does with what is pushed to it."""

from __future__ import annotations

import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, tzinfo
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from airflow_provider_rcs.api.accounts import ANOTHER_WAY, ReportsConnection
from airflow_provider_rcs.api.counts import counted
from airflow_provider_rcs.api.errors import RcsLandingError, RcsRefusedDataError
from airflow_provider_rcs.api.masking import mask_phones_in_text
from airflow_provider_rcs.api.wire import lenient_json
from airflow_provider_rcs.landing.file_contents import bodies_of_file
from airflow_provider_rcs.landing.files import BodyFile
from airflow_provider_rcs.landing.raw_bodies import RawBody, within_limits
from airflow_provider_rcs.store.inbox.bodies import received
from airflow_provider_rcs.store.inbox.landing import (
    REJECTED_BY_DATABASE,
    ReceivedReports,
    RefusedReport,
    accepts_another_report,
    land_all,
)

if TYPE_CHECKING:
    from typing import TypeAlias

    Disposal: TypeAlias = Callable[[BodyFile], None]

log = logging.getLogger(__name__)

_BODIES_PER_COMMIT = 1_000
_BYTES_PER_COMMIT = 4 * 1024 * 1024
_SECONDS_BETWEEN_LINES = 5.0
_FAILURES_SHOWN = 5
_THREADS = 16
_FILES_AHEAD = 2 * _THREADS


class _Waiting(NamedTuple):
    """A body that is read and not committed yet."""

    raw: RawBody
    received: ReceivedReports


class Landing:
    """Commits raw bodies; what of them cannot be understood is kept with the refused.

    A body that is landed again changes nothing: its reports fold to the same status.

    :param engine: the store.
    :param timezone: the time zone of dates in reports that state none.
    :param opt_out_words: the replies by which people opt out.
    :param let_in_by: the connection that the bodies count as let in by.
    """

    def __init__(
        self,
        engine: sa.Engine,
        timezone: tzinfo,
        opt_out_words: Collection[str],
        let_in_by: ReportsConnection = ANOTHER_WAY,
    ) -> None:
        self._engine = engine
        self._timezone = timezone
        self._opt_out_words = opt_out_words
        self._let_in_by = let_in_by
        self._waiting: list[_Waiting] = []
        self._bytes = 0
        self._commits = 0
        self._counts: Counter[str] = Counter()
        self._next_line = time.monotonic() + _SECONDS_BETWEEN_LINES

    def counts(self) -> dict[str, int]:
        """Return how many files and bodies were landed, and how many reports, replies and refused bodies they held."""
        return {name: self._counts[name] for name in ("files", "bodies", "reports", "inbound", "refused")}

    def land_bodies(self, bodies: Iterable[RawBody]) -> None:
        """Land bodies.

        :raises RcsStoreUnavailable: if some could not be committed; those before them are.
        """
        for raw in bodies:
            self._add(raw)
        self._commit()

    def land_files(self, files: Iterable[BodyFile], content_type: str, dispose: Disposal) -> None:
        """Land the bodies in files, and dispose of each file once all its bodies are committed.

        A file that was written again in the meantime stays for the next run, as does one of which the store holds only
        a part.

        :param content_type: the content type of bodies that have none of their own.
        :param dispose: moves or deletes a file.
        :raises RcsLandingError: at the end, if some files could not be read or disposed of.
        :raises RcsStoreUnavailable: if some could not be committed.
        """
        landed: list[BodyFile] = []
        failures: dict[str, Exception] = {}
        # In object storage, each of a file's four steps is a request: in turn, a thousand files would take minutes.
        with ThreadPoolExecutor(_THREADS, "rcs-landing") as threads:
            for file, content in _reading_ahead(files, threads):
                commits = self._commits
                if self._read_file(file, _bodies_in(file, content, content_type), failures):
                    landed.append(file)
                if self._commits > commits:
                    self._commit()
                    _dispose_of(landed, dispose, failures, threads)
            self._commit()
            _dispose_of(landed, dispose, failures, threads)
        if failures:
            raise _landing_error(failures)

    def _read_file(self, file: BodyFile, bodies: Iterator[RawBody], failures: dict[str, Exception]) -> bool:
        """Add the bodies of a file, and return whether nothing of it will be missing in the store."""
        is_whole = True
        try:
            for raw in bodies:
                is_whole = not self._add(raw).is_cut and is_whole
        except FileNotFoundError:
            return False  # Another run has landed it.
        except _ReadError as error:
            failures[file.name] = error.reason
            return False
        self._counts["files"] += 1
        if not is_whole:
            name = mask_phones_in_text(file.name)
            log.warning("%s has a body that is too large to be kept; the file is left where it is", name)
        return is_whole

    def _add(self, raw: RawBody) -> RawBody:
        """Add a body to the next commit, and return it as it is kept."""
        # An envelope may hold what no header does, and no database stores.
        raw = within_limits(replace(raw, content_type=lenient_json.text(raw.content_type)))
        self._waiting.append(_Waiting(raw, self._read(raw)))
        self._bytes += len(raw.body)
        if len(self._waiting) >= _BODIES_PER_COMMIT or self._bytes >= _BYTES_PER_COMMIT:
            self._commit()
        return raw

    def _read(self, raw: RawBody) -> ReceivedReports:
        at = raw.received_at or datetime.now(UTC)
        if raw.problem:
            refused = [RefusedReport(raw.problem, raw.content_type, raw.body)]
            return ReceivedReports(at, refused=refused, let_in_by=self._let_in_by)
        return received(raw.content_type, raw.body, at, self._timezone, self._let_in_by)

    def _commit(self) -> None:
        waiting, self._waiting, self._bytes = self._waiting, [], 0
        if not waiting:
            return
        landed = self._land(waiting)
        self._commits += 1
        for each in landed:
            self._counts["bodies"] += 1
            self._counts["reports"] += len(each.reports)
            self._counts["inbound"] += len(each.inbound)
            self._counts["refused"] += len(each.refused)
        if time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + _SECONDS_BETWEEN_LINES
            log.info("Landed so far: %s", ", ".join(f"{count} {name}" for name, count in self.counts().items()))

    def _land(self, waiting: list[_Waiting]) -> list[ReceivedReports]:
        """Commit bodies, and return what was committed of them."""
        try:
            self._land_all([each.received for each in waiting])
        except (RcsRefusedDataError, sa.exc.StatementError):
            if len(waiting) > 1:
                return [landed for each in waiting for landed in self._land([each])]
            if not accepts_another_report(self._engine):
                raise
            return [self._land_apart(waiting[0])]
        return [each.received for each in waiting]

    def _land_apart(self, waiting: _Waiting) -> ReceivedReports:
        """Commit each report of a body by itself, and the body as refused if the database refuses one of them."""
        whole = waiting.received
        empty = whole._replace(reports=(), refused=(), inbound=())
        refused = whole.refused or [RefusedReport(REJECTED_BY_DATABASE, waiting.raw.content_type, waiting.raw.body)]
        landed = whole._replace(
            reports=[each for each in whole.reports if self._is_landed(empty._replace(reports=[each]))],
            refused=refused,
            inbound=[each for each in whole.inbound if self._is_landed(empty._replace(inbound=[each]))],
        )
        self._land_all([empty._replace(refused=refused)])
        return landed

    def _is_landed(self, part: ReceivedReports) -> bool:
        try:
            self._land_all([part])
        except (RcsRefusedDataError, sa.exc.StatementError):
            return False
        return True

    def _land_all(self, received: Sequence[ReceivedReports]) -> None:
        land_all(self._engine, received, self._opt_out_words)


class _ReadError(Exception):
    """A file could not be read.

    :param reason: why, as its file system says.
    """

    def __init__(self, reason: Exception) -> None:
        super().__init__()
        self.reason = reason


def _reading_ahead(
    files: Iterable[BodyFile], threads: ThreadPoolExecutor
) -> Iterator[tuple[BodyFile, Future[bytes] | None]]:
    """Yield files in their order with their content, of which small ones are read in threads ahead of time."""
    ahead: deque[tuple[BodyFile, Future[bytes] | None]] = deque()
    for file in files:
        ahead.append((file, threads.submit(file.read) if file.is_small else None))
        if len(ahead) > _FILES_AHEAD:
            yield ahead.popleft()
    yield from ahead


def _bodies_in(file: BodyFile, content: Future[bytes] | None, content_type: str) -> Iterator[RawBody]:
    """Yield the bodies in a file; errors of its file system are raised apart from those of the store.

    :param content: the content of a small file; a larger one is read piece by piece.
    """
    try:
        with file.open() if content is None else BytesIO(content.result()) as opened:
            yield from bodies_of_file(opened, content_type, file.modified_at)
    except FileNotFoundError:
        raise
    except Exception as error:
        raise _ReadError(error) from error


def _dispose_of(
    landed: list[BodyFile], dispose: Disposal, failures: dict[str, Exception], threads: ThreadPoolExecutor
) -> None:
    """Dispose of files whose bodies are committed, unless they were written again."""

    def dispose_of_one(file: BodyFile) -> Exception | None:
        try:
            with suppress(FileNotFoundError):
                if file.is_unchanged():
                    dispose(file)
        except Exception as error:  # noqa: BLE001 - errors of file systems have no common class
            return error
        return None

    results = zip(landed, threads.map(dispose_of_one, landed), strict=True)
    failures.update({file.name: error for file, error in results if error is not None})
    landed.clear()


def _landing_error(failures: dict[str, Exception]) -> RcsLandingError:
    lines = [f"{name}: {type(error).__name__}: {str(error).partition(chr(10))[0]}" for name, error in failures.items()]
    more = [f"and {len(lines) - _FAILURES_SHOWN} more"] if len(lines) > _FAILURES_SHOWN else []
    shown = "\n".join([*lines[:_FAILURES_SHOWN], *more])
    files = counted(len(lines), "file", "files")
    problem = f"{files} could not be read, moved or deleted. {RcsLandingError.remedy}"
    return RcsLandingError(f"{problem}\n{mask_phones_in_text(shown)}")
