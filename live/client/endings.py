"""How connections end, and whether it is worth while to come back."""

from collections.abc import Mapping
from typing import Any

import msgspec
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from live.client.errors import ClientError, Unauthorized, Unreachable, error_of

EXPIRED, SLOW = 4401, 4408
ENDINGS = (OSError, EOFError, TimeoutError, ConnectionClosed, InvalidHandshake)
"""What a connection raises when it ends, or does not come about."""


def ending(odd: BaseException, renews: bool) -> ClientError:
    """What a connection's end means for who wanted it. Raises ClientError where coming back is no use: a token that is no good.

    `renews`: whether another token may come.
    """
    if isinstance(odd, InvalidStatus):
        made = error_of(odd.response.status_code, _problem(odd.response.body or b""), odd.response.headers.get("retry-after"))
        if made.status in (429, 500, 502, 503, 504) or (made.status == 401 and renews):
            return made
        raise made from None
    if isinstance(odd, ConnectionClosed) and odd.rcvd is not None and odd.rcvd.code == EXPIRED:
        expired = Unauthorized("the token has expired; get a new one", status=401, code="EXPIRED")
        if renews:
            return expired
        raise expired from None
    if isinstance(odd, Unreachable):
        return odd
    return Unreachable(f"the connection ended: {odd or type(odd).__name__}")


def _problem(body: bytes | bytearray) -> Mapping[str, Any]:
    try:
        found = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return {}
    return found if isinstance(found, dict) else {}
