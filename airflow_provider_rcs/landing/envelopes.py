"""The envelopes in which API gateways, queues and Airflow's triggers pass a request's body on.

Each is recognised by keys that no report has. Our own is ``{"body": ..., "content_type": ..., "received_at": ...}``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple


class Content(NamedTuple):
    """What is in an envelope; it may be an envelope itself.

    :param value: the body: text, bytes, or what the gateway has parsed.
    :param content_type: the content type of the request; empty if the envelope does not say.
    :param received_at: when the request was received, in whatever form; ``None`` if the envelope does not say.
    :param is_base64: whether the value is Base64 of the body.
    """

    value: Any
    content_type: str = ""
    received_at: object = None
    is_base64: bool = False


def contents_of(envelope: Mapping[Any, Any]) -> list[Content] | None:
    """Return what is in an envelope, or ``None`` if the object is none."""
    for read in (_of_event, _of_request, _of_message):
        contents = read(envelope)
        if contents is not None:
            return contents
    return None


def _of_event(envelope: Mapping[Any, Any]) -> list[Content] | None:
    """Return what is in several messages together: the events of Airflow's triggers, and batches."""
    match envelope:
        case {"message_batch": list(messages)}:  # SQS, by Airflow's trigger
            return _each(messages)
        case {"status": _, "message": list(messages)}:  # Pub/Sub, by Airflow's trigger
            return _each(messages)
        case {"Records": list(messages)} | {"Messages": list(messages)}:  # SQS, by AWS Lambda and by its API
            return _each(messages)
        case {"type": "message", "channel": _, "data": data}:  # Redis, by Airflow's trigger
            return [Content(data)]
        case {"message": str(text), "queue": _} | {"message": str(text), "topic": _}:  # Service Bus, by the same
            return [Content(text)]
    return None


def _of_request(envelope: Mapping[Any, Any]) -> list[Content] | None:
    """Return what is in a request, as API gateways write it."""
    match envelope:
        case {"body": _, "body_base64": _} if None not in (envelope["body"], envelope["body_base64"]):
            return None  # Which of the two counts is not certain.
        case {"body_base64": str(body)}:
            return [Content(body, _text(envelope.get("content_type")), envelope.get("received_at"), is_base64=True)]
        case {"body": body, "isBase64Encoded": is_base64}:  # AWS: API Gateway, function URLs, load balancers
            context = _object(envelope.get("requestContext"))
            at = context.get("timeEpoch") or context.get("requestTimeEpoch")
            content_type = _header(envelope.get("headers"))
            return [Content(body, content_type, at, is_base64 in (True, "true"))]
        case {"body": body, "messageId": _}:  # a record of SQS, as AWS Lambda gets it
            return [_of_sqs(body, envelope.get("attributes"), envelope.get("messageAttributes"))]
        case {"body": body}:
            return [Content(body, _text(envelope.get("content_type")), envelope.get("received_at"))]
    return None


def _of_message(envelope: Mapping[Any, Any]) -> list[Content] | None:
    """Return what is in a message, as queues and brokers write it."""
    match envelope:
        case {"Body": body, "MessageId": _}:  # SQS
            return [_of_sqs(body, envelope.get("Attributes"), envelope.get("MessageAttributes"))]
        case {"Message": body, "TopicArn": _}:  # SNS
            return [Content(body, "", envelope.get("Timestamp"))]
        case {"specversion": _, "data_base64": data}:  # CloudEvents
            return [Content(data, _text(envelope.get("datacontenttype")), envelope.get("time"), is_base64=True)]
        case {"specversion": _, "data": data}:
            return [Content(data, _text(envelope.get("datacontenttype")), envelope.get("time"))]
        case {"eventType": _, "eventTime": at, "data": data}:  # Event Grid's own
            return [Content(data, "", at)]
        case {"message": {"data": str(data)} as message}:  # Pub/Sub, pushed or pulled
            return [_of_pubsub(data, message)]
        case {"data": str(data), "message_id": _} | {"data": str(data), "messageId": _}:
            return [_of_pubsub(data, envelope)]
    return None


def _each(messages: Iterable[object]) -> list[Content]:
    return [Content(message) for message in messages]


def _of_sqs(body: object, attributes: object, own_attributes: object) -> Content:
    by_name = {str(name).lower(): value for name, value in _object(own_attributes).items()}
    named = _object(by_name.get("content-type") or by_name.get("content_type"))
    content_type = _text(named.get("StringValue") or named.get("stringValue"))
    return Content(body, content_type, _object(attributes).get("SentTimestamp"))


def _of_pubsub(data: str, message: Mapping[Any, Any]) -> Content:
    at = message.get("publish_time") or message.get("publishTime")
    return Content(data, _header(message.get("attributes")), at, is_base64=True)


def _header(headers: object) -> str:
    """Return the content type among headers, whose names may be in any case."""
    by_name = {str(name).lower(): value for name, value in _object(headers).items()}
    return _text(by_name.get("content-type") or by_name.get("content_type"))


def _object(value: object) -> Mapping[Any, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
