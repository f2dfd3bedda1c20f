"""The receiver as a tutorial would write it, with FastAPI, a model of the body, HTTP Basic and the ORM."""

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

import sqlalchemy as sa
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPBasic, HTTPBasicCredentials
from pydantic import BaseModel
from sqlalchemy.orm import DeclarativeBase, Session

from airflow_provider_rcs.store.db import inbox_tables
from airflow_provider_rcs.store.db.engine import prepare_engine


class _Base(DeclarativeBase):
    pass


class _Row(_Base):
    __table__ = inbox_tables.report


class _Report(BaseModel):
    # The names of the API.
    Servicio: str
    Estado: str
    Agente: str
    Destinatario: str
    RefCampaign: str
    RefMensaje: str
    Fecha: datetime
    idCampaign: str  # noqa: N815
    idMensaje: str  # noqa: N815


def application(url: str, login: str, password: str) -> FastAPI:
    """Return the application.

    :param url: URL of a migrated store.
    """
    # On a slow disk a request waits for a connection for longer than the pool's half a minute.
    app, engine = FastAPI(), prepare_engine(sa.create_engine(url, pool_timeout=600))

    def check(given: Annotated[HTTPBasicCredentials, Depends(HTTPBasic())]) -> None:
        login_is_right = secrets.compare_digest(given.username.encode(), login.encode())
        password_is_right = secrets.compare_digest(given.password.encode(), password.encode())
        if not (login_is_right and password_is_right):
            raise HTTPException(401, "wrong login or password", {"WWW-Authenticate": "Basic"})

    def in_session() -> Iterator[Session]:
        with Session(engine) as session:
            yield session

    @app.post("/rcs/reports", dependencies=[Depends(check)])
    def take(report: _Report, session: Annotated[Session, Depends(in_session)]) -> dict[str, int]:
        session.add(
            _Row(
                received_at=datetime.now(UTC),
                service=report.Servicio,
                status_code=report.Estado,
                agent=report.Agente,
                phone=report.Destinatario,
                campaign_reference=report.RefCampaign,
                message_reference=report.RefMensaje,
                reported_at=report.Fecha.astimezone(UTC),
                reported_at_text=str(report.Fecha),
                api_campaign_id=report.idCampaign,
                api_message_id=report.idMensaje,
                extra={},
            )
        )
        session.commit()
        return {"committed": 1}

    return app
