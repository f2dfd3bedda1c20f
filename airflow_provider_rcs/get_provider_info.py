"""What Airflow reads of this provider: connection form, configuration, classes and links."""

from __future__ import annotations

from typing import Any

from airflow_provider_rcs import __version__

_INTEGRATION = "Rich Communication Services (RCS)"

# Both types: the form of Airflow 3.2 has a line of text for it, and that of 3.3 shows an object that was set elsewhere
# and saves what is typed as one.
_JSON_OBJECT = {"type": ["string", "object", "null"]}

RCS_FIELD_BEHAVIOUR: dict[str, Any] = {
    "hidden-fields": ["schema"],
    "relabeling": {"host": "Base URL", "login": "API User", "password": "API Token"},
    "placeholders": {
        "host": "https://api.mensatek.com/v7",
        "port": "443 (Test needs it in Airflow 3.3.1 and 3.3.2)",
        "login": "from Your Data -> Configure Account",
        "password": "from Your Data -> Configure Account",
    },
}


def _choice(default: str, *others: str) -> dict[str, Any]:
    """Return the schema of a field that is left alone for its default; a switch would show that as off."""
    return {
        "type": ["string", "null"],
        "enum": [default, *others, None],
        "values_display": {"null": f"{default} (default)"},
    }


# No field has a default here: the form would save it for a field left alone, and a later version could not change it.
_CONNECTION_FIELDS = {
    "agent": {
        "label": "RCS agent",
        "description": "The agent to send as; not needed if the account has a single one.",
        "schema": {"type": ["string", "null"]},
    },
    "batch_size": {
        "label": "Recipients per request",
        "description": "The most recipients of one request; 1000 unless set (assumed: the limit is not documented).",
        "schema": {"type": ["integer", "null"], "minimum": 1},
    },
    "timeout": {
        "label": "Time-out in seconds",
        "description": "How long to wait for a reply; 60 unless set.",
        "schema": {"type": ["number", "null"]},
    },
    "connect_timeout": {
        "label": "Time-out for connecting, in seconds",
        "description": "How long to wait for a connection; 10 unless set.",
        "schema": {"type": ["number", "null"]},
    },
    "body_format": {
        "label": "Format of requests",
        "description": "In which format parameters are sent; json unless set.",
        "schema": _choice("json", "form"),
    },
    "status_codes": {
        "label": "Status codes",
        "description": (
            'Overrides of what report codes mean, such as {"20": "read"}; statuses are unknown, sent, delayed, '
            "failed, delivered, read, clicked."
        ),
        "schema": _JSON_OBJECT,
    },
    "paths": {
        "label": "Paths",
        "description": (
            'Overrides of the paths of calls, such as {"send": "/send"}; calls are send, list_templates, '
            "get_template, credits."
        ),
        "schema": _JSON_OBJECT,
    },
    "recipient_reference_key": {
        "label": "Reference key",
        "description": "Under which key a recipient's own reference is sent; the default is assumed.",
        "schema": {"type": ["string", "null"]},
    },
    "zero_result": {
        "label": "A result of 0",
        "description": (
            "What it proves of a send: nothing_sent, so that it may be sent again, or unknown, so that its recipients "
            "are in doubt; nothing_sent unless set (assumed)."
        ),
        "schema": _choice("nothing_sent", "unknown"),
    },
    "proxies": {
        "label": "Proxies",
        "description": 'An object of scheme -> URL, such as {"https": "http://user:password@proxy:3128"}.',
        "schema": {"type": ["string", "null"], "format": "password"},
    },
    "verify": {
        "label": "Certificate authorities",
        "description": (
            "A file or folder, on each worker, of the authorities that vouch for the service; the usual ones unless "
            "set. false trusts anyone, which is for tests alone."
        ),
        "schema": {"type": ["string", "null"]},
    },
    "cert": {
        "label": "Client certificate",
        "description": 'A file on each worker with certificate and key, or one for each: ["cert.pem", "key.pem"].',
        "schema": {"type": ["string", "null"]},
    },
    "trust_env": {
        "label": "Trust the environment",
        "description": (
            "Whether the workers' environment names proxies (HTTPS_PROXY) and authorities (REQUESTS_CA_BUNDLE) where "
            "this connection names none; yes unless set."
        ),
        "schema": _choice("true", "false"),
    },
}

_CONFIG = {
    "rcs": {
        "description": "Settings of the RCS provider.",
        "options": {
            "store_conn_id": {
                "description": "The connection of the store, in which campaigns, messages and reports are kept.",
                "version_added": "0.1.0",
                "type": "string",
                "example": None,
                "default": "rcs_store",
            },
            "reports_conn_id": {
                "description": (
                    "The connection whose login and password the RCS service must give when it pushes delivery "
                    "reports to Airflow's API server. Without it, all reports are refused."
                ),
                "version_added": "0.1.0",
                "type": "string",
                "example": None,
                "default": "rcs_reports",
            },
            "reports_spool": {
                "description": (
                    "The folder in which the API server keeps delivery reports while the store does not take them. It "
                    "must be on a disk that outlives the process, and one folder must be for one store. By default "
                    "rcs_reports_spool in Airflow's home, with a folder in it for each store connection."
                ),
                "version_added": "0.1.0",
                "type": "string",
                "example": "/var/spool/rcs",
                "default": "",
            },
            "reports_spool_megabytes": {
                "description": "How much the spool may hold; reports that do not fit are answered 503.",
                "version_added": "0.1.0",
                "type": "integer",
                "example": "1024",
                "default": "256",
            },
            "reports_timezone": {
                "description": (
                    "Whose clock the dates of delivery reports are by, which come without a zone; that it is Spain's "
                    "is assumed."
                ),
                "version_added": "0.1.0",
                "type": "string",
                "example": "UTC",
                "default": "Europe/Madrid",
            },
            "trusted_proxies": {
                "description": (
                    "Addresses or networks, with commas between them, of the proxies in front of the API server whose "
                    "X-Forwarded-For is believed, for the limit on wrong passwords by address. By default none."
                ),
                "version_added": "0.1.0",
                "type": "string",
                "example": "127.0.0.1, 10.0.0.0/8",
                "default": "",
            },
            "lease_seconds": {
                "description": (
                    "How long a task that sends counts as alive without a sign of life. A retry after a kill waits "
                    "that long before it goes on."
                ),
                "version_added": "0.1.0",
                "type": "integer",
                "example": "30",
                "default": "15",
            },
        },
    }
}


def get_provider_info() -> dict[str, Any]:
    """Return the provider's metadata, in the shape of Airflow's ``provider.yaml``."""
    return {
        "package-name": "airflow-provider-rcs",
        "name": "RCS",
        "description": "Send RCS (Rich Communication Services) campaigns from a warehouse, and gather their reports.",
        "versions": [__version__],
        "integrations": [
            {
                "integration-name": _INTEGRATION,
                "external-doc-url": "https://api.mensatek.com/v7",
                "tags": ["service"],
            }
        ],
        "connection-types": [
            {
                "connection-type": "rcs",
                "hook-class-name": "airflow_provider_rcs.hooks.rcs.RcsHook",
                "hook-name": "RCS",
                "ui-field-behaviour": RCS_FIELD_BEHAVIOUR,
                "conn-fields": _CONNECTION_FIELDS,
            }
        ],
        "hooks": [
            {
                "integration-name": _INTEGRATION,
                "python-modules": ["airflow_provider_rcs.hooks.rcs", "airflow_provider_rcs.hooks.store"],
            }
        ],
        "operators": [
            {
                "integration-name": _INTEGRATION,
                "python-modules": [
                    "airflow_provider_rcs.operators.rcs",
                    "airflow_provider_rcs.operators.approval",
                    "airflow_provider_rcs.operators.scheduled",
                ],
            }
        ],
        "sensors": [
            {
                "integration-name": _INTEGRATION,
                "python-modules": ["airflow_provider_rcs.sensors.rcs", "airflow_provider_rcs.sensors.credit"],
            }
        ],
        "triggers": [{"integration-name": _INTEGRATION, "python-modules": ["airflow_provider_rcs.triggers.rcs"]}],
        "notifications": ["airflow_provider_rcs.notifications.rcs.RcsNotifier"],
        "transfers": [
            {
                "source-integration-name": _INTEGRATION,
                "target-integration-name": _INTEGRATION,
                "python-module": module,
            }
            for module in ("airflow_provider_rcs.transfers.sql_to_rcs", "airflow_provider_rcs.transfers.reports_to_sql")
        ],
        "asset-uris": [{"schemes": ["rcs"], "handler": None}],
        "config": _CONFIG,
    }
