"""The provider's metadata, which Airflow reads: connection form, configuration, classes."""

from __future__ import annotations

from typing import Any

from airflow_provider_rcs import __version__

DEFAULT_RCS_CONN_ID = "rcs_default"
DEFAULT_STORE_CONN_ID = "rcs_store"
STORE_URL_VARIABLE = "AIRFLOW_RCS_STORE_URL"

_INTEGRATION = "Rich Communication Services (RCS)"

# Both types: the form of Airflow 3.2 has a text field for it; that of 3.3 shows and saves an object.
_JSON_OBJECT = ["string", "object", "null"]

RCS_FIELD_BEHAVIOUR: dict[str, Any] = {
    "hidden-fields": ["schema"],
    "relabeling": {"host": "Base URL", "login": "API User", "password": "API Token"},
    "placeholders": {
        "host": "default: https://api.mensatek.com/v7",
        "port": "default: the base URL's (Test needs 443 in Airflow 3.3.1 and 3.3.2)",
        "login": "from Your Data -> Configure Account",
        "password": "from Your Data -> Configure Account",
    },
}

_NETWORK = "Network (all optional)"
_API_DETAILS = "API details (all optional)"


def _choice(default: str, *others: str) -> dict[str, Any]:
    """Return the schema of a choice that may be left unset; a switch would show unset as off."""
    return {
        "type": ["string", "null"],
        "enum": [default, *others, None],
        "values_display": {"null": f"{default} (default)"},
    }


# In the order of the form. Fields without a section are in Airflow's own, "Extra Fields", which comes first; Airflow
# 3.2 shows no section at all if that one is empty. No field has a default here: the form would save it for an untouched
# field, and a later version could not change it.
_CONNECTION_FIELDS: dict[str, dict[str, Any]] = {
    "agent": {
        "label": "RCS agent",
        "description": "The RCS agent to send as. Default: the account's only agent.",
        "schema": {"type": ["string", "null"]},
    },
    "batch_size": {
        "label": "Recipients per request",
        "description": "The most recipients of one request. Default: 1000 (assumed: the limit is not documented).",
        "schema": {"type": ["integer", "null"], "minimum": 1},
    },
    "timeout": {
        "label": "Time-out in seconds",
        "description": "Seconds for a request and its whole reply, once it is connected. Default: 60.",
        "schema": {"type": ["number", "null"], "section": _NETWORK},
    },
    "connect_timeout": {
        "label": "Time-out for connecting, in seconds",
        "description": "Seconds to wait for a connection. Default: 10.",
        "schema": {"type": ["number", "null"], "section": _NETWORK},
    },
    "proxies": {
        "label": "Proxies",
        "description": (
            'An object of scheme -> URL, such as {"https": "http://user:password@proxy:3128"}. Default: those of the '
            "workers' environment."
        ),
        "schema": {"type": ["string", "null"], "format": "password", "section": _NETWORK},
    },
    "verify": {
        "label": "Certificate authorities",
        "description": (
            "A file or folder on each worker with the certificate authorities to trust; false trusts any certificate, "
            "for tests only. Default: the usual authorities."
        ),
        "schema": {"type": ["string", "null"], "section": _NETWORK},
    },
    "cert": {
        "label": "Client certificate",
        "description": (
            'A file on each worker with certificate and key, or one for each: ["cert.pem", "key.pem"]. Default: none.'
        ),
        "schema": {"type": ["string", "null"], "section": _NETWORK},
    },
    "trust_env": {
        "label": "Trust the environment",
        "description": (
            "Whether to use proxies (HTTPS_PROXY) and authorities (REQUESTS_CA_BUNDLE) of the workers' environment "
            "where this connection names none. Default: true."
        ),
        "schema": {**_choice("true", "false"), "section": _NETWORK},
    },
    "body_format": {
        "label": "Format of requests",
        "description": "The format of request bodies, json or form. Default: json.",
        "schema": {**_choice("json", "form"), "section": _API_DETAILS},
    },
    "status_codes": {
        "label": "Status codes",
        "description": (
            'What codes in reports mean, such as {"20": "read"}: unknown, sent, delayed, failed, delivered, read or '
            "clicked. Default: the vendor's codes for SMS (assumed for RCS)."
        ),
        "schema": {"type": _JSON_OBJECT, "section": _API_DETAILS},
    },
    "paths": {
        "label": "Paths",
        "description": (
            'Paths of the calls send, list_templates, get_template and credits, such as {"send": "/send"}. Default: '
            "those of the API's document (two of them assumed)."
        ),
        "schema": {"type": _JSON_OBJECT, "section": _API_DETAILS},
    },
    "recipient_reference_key": {
        "label": "Reference key",
        "description": (
            "The key under which a recipient's own reference is sent. Default: the API's word for it (assumed; the "
            "page on connections quotes it)."
        ),
        "schema": {"type": ["string", "null"], "section": _API_DETAILS},
    },
    "zero_result": {
        "label": "A result of 0",
        "description": (
            "What it proves about a send: nothing_sent, so that it may be sent again, or unknown, which puts its "
            "recipients in doubt. Default: nothing_sent (assumed)."
        ),
        "schema": {**_choice("nothing_sent", "unknown"), "section": _API_DETAILS},
    },
}


_CONFIG = {
    "rcs": {
        "description": "Settings of the RCS provider.",
        "options": {
            "store_conn_id": {
                "description": "The connection of the store, which holds campaigns, messages and delivery reports.",
                "version_added": "0.1.0",
                "type": "string",
                "example": None,
                "default": "rcs_store",
            },
            "auto_migrate": {
                "description": (
                    "Whether the store's tables are created at their first use, in a database that has none. They are "
                    "never upgraded so: trigger the DAG rcs_maintenance, or run airflow-rcs migrate. A missing SQLite "
                    "file is not created, because it may have been lost."
                ),
                "version_added": "0.1.0",
                "type": "boolean",
                "example": None,
                "default": "True",
            },
            "reports_conn_id": {
                "description": (
                    "The connection whose login and password the RCS service must use when it pushes delivery reports "
                    "to Airflow's API server; or several, with commas between them, such as one for each account. "
                    "Without any, all reports are refused."
                ),
                "version_added": "0.1.0",
                "type": "string",
                "example": None,
                "default": "rcs_reports",
            },
            "reports_spool": {
                "description": (
                    "The folder in which the API server spools delivery reports while the store is unavailable. It "
                    "must be on a disk that outlives the API server, such as a persistent volume on Kubernetes, and "
                    "belong to one store only. Without it there is no spool, and such reports are answered 503."
                ),
                "version_added": "0.1.0",
                "type": "string",
                "example": "/var/spool/rcs",
                "default": "",
            },
            "reports_spool_megabytes": {
                "description": "Maximum size of the spool; reports that do not fit are answered 503.",
                "version_added": "0.1.0",
                "type": "integer",
                "example": "1024",
                "default": "256",
            },
            "reports_timezone": {
                "description": (
                    "The time zone of dates in delivery reports, which state none; by default Spain's (assumed)."
                ),
                "version_added": "0.1.0",
                "type": "string",
                "example": "UTC",
                "default": "Europe/Madrid",
            },
            "opt_out_words": {
                "description": (
                    "The words by which people opt out when they reply to a message, with commas between them. A "
                    "phone is suppressed if the whole reply is one of them, without case, accents and punctuation."
                ),
                "version_added": "0.1.0",
                "type": "string",
                "example": "BAJA, STOP, NO MORE",
                "default": "BAJA, STOP",
            },
            "lease_seconds": {
                "description": (
                    "How long a sending task counts as alive without renewing its lease. A retry after a kill waits "
                    "that long before it continues."
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
        "description": "Send RCS (Rich Communication Services) campaigns from a warehouse, and collect their reports.",
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
                    "airflow_provider_rcs.operators.reports",
                    "airflow_provider_rcs.operators.maintenance.accounts",
                    "airflow_provider_rcs.operators.maintenance.campaigns",
                    "airflow_provider_rcs.operators.maintenance.people",
                    "airflow_provider_rcs.operators.maintenance.reports",
                    "airflow_provider_rcs.operators.maintenance.setup",
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
        "extra-links": ["airflow_provider_rcs.operators.links.RcsCampaignLink"],
        "cli": ["airflow_provider_rcs.cli.definition.get_rcs_cli_commands"],
        "asset-uris": [{"schemes": ["rcs"], "handler": None}],
        "config": _CONFIG,
    }
