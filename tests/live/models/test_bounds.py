"""What the read models keep and what they forget: days, rings, pages, ids."""

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from engine import Exchange, Instrument, Limits, Side, cancel, deposit, limit, mark, replace, set_limits, start_of_day
from engine.messages.commands import Command
from live.models.read_models import NotKept, ReadModels
from tests.support.live_batches import agree, numbered, of, session, shown
from tests.support.streams import SETTINGS

NOON = 1_700_000_000_000_000_000  # 2023-11-14
DAY = 86_400 * 10**9


class Desk:
    """An exchange of one instrument, and read models that see each command."""

    def __init__(self, **kept: int) -> None:
        self.exchange = Exchange([Instrument("X", "0.01")], cash={"a": 10**6, "b": 10**6})
        self.models = of(self.exchange, **kept)
        self.models.apply(*numbered(self.exchange.opening, self.exchange.facts, 0))

    def send(self, *commands: Command) -> None:
        for command in commands:
            records, last = self.exchange.encode(command), self.models.seq
            self.models.apply(*numbered(records, self.exchange.run(records), last))

    def trade(self, first_id: int, count: int, ts: int = 0) -> None:
        """`count` trades of one lot at 10.00: ann sells for portfolio a, bob buys for b."""
        for k in range(first_id, first_id + count):
            self.send(
                limit(k, "X", Side.SELL, 1, "10.00", portfolio="a", trader="ann", ts=ts),
                limit(k, "X", Side.BUY, 1, "10.00", portfolio="b", trader="bob", ts=ts),
            )


def test_a_new_day_forgets_what_is_finished() -> None:
    desk = Desk()
    desk.trade(1, 3)
    desk.send(
        limit(7, "X", Side.BUY, 5, "9.00", portfolio="a", trader="ann"),
        limit(8, "X", Side.BUY, 5, "8.00", portfolio="a", trader="ann"),
        cancel(8, "X", trader="ann"),
    )
    agree(desk.models, desk.exchange)
    assert desk.models.execution_summary(trader="ann")["volume"].to_list() == [3.0]
    desk.send(start_of_day())
    models = desk.models
    assert models.day == 2
    assert models.orders()["order_id"].to_list() == models.active_orders()["order_id"].to_list() == [7]
    assert models.order(7, "ann")["status"] == "NEW"
    for order_id, trader in ((1, "ann"), (8, "ann"), (1, "bob")):
        with pytest.raises(KeyError, match="today; the log has those of the days before"):
            models.order_row(order_id, trader)
    assert len(models.execution_summary()) == len(models.execution_summary(day=2)) == len(models.execution_summary(day=3)) == 0
    assert len(models.trades()) == len(models.executions(day=1)) / 2 == 3
    agree(models, desk.exchange)
    desk.send(limit(1, "X", Side.SELL, 2, "9.00", portfolio="b", trader="bob"))  # its id is free again
    agree(desk.models, desk.exchange)
    assert desk.models.order(7, "ann")["executed_quantity"] == 2.0
    assert desk.models.execution_summary()["orders"].to_list() == [1, 1]


def test_days_leave_memory_as_it_is() -> None:
    desk = Desk(trades_kept=50)
    sizes, stored = set(), []
    for day in range(12):
        desk.trade(1, 100, ts=NOON + day * DAY)
        desk.send(start_of_day())
        stored.append(len(desk.models.store()))
        sizes.add(tuple(len(array) for array in desk.models._models.arrays().values()))
    assert len(sizes) == 1
    assert max(stored) < 10_000
    assert len(desk.exchange.executions()) == 2_400
    assert desk.models.positions(portfolio="b")["bought"].to_list() == [1_200.0]


def test_the_summary_of_a_date() -> None:
    desk = Desk()
    desk.trade(1, 2, ts=NOON)
    assert len(desk.models.execution_summary(day="2023-11-14")) == len(desk.models.execution_summary(day=1)) == 2
    assert len(desk.models.execution_summary(day="2023-11-15")) == 0
    desk.send(start_of_day())
    desk.trade(11, 3, ts=NOON + DAY)
    assert desk.models.execution_summary(day="2023-11-15")["volume"].to_list() == [3.0, 3.0]
    assert len(desk.models.execution_summary(day="2023-11-16")) == 0
    for over in (1, "2023-11-14"):
        with pytest.raises(NotKept, match="ask the log"):
            desk.models.execution_summary(day=over)
    desk.trade(21, 1, ts=NOON + 2 * DAY)  # the trading day goes on past midnight
    for half in ("2023-11-15", "2023-11-16"):
        with pytest.raises(NotKept, match="is not the trading day 2 alone"):
            desk.models.execution_summary(day=half)
    assert desk.models.execution_summary(day=2)["volume"].to_list() == [4.0, 4.0]


def test_the_newest_trades_and_refusals_are_kept() -> None:
    exchange, committed = session(SETTINGS["rules"], 4, 2_500)
    everything = exchange.trades()
    for kept in (1, 7, 40):
        models = shown(exchange, committed, trades_kept=kept, breaches_kept=kept)
        restored = ReadModels.restored(models.store(), exchange.names, exchange.decimals, trades_kept=kept, breaches_kept=kept)
        for one in (models, restored):
            newest = pl.concat([everything.filter(symbol=listed.symbol).tail(kept) for listed in exchange.instruments]).sort("seq")
            assert_frame_equal(one.trades(), newest)
            assert_frame_equal(one.compliance_failures(), exchange.compliance_failures().tail(kept))
            assert_frame_equal(one.breaches(), exchange.breaches().tail(kept))
            assert_frame_equal(one.executions(), exchange.executions().filter(pl.col("seq").is_in(newest["seq"].implode())))
    assert len(everything) > 300


def test_a_restart_may_keep_less() -> None:
    exchange, committed = session(SETTINGS["rules"], 4, 1_500)
    half = len(committed) // 2
    early = shown(exchange, committed[:half], trades_kept=40, breaches_kept=40)
    models = ReadModels.restored(early.store(), exchange.names, exchange.decimals, trades_kept=7, breaches_kept=7)
    for batch in committed[half:]:
        models.apply(*batch)
    assert models.store() == shown(exchange, committed, trades_kept=7, breaches_kept=7).store()


def test_executions_of_a_day_are_all_or_an_error() -> None:
    desk = Desk(trades_kept=5)
    desk.trade(1, 4, ts=NOON)
    desk.send(start_of_day())
    assert len(desk.models.executions(day=1)) == len(desk.models.executions(day="2023-11-14")) == 8
    desk.trade(11, 2, ts=NOON + DAY)  # one of the first day is no longer there
    assert len(desk.models.executions(day=2)) == len(desk.models.executions(day="2023-11-15", trader="ann")) * 2 == 4
    assert len(desk.models.executions()) == 10
    for lost in (1, "2023-11-14", "2023-11-01"):
        with pytest.raises(NotKept, match="only the newest 5 trades in X are kept; ask the log"):
            desk.models.executions(day=lost)
    desk.trade(21, 5, ts=NOON + DAY)
    with pytest.raises(NotKept):
        desk.models.executions(day=2)


@pytest.mark.parametrize("asked", [{}, {"trader": "tom"}, {"portfolio": "rich"}, {"trader": "tim", "symbol": "FINE"}])
def test_pages_follow_each_other(asked: dict[str, str]) -> None:
    exchange, committed = session(SETTINGS["clients"], 12, 400)
    models = shown(exchange, committed)
    whole = models.orders(**asked, newest_first=True)
    pages, before = [], None
    while True:
        page = models.orders(**asked, newest_first=True, limit=7, before=before)
        assert [row["seq"] for row in models.order_rows(**asked, limit=7, before=before)] == page["seq"].to_list()
        if not len(page):
            break
        pages.append(page)
        before = page["seq"][-1]
    assert len(pages) > 2
    assert_frame_equal(pl.concat(pages), whole)
    assert_frame_equal(models.orders(**asked, limit=3), whole.reverse().head(3))
    assert_frame_equal(models.orders(**asked, before=before), whole.reverse().filter(pl.col("seq") < before))
    assert_frame_equal(models.active_orders(**asked, limit=2, newest_first=True), exchange.active_orders(**asked).reverse().head(2))
    assert len(models.orders(**asked, limit=0)) == 0


def test_the_next_free_id() -> None:
    desk = Desk()
    assert [desk.models.next_order_id(name) for name in ("", "ann")] == [1, 1]
    rest = {"portfolio": "a", "trader": "ann"}
    desk.send(limit(5, "X", Side.BUY, 1, "1.00", **rest), limit(3, "X", Side.BUY, 1, "1.00", **rest))
    desk.send(limit(9, "X", Side.BUY, 0, "1.00", **rest))  # malformed: its id stays unused
    assert desk.models.next_order_id("ann") == 6
    assert desk.models.next_order_id("") == 1
    desk.send(start_of_day())
    assert desk.models.next_order_id("ann") == 6  # also where its id would be free
    desk.send(limit(2**64 - 1, "X", Side.BUY, 1, "1.00", **rest), limit(1, "X", Side.BUY, 1, "1.00", **rest))
    assert desk.models.next_order_id("ann") == 2
    again = ReadModels.restored(desk.models.store(), desk.exchange.names, desk.exchange.decimals)
    assert again.next_order_id("ann") == 2


def test_names_and_instruments_that_come_later() -> None:
    desk = Desk()
    for k in range(200):
        desk.send(limit(1, "X", Side.BUY, 1, "1.00", portfolio=f"p{k}", trader=f"t{k}"), deposit(f"p{k}", k + 1))
        desk.send(set_limits(f"p{k}", Limits(max_position=k, max_daily_loss=k)))
    desk.send(replace(1, "X", quantity=4, trader="t150"), mark("X", "2.00"), start_of_day())
    agree(desk.models, desk.exchange)
    assert desk.models.order_row(1, "t150")["portfolio"] == "p150"
    assert len(desk.models.limits()) == 400


def test_a_large_day() -> None:
    """Rows and tables grow many times."""
    desk, count = Desk(), 40_000
    random = np.random.default_rng(2)
    commands = desk.exchange.commands(
        {
            "order_id": np.arange(1, count + 1),
            "symbol": "X",
            "side": random.integers(0, 2, count),
            "quantity_lots": random.integers(1, 9, count),
            "price_ticks": 1_000 + random.integers(-3, 4, count),
            "portfolio": np.array([f"p{k}" for k in range(300)])[random.integers(0, 300, count)],
            "trader": np.array([f"t{k}" for k in range(300)])[random.integers(0, 300, count)],
        }
    )
    desk.models.apply(*numbered(commands, desk.exchange.run(commands), desk.models.seq))
    assert_frame_equal(desk.models.orders(), desk.exchange.orders())
    assert_frame_equal(desk.models.execution_summary(), desk.exchange.execution_summary())
    assert_frame_equal(desk.models.positions(), desk.exchange.positions())
    assert len(desk.models.trades()) == 10_000 < len(desk.exchange.trades())
    again = ReadModels.restored(desk.models.store(), desk.exchange.names, desk.exchange.decimals, reserve=50_000)
    assert again.store() == desk.models.store()
    assert_frame_equal(again.active_orders(), desk.exchange.active_orders())


def test_room_that_is_reserved_stays_as_it_is() -> None:
    desk = Desk(reserve=1_000)
    size = {name: len(array) for name, array in desk.models._models.arrays().items() if name in ("orders", "index")}
    assert (size["orders"], size["index"]) == (1_000, 2_048)
    desk.trade(1, 500)
    assert {name: len(array) for name, array in desk.models._models.arrays().items() if name in size} == size
    assert len(desk.models.orders()) == 1_000
