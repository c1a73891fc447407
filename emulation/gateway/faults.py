"""Error answers in the form of each of AWS's wire protocols."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from emulation.gateway.api_call import Protocol

_S3_XMLNS = "http://s3.amazonaws.com/doc/2006-03-01/"


@dataclass(frozen=True)
class Answer:
    """An HTTP answer of the gateway itself."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Fault:
    """One kind of error, with its codes and statuses in each family of protocols."""

    json_code: str
    xml_code: str
    s3_code: str
    json_status: int
    status: int

    def code(self, protocol: Protocol) -> str:
        """Return the error code that a client of ``protocol`` sees."""
        if protocol is Protocol.REST_XML:
            return self.s3_code
        return self.xml_code if protocol is Protocol.QUERY else self.json_code


ACCESS_DENIED = Fault("AccessDeniedException", "AccessDenied", "AccessDenied", 400, 403)
UNKNOWN_KEY = Fault(
    "UnrecognizedClientException", "InvalidClientTokenId", "InvalidAccessKeyId", 400, 403
)
NOT_SIGNED = Fault(
    "MissingAuthenticationTokenException", "MissingAuthenticationToken", "AccessDenied", 400, 403
)
FAILED = Fault("InternalServerError", "InternalFailure", "InternalError", 500, 500)
UNAVAILABLE = Fault("ServiceUnavailable", "ServiceUnavailable", "ServiceUnavailable", 503, 503)


def answer(
    fault: Fault, message: str, protocol: Protocol, *, query_compatible: bool = False
) -> Answer:
    """Return the answer to a refused request.

    Parameters
    ----------
    fault, message
        The kind of error, and its message.
    protocol
        The client's protocol.
    query_compatible
        Whether clients still expect the error codes of the query protocol, which the service
        used before.
    """
    code, request_id = fault.code(protocol), str(uuid.uuid4())
    headers = {"x-amzn-RequestId": request_id}
    if query_compatible:
        headers["x-amzn-query-error"] = f"{fault.xml_code};Sender"
    text = message.encode("utf-8", "backslashreplace").decode()
    if protocol is Protocol.REST_XML:
        xml = f"<Error><Code>{code}</Code><Message>{escape(text)}</Message>" + (
            f"<RequestId>{request_id}</RequestId></Error>"
        )
        return _xml(fault.status, xml, headers)
    if protocol is Protocol.QUERY:
        xml = f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code>" + (
            f"<Message>{escape(text)}</Message></Error>"
            f"<RequestId>{request_id}</RequestId></ErrorResponse>"
        )
        return _xml(fault.status, xml, headers)
    if protocol is Protocol.CBOR:
        headers |= {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
        return Answer(fault.json_status, headers, _cbor({"__type": code, "message": text}))
    status = fault.status if protocol is Protocol.REST_JSON else fault.json_status
    headers |= {"Content-Type": "application/x-amz-json-1.1", "x-amzn-errortype": code}
    return Answer(status, headers, json.dumps({"__type": code, "Message": text}).encode())


def deletion_refused(refused: Mapping[str, str], others: Sequence[str]) -> Answer:
    """Return S3's answer to a DeleteObjects request that is not allowed for every key.

    AWS deletes the other keys. Here nothing is deleted, and the answer says so for the other
    keys, because a signed request can only be forwarded whole.

    Parameters
    ----------
    refused
        The keys that may not be deleted, and why.
    others
        The other keys of the request.
    """
    reasons = {key: ("AccessDenied", message) for key, message in refused.items()}
    left = "not deleted: another key of the same request was refused"
    errors = "".join(
        f"<Error><Key>{escape(key)}</Key><Code>{code}</Code>"
        f"<Message>{escape(message)}</Message></Error>"
        for key, (code, message) in (
            reasons | dict.fromkeys(others, ("InternalError", left))
        ).items()
    )
    return _xml(200, f'<DeleteResult xmlns="{_S3_XMLNS}">{errors}</DeleteResult>', {})


def _xml(status: int, document: str, headers: Mapping[str, str]) -> Answer:
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n{document}'
    return Answer(status, {**headers, "Content-Type": "application/xml"}, body.encode())


def _cbor(texts: Mapping[str, str]) -> bytes:
    def head(major: int, size: int) -> bytes:
        # A length of four bytes is valid for every size, so that there is only one case.
        return bytes([major << 5 | 26]) + size.to_bytes(4, "big")

    items = [text.encode() for pair in texts.items() for text in pair]
    return head(5, len(texts)) + b"".join(head(3, len(item)) + item for item in items)
