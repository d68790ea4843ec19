"""What risk and admin may do: kill, halt, set limits; each with a reason, which is written down with who before it is carried out."""

import asyncio
import hmac
import urllib.parse
from typing import Any

import numpy as np

from engine.messages.commands import Command
from engine.messages.commands import halt as halt_command
from engine.messages.commands import kill as kill_command
from engine.messages.commands import resume as resume_command
from engine.messages.commands import revive as revive_command
from engine.messages.glossary import REASONS
from engine.messages.vocabulary import Kind, Reason
from live.gateway.calls import Answer, Call, named, only, unreadable, why
from live.gateway.desk import Desk
from live.gateway.problems import Problem, missing
from live.gateway.reading import limits, portfolio, symbol
from live.gateway.security.configuration import ClientSettings
from live.gateway.security.issuer import LocalIssuer
from live.gateway.security.principals import Role
from live.models.market import controls
from live.wire.command_json import command_of
from live.wire.errors import WireError


async def _carried_out(desk: Desk, call: Call, action: str, reason: str, command: Command, **about: Any) -> dict[str, Any]:
    """Write down who and why, then do it. Raises Problem."""
    number, digest = await desk.audit(call.who.subject, action, reason, **about)
    facts = await desk.carry_out(command, number, digest)
    refused = np.flatnonzero(facts["kind"] == Kind.CommandRejected)
    of = Reason(int(facts[refused[0]]["reason"])) if len(refused) else Reason.NONE
    await desk.audited(number, facts, of.name if len(refused) else None)
    if len(refused):
        raise Problem(422, of.name, f"{of.name}: {REASONS[of]}")
    return {"seq": int(facts["seq"][-1]) if len(facts) else desk.models.seq, "reason": reason, "by": call.who.subject, **about}


def _target(desk: Desk, given: dict[str, Any]) -> dict[str, str | None]:
    """Whom a kill means. Raises Problem (404) for a name that the session does not know."""
    only(given, "portfolio", "trader")
    found = {field: named(given, field) for field in ("portfolio", "trader")}
    for field, table in (("portfolio", desk.names.portfolios), ("trader", desk.names.traders)):
        name = found[field]
        if name is not None and name not in table:
            raise missing(field, name, "the session has none of that name")
    return found


def _given(call: Call) -> dict[str, Any]:
    """The body of a DELETE, or its parameters where a client can send no body with it."""
    return call.object() if call.body or not call.query else dict(call.query)


async def kill(desk: Desk, call: Call) -> Answer:
    """POST /v1/kill."""
    given = call.object()
    reason, target = why(given), _target(desk, given)
    return Answer(201, await _carried_out(desk, call, "KILL", reason, kill_command(target["portfolio"], target["trader"]), **target))


async def revive(desk: Desk, call: Call) -> Answer:
    """DELETE /v1/kill."""
    given = _given(call)
    reason, target = why(given), _target(desk, given)
    return Answer(200, await _carried_out(desk, call, "REVIVE", reason, revive_command(target["portfolio"], target["trader"]), **target))


async def halt(desk: Desk, call: Call) -> Answer:
    """POST /v1/halts/{symbol}."""
    name, given = symbol(desk, call.path["symbol"]), call.object()
    reason = why(given)
    only(given)
    return Answer(201, await _carried_out(desk, call, "HALT", reason, halt_command(name), symbol=name))


async def resume(desk: Desk, call: Call) -> Answer:
    """DELETE /v1/halts/{symbol}."""
    name, given = symbol(desk, call.path["symbol"]), _given(call)
    reason = why(given)
    only(given)
    return Answer(200, await _carried_out(desk, call, "RESUME", reason, resume_command(name), symbol=name))


async def set_limits(desk: Desk, call: Call) -> Answer:
    """PUT /v1/portfolios/{name}/limits: all of them; one that is not named is no limit."""
    name, given = portfolio(desk, call), call.object()
    reason = why(given)
    try:
        command = command_of({"kind": "SET_LIMITS", "portfolio": name, "limits": given})
    except WireError as odd:
        raise unreadable(odd) from None
    await _carried_out(desk, call, "SET_LIMITS", reason, command, portfolio=name, limits={k: str(v) for k, v in given.items()})
    return Answer(200, limits(desk, name))


async def list_controls(desk: Desk, call: Call) -> Answer:
    """GET /v1/controls."""
    found = await desk.ask(controls)
    if not call.who.oversees:
        found["portfolios"] = [name for name in found["portfolios"] if call.who.sees_portfolio(name)]
        found["traders"] = [name for name in found["traders"] if name == call.who.trader]
        return Answer(200, found)
    return Answer(200, {**found, "actions": await asyncio.to_thread(desk.actions)})


def token_for(issuer: LocalIssuer | None, clients: list[ClientSettings], call: Call) -> Answer:
    """POST /v1/token: OAuth2 client credentials, as a form or by HTTP Basic. Raises Problem."""
    given = dict(urllib.parse.parse_qsl(call.body.decode("utf-8", "replace")))
    if given.get("grant_type") != "client_credentials":
        raise Problem(
            400, "unsupported_grant_type", "send the form grant_type=client_credentials", more={"error": "unsupported_grant_type"}
        )
    name, secret = _basic(call.headers.get("authorization", "")) or (given.get("client_id", ""), given.get("client_secret", ""))
    found = next((one for one in clients if hmac.compare_digest(one.id.encode(), name.encode())), None)
    expected = found.secret if found is not None else "\0"
    good = hmac.compare_digest(expected.encode(), secret.encode())
    if issuer is None or found is None or not good:
        more, headers = {"error": "invalid_client"}, {"www-authenticate": 'Basic realm="tapebook"'}
        raise Problem(401, "invalid_client", "no client has that id and secret", more=more, headers=headers)
    roles = [Role(one) for one in found.roles]
    made = issuer.token(roles, trader=found.trader, portfolios=found.portfolios, hours=found.hours, subject=found.id)
    return Answer(200, {"access_token": made, "token_type": "Bearer", "expires_in": int(found.hours * 3600)}, {"cache-control": "no-store"})


def _basic(header: str) -> tuple[str, str] | None:
    """Id and secret of HTTP Basic."""
    import base64

    kind, _, rest = header.partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        name, _, secret = base64.b64decode(rest, validate=True).decode().partition(":")
    except ValueError:
        return None
    return urllib.parse.unquote(name), urllib.parse.unquote(secret)
