"""Bodies as clients of the service push them."""

from __future__ import annotations

from collections.abc import Mapping
from encodings import aliases

from hypothesis import strategies as st

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
BOUNDARY = b"x1"
MULTIPART = "multipart/form-data; boundary=x1"

SMS_RECEIVED = {
    "Servicio": "SMSRECIBIDO",
    "timestamp": "1607000400",
    "Fecha": "2020-12-03 12:00:00",
    "Movil": "34600000001",
    "Remitente": "34900000000",
    "Mensaje": "BAJA",
    "idR": "881",
    "idM": "33434444443",
    "Referencia": "36578294H",
}
"""A reply of a person to an SMS (public)."""

content_types = st.sampled_from(
    [JSON, FORM, MULTIPART, MULTIPART + "; charset=utf-7", MULTIPART + "; charset=no-such", "text/plain", ""]
) | st.tuples(
    st.sampled_from([JSON, FORM, MULTIPART]),
    st.sampled_from(["charset=", "charset*=", "charset*0*=", "charset*=utf-8''", "boundary*=utf-8''", "boundary="]),
    st.sampled_from(sorted(aliases.aliases.values())) | st.text(max_size=12),
).map("; ".join)


def multipart(fields: Mapping[str, bytes], boundary: bytes = BOUNDARY) -> bytes:
    """Return a multipart form."""
    parts = (
        b'--%b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (boundary, name.encode(), value)
        for name, value in fields.items()
    )
    return b"".join(parts) + b"--%b--\r\n" % boundary
