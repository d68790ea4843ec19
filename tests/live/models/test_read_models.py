"""The read models of a live session: the same answers as `Exchange` and the log, whatever the batches, through restarts and days."""

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from data.log.event_log import EventLog
from engine import Exchange, Limits, set_limits
from engine.frames.orders import lives
from engine.messages.vocabulary import HISTORY, Kind
from tests.support.live_batches import Batch, agree, batches, logged, of, opened, session, shown
from tests.support.streams import SETTINGS

COMMANDS = 2_500
BATCHES_COMPARED = 12


# ------------------------------------------------------------------ the same as the exchange and the log


def all_limits(exchange: Exchange) -> np.ndarray:
    """Commands that set each limit of each portfolio."""
    limits = Limits(max_position="50.5", max_exposure=10**6, max_daily_loss="0.01", max_leverage="0.000001", cash_account=True)
    return np.concatenate([exchange.encode(set_limits(portfolio, limits)) for portfolio in exchange.names.portfolios if portfolio])


@pytest.mark.parametrize("name", SETTINGS)
def test_they_say_what_the_exchange_says(name: str) -> None:
    setting = SETTINGS[name]
    exchange, opening = opened(setting)
    models = of(exchange, breaches_kept=10**5)
    models.apply(*opening)
    pieces = list(np.array_split(setting.stream(5).take(COMMANDS), BATCHES_COMPARED))
    for seed, piece in enumerate(pieces):
        for batch in batches(exchange, piece, seed):
            models.apply(*batch)
        agree(models, exchange)
    for batch in batches(exchange, all_limits(exchange), 1):  # every limit of every portfolio
        models.apply(*batch)
    agree(models, exchange)
    assert {"BUYING_POWER", "EXPOSURE_LIMIT", "DAILY_LOSS_LIMIT", "LEVERAGE_LIMIT", "POSITION_LIMIT"} == set(models.limits()["limit"])
    assert len(models.trades()) > 50
    kinds = exchange.facts["kind"]
    assert Kind.ADD not in setting.kinds or np.isin([Kind.HistoryAdded, Kind.HistoryExecuted], kinds).all()


def test_filters_are_those_of_the_exchange() -> None:
    exchange, committed = session(SETTINGS["all"], 3, COMMANDS)
    models = shown(exchange, committed)
    assert set(models.names.traders) == {"", "tom", "tim"}
    for asked in ({"trader": "tom"}, {"portfolio": "rich"}, {"symbol": "FINE"}, {"trader": "", "portfolio": "poor", "symbol": "PLAIN"}):
        for name in ("orders", "active_orders", "executions"):
            found, expected = getattr(models, name)(**asked), getattr(exchange, name)()
            assert_frame_equal(found, expected.filter(**asked))
    assert_frame_equal(models.orders(trader="tim", newest_first=True), exchange.orders(trader="tim", newest_first=True))
    assert_frame_equal(models.trades("BELOW", 5), exchange.trades().filter(symbol="BELOW").tail(5))
    assert_frame_equal(models.breaches(portfolio="poor"), exchange.breaches(portfolio="poor"))
    assert_frame_equal(models.compliance_failures(trader="tom"), exchange.compliance_failures(trader="tom"))
    assert_frame_equal(models.positions(portfolio="third"), exchange.positions(portfolio="third"))
    assert_frame_equal(models.limits(portfolio="poor"), exchange.limits(portfolio="poor"))
    expected = exchange.execution_summary(trader="tim", day=models.day)
    assert_frame_equal(models.execution_summary(trader="tim"), expected)
    for name in ("nobody", "third"):
        assert len(models.orders(trader=name)) == len(models.execution_summary(trader=name)) == 0


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    with EventLog(tmp_path / "log.duckdb") as log:
        yield log


def test_they_say_what_the_views_say(log: EventLog) -> None:
    exchange, committed = session(SETTINGS["all"], 8, 2 * COMMANDS)
    number, models = logged(log, exchange, committed), shown(exchange, committed, breaches_kept=10**5)
    for name in ("active_orders", "trades", "executions", "breaches", "compliance_failures", "positions", "limits"):
        view, frame = log.frame(name, number).drop("session"), getattr(models, name)()
        assert len(view)
        assert_frame_equal(view, frame.select(view.columns), rel_tol=1e-12, abs_tol=0)
    view, frame = log.frame("orders", number).drop("session"), models.orders()
    assert_frame_equal(view.filter(pl.col("seq").is_in(frame["seq"].implode())), frame.select(view.columns), rel_tol=1e-12, abs_tol=0)
    view, frame = log.frame("execution_summary", number, day=models.day).drop("session"), models.execution_summary()
    assert_frame_equal(view, frame.select(view.columns), rel_tol=1e-12, abs_tol=0)


def test_an_exchange_that_keeps_no_facts_is_enough() -> None:
    setting = SETTINGS["clients"]
    commands, (exchange, opening) = setting.stream(4).take(COMMANDS), opened(setting)
    forgetful = Exchange(list(setting.world.instruments), cash=dict(setting.world.cash), history_facts=True, keep_facts=False)
    forgetful.run(setting.world.opening())
    models = of(forgetful)
    models.apply(*opening)
    for batch in batches(forgetful, commands, 1):
        models.apply(*batch)
    exchange.run(commands)
    agree(models, exchange)


def naive_summary(committed: list[Batch], exchange: Exchange) -> list[tuple[Any, ...]]:
    """Day, trader, symbol, orders, fills, volume, VWAP, notional and fees, from each fact of a list."""
    day, fills = 1, defaultdict(list)
    for _, _, facts in committed:
        for fact in facts:
            day += int(fact["kind"] == Kind.DayStarted)
            if fact["kind"] != Kind.TradeExecuted:
                continue
            for prefix in ("maker_", ""):
                if fact[f"{prefix}trader"] != HISTORY:
                    key = day, int(fact[f"{prefix}trader"]), int(fact["instrument"])
                    fills[key].append([int(fact[name]) for name in (f"{prefix}order_id", "price", "quantity", f"{prefix}fee")])
    traders = {number: name for name, number in exchange.names.traders.items()}
    rows = []
    for (day, trader, number), of_one in fills.items():
        listed = exchange.instruments[number]
        volume = sum(lots for _, _, lots, _ in of_one)
        vwap = Fraction(sum(price * lots for _, price, lots, _ in of_one), volume) * Fraction(listed.price_unit)
        notional = sum(abs(price) * lots for _, price, lots, _ in of_one) * int(listed.value(exchange.decimals))
        orders, fees = len({order for order, *_ in of_one}), sum(fee for *_, fee in of_one)
        rows.append((day, traders[trader], listed.symbol, orders, len(of_one), volume, float(vwap), notional, fees))
    return sorted(rows)


def test_the_summary_is_what_a_plain_loop_counts() -> None:
    exchange, committed = session(SETTINGS["all"], 6, COMMANDS)
    models, found = of(exchange), []
    for batch in committed:
        starts = np.flatnonzero(batch[2]["kind"] == Kind.DayStarted)
        for piece in np.split(batch[2], starts):  # each day's last word
            seqs = batch[1][batch[1] <= piece["seq"][-1]] if len(piece) else batch[1][:0]
            if len(piece) and piece["kind"][0] == Kind.DayStarted:
                found += models.execution_summary().rows(named=True)
            models.apply(batch[0][: len(seqs)], seqs, batch[2][batch[2]["seq"] <= (piece["seq"][-1] if len(piece) else 0)])
        models.apply(*batch)
    found += models.execution_summary().rows(named=True)
    columns = ("day", "trader", "symbol", "orders", "executions", "volume_lots", "vwap", "notional_raw", "fees_raw")
    assert models.day > 3
    assert [tuple(row[name] for name in columns) for row in found] == naive_summary(committed, exchange)


# ------------------------------------------------------------------ one order


@pytest.mark.parametrize("name", ["stops", "reducing", "rules"])
def test_one_order_as_a_frame_and_as_a_plain_row(name: str) -> None:
    exchange, committed = session(SETTINGS[name], 3, 1_000)
    models = shown(exchange, committed)
    exact, told = list(models.order_rows(newest_first=False)), models.orders()
    last = dict(lives(exchange.facts).select("seq", "last").rows())
    assert [row["last_seq"] for row in exact] == [last[seq] for seq in told["seq"]]
    for time in ("created", "updated"):
        assert [row[time] for row in exact] == told[time].to_physical().to_list()
    assert len({row["status"] for row in exact}) >= 4
    for row, read in zip(exact, told.rows(named=True)):
        order_id, trader, last_seq = row["order_id"], row["trader"], {"last_seq": row["last_seq"]}
        assert models.order_row(order_id, trader) == row
        assert models.order(order_id, trader) == read | last_seq == exchange.order(order_id, trader) | last_seq
        for column in set(read) - {"created", "updated"}:
            assert (float(row[column]) if isinstance(row[column], Decimal) else row[column]) == read[column], column


def in_floats(row: dict[str, Any]) -> dict[str, Any]:
    return {name: float(value) if isinstance(value, Decimal) else value for name, value in row.items()}


def test_decimals_are_those_of_the_portfolio_and_its_limits() -> None:
    exchange, committed = session(SETTINGS["clients"], 3, COMMANDS)
    models = shown(exchange, committed)
    for batch in batches(exchange, all_limits(exchange), 1):
        models.apply(*batch)
    for name in exchange.names.portfolios:
        exact, read = models.portfolio_exact(name), exchange.portfolio(name)
        positions, told = exact.pop("positions"), read.pop("positions")
        each = {symbol: 10 if symbol == "FINE" else 1 for symbol in positions}  # its multiplier
        worth = sum(one["quantity"] * one["mark"] * each[symbol] for symbol, one in positions.items())
        assert exact["equity"] == exact["cash"] + worth
        assert {symbol: in_floats(one) for symbol, one in positions.items()} == told
        assert {type(number) for number in exact.values()} <= {Decimal, type(None)}
        leverage, told_leverage = exact.pop("leverage"), read.pop("leverage")
        assert in_floats(exact) == read
        assert told_leverage == (None if leverage is None else pytest.approx(float(leverage), rel=1e-15))
    rows = exchange.limits().select("portfolio", "limit", "symbol", "maximum", "used", "headroom").rows(named=True)
    assert len(rows) > 10
    assert [in_floats(row) for row in models.limits_exact()] == rows
    assert [row for row in models.limits_exact() if row["portfolio"] == "poor"] == models.limits_exact(portfolio="poor")


def test_who_is_not_there_is_named() -> None:
    exchange, committed = session(SETTINGS["clients"], 3, 300)
    models = shown(exchange, committed)
    for ask in (models.order, models.order_row):
        with pytest.raises(KeyError, match="trader 'tom' has no order 999999 today; the log has those of the days before"):
            ask(999_999, "tom")
        with pytest.raises(KeyError, match="no trader 'eve'; there are '', 'tom', 'tim'"):
            ask(1, "eve")
    for ask in (models.portfolio, models.portfolio_exact):
        with pytest.raises(KeyError, match="no portfolio 'eve'; there are '', 'rich'"):
            ask("eve")
    with pytest.raises(KeyError, match="no instrument 'EVE'; there are PLAIN, FINE, BELOW"):
        models.trades("EVE")
    for ask in (models.orders, models.trades):
        with pytest.raises(ValueError, match="limit is -1; ask for 0 rows or more"):
            ask(limit=-1)
    with pytest.raises(ValueError, match="trades_kept is 0; keep at least 1"):
        of(exchange, trades_kept=0)
