"""What the gateway carries: orders one after the other, many readers beside many orders, and what a client that never reads costs.

uv run --group test --extra live --extra gateway python -m tests.benchmarks.bench_gateway [--orders N] [--clients N] [--rate N]

The session is a process of its own, its readers are another; a figure of the session's work is its CPU time (user and system), which other
work on the machine hardly moves, beside the wall clock, which it does. Every order is committed durably before it is answered.
"""

import argparse
import asyncio
import http.client
import json
import multiprocessing
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from websockets.asyncio.client import connect

from live.gateway.security.issuer import LocalIssuer
from live.gateway.security.principals import Role

SESSION = """
name = "bench"
gateway = { host = "127.0.0.1", port = 0, rates = { user = 0, address = 0 } }
[[instruments]]
symbol = "AAPL"
tick = "0.01"
[[portfolios]]
name = "fund"
cash = "1000000000"
[[traders]]
name = "ann"
portfolios = ["fund"]
"""
TICK = os.sysconf("SC_CLK_TCK")


class Served:
    """A session with its gateway in a process of its own."""

    def __init__(self, out: Path) -> None:
        self.out = out
        (out / "bench.toml").write_text(SESSION)
        words = [sys.executable, "-m", "tapebook", "live", str(out / "bench.toml"), "--out", str(out), "--json"]
        self.process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        said: dict[str, Any] = {}
        while not said.get("url"):
            time.sleep(0.1)
            assert self.process.poll() is None, "the session ended"
            file = out / "live" / "bench" / "session.json"
            said = json.loads(file.read_text()) if file.exists() else {}
        self.url = str(said["url"])
        issuer = LocalIssuer(out)
        self.trader = issuer.token([Role.TRADER], trader="ann", portfolios=["fund"])
        self.viewer = issuer.token([Role.VIEWER])

    def cpu(self) -> float:
        """Seconds of CPU that it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def resident(self) -> float:
        """Megabytes that it holds."""
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

    def figures(self) -> dict[str, float]:
        """What /metrics says."""
        with urllib.request.urlopen(self.url + "/metrics", timeout=30) as got:
            lines = [line.rsplit(" ", 1) for line in got.read().decode().splitlines() if not line.startswith("#")]
        return {name: float(value) for name, value in lines}

    def stop(self) -> None:
        """Stop it in order."""
        self.process.terminate()
        self.process.wait(30)


def order(k: int) -> dict[str, Any]:
    """Orders that rest, and every fourth one that takes."""
    side, price = ("SELL", "100.00") if k % 4 == 3 else ("BUY", f"{100 - k % 3 * 0.01:.2f}")
    return {"symbol": "AAPL", "side": side, "quantity": "1", "price": price, "portfolio": "fund", "self_trade": "NONE"}


def one_after_the_other(s: Served, count: int) -> None:
    """POST /v1/orders on one connection."""
    host = s.url.removeprefix("http://")
    line = http.client.HTTPConnection(host, timeout=60)
    headers = {"authorization": f"Bearer {s.trader}", "content-type": "application/json"}
    took: list[float] = []
    for k in range(count + 200):
        if k == 200:  # warm
            began, cpu = time.perf_counter(), s.cpu()
        start = time.perf_counter()
        line.request("POST", "/v1/orders", json.dumps(order(k)), headers)
        answer = line.getresponse()
        text = answer.read()
        assert answer.status == 201, text
        took.append(time.perf_counter() - start)
    seconds, cpu = time.perf_counter() - began, s.cpu() - cpu
    took = sorted(took[200:])
    p50, p99 = took[len(took) // 2], took[len(took) * 99 // 100]
    print(f"POST /v1/orders, one after the other: {count / seconds:,.0f}/s, p50 {p50 * 1e3:.2f} ms, p99 {p99 * 1e3:.2f} ms; "
          f"CPU of the session {cpu / count * 1e3:.2f} ms an order, so at most {count / cpu:,.0f}/s of one core")  # fmt: skip


def read_for_ever(url: str, token: str, count: int, counted: Any, going: Any) -> None:
    """`count` clients that read quotes and trades of AAPL, in a process of their own."""

    async def reader(k: int) -> None:
        headers = {"authorization": f"Bearer {token}"}
        async with connect(url, additional_headers=headers, max_queue=64, compression=None, ping_interval=None) as ws:
            await ws.send('{"type":"SUBSCRIBE_MARKET_DATA","data":{"symbol":"AAPL"}}')
            while going.value:
                text = await ws.recv()
                counted[0 if '"MARKET_DATA"' in text[:30] else 1] += 1

    async def every() -> None:
        tasks = [asyncio.create_task(reader(k)) for k in range(count)]
        while going.value:
            await asyncio.sleep(0.1)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(every())


async def enter(s: Served, rate: int, seconds: float) -> tuple[int, float]:
    """Orders at a rate over one WebSocket; how many, and in how many seconds they were answered."""
    headers = {"authorization": f"Bearer {s.trader}"}
    async with connect(s.url.replace("http", "ws") + "/v1/ws", additional_headers=headers, max_queue=None, ping_interval=None) as ws:
        answered, sent, done = 0, 0, asyncio.Event()

        async def read() -> None:
            nonlocal answered
            while True:
                answered += '"id":' in (await ws.recv())[-20:]
                if done.is_set() and answered >= sent:
                    return

        reading = asyncio.create_task(read())
        began = time.perf_counter()
        while (now := time.perf_counter() - began) < seconds:
            for k in range(sent, int(now * rate)):
                await ws.send(json.dumps({"type": "NEW_ORDER", "data": order(k), "id": k}))
                sent += 1
            await asyncio.sleep(0.005)
        done.set()
        await ws.send('{"type":"GET_POSITIONS","data":{},"id":0}')
        answered -= 1
        await asyncio.wait_for(reading, 120)
        return sent, time.perf_counter() - began


def loaded(s: Served, clients: int, rate: int, seconds: float) -> float:
    """Orders at a rate beside so many readers; CPU seconds of the session a second."""
    context = multiprocessing.get_context("spawn")
    counted, going = context.Array("q", 2, lock=False), context.Value("b", 1)
    process = context.Process(
        target=read_for_ever, args=(s.url.replace("http", "ws") + "/v1/ws", s.viewer, clients, counted, going), daemon=True
    )
    if clients:
        process.start()
        while s.figures()["trading_market_connections"] < clients:
            time.sleep(0.2)
    before, cpu, told = s.figures(), s.cpu(), list(counted)
    sent, took = asyncio.run(enter(s, rate, seconds))
    after, cpu = s.figures(), s.cpu() - cpu
    told = [now - then for now, then in zip(counted, told)]
    going.value = 0
    if clients:
        process.join(20)
        process.kill()
    print(f"{clients:>4} clients: {sent / took:,.0f} of {rate:,} orders/s answered; {_stage(before, after)}; CPU of the session "
          f"{cpu / took:.2f} s a second ({cpu / sent * 1e3:.2f} ms an order)"
          + (f"; {told[0] / clients / took:.1f} quotes and {told[1] / clients / took:,.0f} trades/s each" if clients else ""))  # fmt: skip
    return cpu / took


def _stage(before: dict[str, float], after: dict[str, float]) -> str:
    """Percentiles of the time from a command's arrival to its commit."""
    head = "tapebook_stage_seconds_bucket{le="
    grown = sorted(
        (float(name.split('"')[1].replace("+Inf", "inf")), after[name] - before.get(name, 0))
        for name in after
        if name.startswith(head) and 'stage="answer"' in name
    )
    total = grown[-1][1]
    found = [next(bound for bound, count in grown if count >= part * total) for part in (0.5, 0.99)]
    return f"arrival to commit p50 ≤ {found[0] * 1e3:.1f} ms, p99 ≤ {found[1] * 1e3:.1f} ms"


async def never_reads(s: Served, rate: int) -> None:
    """A client that reads nothing, until it is given up."""
    headers = {"authorization": f"Bearer {s.trader}"}
    before = s.figures()
    held, waiting = [s.resident()], [0.0]
    url = s.url.replace("http", "ws") + "/v1/ws"
    async with connect(url, additional_headers=headers, max_queue=1, ping_interval=None, compression=None) as ws:
        await ws.send('{"type":"SUBSCRIBE_ORDER_UPDATES","data":{}}')
        end = time.monotonic() + 120
        entering: asyncio.Task[Any] | None = None
        while time.monotonic() < end:
            if entering is None or entering.done():
                entering = asyncio.create_task(enter(s, rate, 5))
            await asyncio.sleep(0.25)
            now = await asyncio.to_thread(s.figures)
            held.append(s.resident())
            waiting.append(now["tapebook_gateway_waiting_bytes"])
            if now["tapebook_gateway_closed_slow_total"] > before["tapebook_gateway_closed_slow_total"]:
                break
        if entering is not None:
            await entering
    closed = now["tapebook_gateway_closed_slow_total"] > before["tapebook_gateway_closed_slow_total"]
    grown, what, dropped = max(held) - held[0], "closed" if closed else "NOT closed", now["tapebook_gateway_dropped_total"]
    print(f"a client that never reads: at most {max(waiting) / 1e6:.1f} MB waited for it, {grown:.0f} MB more resident (orders included)")
    print(f"    it was {what}; {dropped:,.0f} quotes and trades were dropped")


def main() -> None:
    """Everything in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=3_000)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--rate", type=int, default=2_000)
    parser.add_argument("--seconds", type=float, default=10)
    given = parser.parse_args()
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {load}; Python {platform.python_version()}")
    with tempfile.TemporaryDirectory() as folder:
        s = Served(Path(folder))
        try:
            one_after_the_other(s, given.orders)
            alone = [loaded(s, 0, given.rate, given.seconds) for _ in range(2)]
            beside = [loaded(s, given.clients, given.rate, given.seconds) for _ in range(2)]
            print(f"{given.clients} clients cost {statistics.mean(beside) - statistics.mean(alone):.2f} CPU s a second")
            asyncio.run(never_reads(s, given.rate))
        finally:
            s.stop()


if __name__ == "__main__":
    main()
