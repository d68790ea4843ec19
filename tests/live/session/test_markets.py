"""A session beside a recorded market of trades and levels: its queue model is a command; days by an exchange's calendar."""

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.configuration import ConfigurationError
from data.feed import DataError
from data.log.event_log import EventLog
from engine.messages.vocabulary import Kind, QueueModel
from live.cli.runner import Options, session_of
from live.configuration.session import SessionSettings
from live.session.market import market_of
from live.writer.days import Days

BEGAN = 1_720_013_400_000_000_000  # 2024-07-03 13:30 UTC
LEVELS = "time,side,price,size\n" + "".join(f"{BEGAN + k},{'ba'[k % 2]}id,{10 + k % 2},{5 + k}\n".replace("aid", "ask") for k in range(8))


def settings(market: dict[str, Any], **more: Any) -> SessionSettings:
    return SessionSettings.read(None, {"name": "desk", "market": market, "portfolios": [{"name": "fund", "cash": 1000}], **more})


def played(tmp_path: Path, market: dict[str, Any], **more: Any) -> np.ndarray:
    """The commands of a session that played a market to its end."""

    async def work() -> None:
        async with session_of(Options(None, False, False, None, 0, None, None, tmp_path, True, False), settings(market, **more)) as session:
            await session.equipment.played.over.wait()

    asyncio.run(asyncio.wait_for(work(), 60))
    with EventLog(tmp_path / "live" / "desk" / "log.duckdb", read_only=True) as log:
        assert log.verify(1).ok
        return log.read(1)[0].records


@pytest.mark.parametrize(("queue", "model", "exponent"), [(None, QueueModel.RISK_AVERSE, 0), ("power:2.5", QueueModel.POWER, 40)])
def test_a_market_of_levels_names_its_queue_model_first(tmp_path: Path, queue: str | None, model: QueueModel, exponent: int) -> None:
    file = tmp_path / "AAA.csv"
    file.write_text(LEVELS)
    commands = played(tmp_path, {"file": str(file), "speed": 0, "symbol": "AAA", **({"queue": queue} if queue else {})})
    history = commands[np.isin(commands["kind"], [Kind.LEVEL, Kind.SET_QUEUE])]
    assert history["kind"].tolist() == [Kind.SET_QUEUE, *[Kind.LEVEL] * 8]
    assert (history["type"][0], history["stop_price"][0]) == (model, exponent)


def test_bars_are_refused_and_orders_need_no_model(tmp_path: Path) -> None:
    file = tmp_path / "bars.csv"
    file.write_text("date,open,high,low,close\n2024-05-01,10,11,9,10\n")
    with pytest.raises(DataError, match="is of bars, which a session does not play; backtest it"):
        market_of(settings({"file": str(file)}), tmp_path)
    with pytest.raises(ConfigurationError, match="queue 'last' is not a queue model"):
        settings({"file": "x"}, instruments=[{"symbol": "A", "tick": "0.01", "queue": "last"}])


def test_days_of_a_calendar() -> None:
    days = Days(2, calendar="XNYS")
    days.begin(BEGAN)
    turns = [
        (Kind(rows["kind"][0]).name, len(rows), int(rows["ts"][0] - BEGAN) // 60 // 10**9) for rows in days.due(BEGAN + 3 * 86_400 * 10**9)
    ]
    assert turns == [("END_OF_DAY", 2, 210), ("START_OF_DAY", 1, 2880), ("END_OF_DAY", 2, 2880 + 390)], "a half day, a holiday, a day"
    midnight = Days(1, calendar="24/7")
    midnight.begin(BEGAN)
    assert [Kind(rows["kind"][0]) for rows in midnight.due(BEGAN + 86_400 * 10**9)] == [Kind.END_OF_DAY, Kind.START_OF_DAY]
