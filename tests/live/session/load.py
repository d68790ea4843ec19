"""A session in a process of its own, to be killed: commands come by a line protocol on loopback, or from a Kafka.

`python -m tests.live.session.load OUT [SERVERS]` prints its port, or 0, when it runs. A line `ID SYMBOL SIDE QUANTITY PRICE` is answered,
once it is committed, by `ID SEQ KIND REASON` of the command's first fact.
"""

import asyncio
import sys
from decimal import Decimal
from pathlib import Path

from engine import Side, limit
from engine.messages.vocabulary import Kind, Reason
from live.cli.runner import Options, run_session
from live.configuration.session import SessionSettings
from live.session.session import Session
from live.writer.intake import Stopping

SYMBOLS = ("X", "Y")
TRADER, PORTFOLIO, NAME = "ann", "fund", "desk"


def settings_of(servers: str | None, **more: object) -> SessionSettings:
    """Two symbols, one trader; its orders trade with each other."""
    broker = {"kind": "memory"} if servers is None else {"kind": "kafka", "servers": servers, "patience": "20s"}
    return SessionSettings.read(
        None,
        {
            "name": NAME,
            "broker": broker | dict(more.pop("broker", {})),  # type: ignore[call-overload]
            "instruments": [{"symbol": symbol, "tick": "0.01"} for symbol in SYMBOLS],
            "portfolios": [{"name": PORTFOLIO, "cash": "1000000000"}, {"name": "other", "cash": "1000000000"}],
            "traders": [{"name": TRADER, "portfolios": [PORTFOLIO]}],
            "snapshot_every": 500,
            **more,
        },
    )


async def answer(session: Session, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Serve one client, whose orders may overlap."""
    serving: set[asyncio.Task[None]] = set()

    async def one(line: str) -> None:
        number, symbol, side, quantity, price = line.split()
        owner = PORTFOLIO if int(number) % 2 else "other"
        order = limit(int(number), symbol, Side[side], int(quantity), Decimal(price), trader=TRADER, portfolio=owner)
        try:
            fact = (await session.send(order))[0]
        except Stopping:  # it has ended; its process says why
            return
        writer.write(f"{number} {fact['seq']} {Kind(fact['kind']).name} {Reason(fact['reason']).name}\n".encode())

    while line := (await reader.readline()).decode():
        task = asyncio.create_task(one(line))
        serving.add(task)
        task.add_done_callback(serving.discard)


async def main(out: Path, servers: str | None) -> int:
    """Run until a signal."""
    told = [{"when": "TradeExecuted", "to": ["log"]}]
    session = Session(settings_of(servers, notifications=told), out)

    async def serve(running: Session) -> None:
        if servers is not None:
            print(0, flush=True)
            await asyncio.Event().wait()
        server = await asyncio.start_server(lambda r, w: answer(running, r, w), "127.0.0.1", 0)
        print(server.sockets[0].getsockname()[1], flush=True)
        async with server:
            await server.serve_forever()

    session.services.append(serve)
    return await run_session(session, Options(None, False, False, None, 1.0, None, None, out, True, False))


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None)))
