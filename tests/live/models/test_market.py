"""The book and the quote of an exchange that keeps no facts, in exact numbers."""

from decimal import Decimal

import numpy as np
import pytest

from engine import Exchange, Instrument, Side, limit, mark
from live.models.market import book, quote, tops
from tests.support.streams import SETTINGS
from tests.support.twins import compiled


def test_a_book_in_decimals() -> None:
    exchange = compiled(SETTINGS["all"].world)
    exchange.run(SETTINGS["all"].stream(3).take(1_000))
    for listed in exchange.instruments:
        found, depth = book(exchange, listed.symbol, 5), exchange.depth(listed.symbol, 5)
        assert (found["symbol"], found["seq"]) == (listed.symbol, exchange.facts["seq"][-1])
        for side, levels in (("BUY", found["bids"]), ("SELL", found["asks"])):
            expected = depth.filter(side=side).select("price", "quantity", "orders").rows()
            assert [(float(price), float(quantity), orders) for price, quantity, orders in levels] == expected
            assert all(isinstance(number, Decimal) for level in levels for number in level[:2])


def test_the_tops_of_all_books_and_which_changed() -> None:
    exchange, stream = compiled(SETTINGS["drifting"].world), SETTINGS["drifting"].stream(5)
    before, moved = tops(exchange), 0
    for _ in range(60):
        exchange.run(stream.take(10))
        now = tops(exchange)
        for number, listed in enumerate(exchange.instruments):
            for side, rows in (("bid", exchange.book(listed.symbol).rows(0, 1)), ("ask", exchange.book(listed.symbol).rows(1, 1))):
                expected = rows[0, :2].tolist() if len(rows) else [0, 0]
                assert [now[side][number], now[f"{side}_lots"][number], now[f"has_{side}"][number]] == [*expected, len(rows)]
        terms = exchange.state.instruments[: len(now)]
        pairs = {"last": "last", "mark": "mark", "volume": "volume", "has_last": "traded", "has_mark": "marked"}
        assert all((now[mine] == terms[theirs]).all() for mine, theirs in pairs.items())
        moved += len(np.flatnonzero(now != before))
        before = now
    assert 60 < moved < 180
    assert not (tops(exchange) != before).any()


def test_a_quote() -> None:
    exchange = Exchange([Instrument("X", "0.05", "0.1")], keep_facts=False)
    nothing = {"symbol": "X", "bid": None, "bid_quantity": None, "ask": None, "ask_quantity": None, "last": None, "mark": None, "volume": 0}
    assert quote(exchange, "X").items() >= nothing.items()
    exchange.send(limit(1, "X", Side.SELL, "0.3", "10.05", ts=77))
    exchange.send(limit(2, "X", Side.BUY, "0.5", "10.05"))
    exchange.send(limit(3, "X", Side.SELL, "0.7", "10.20"))
    exchange.send(mark("X", "10.10"))
    assert quote(exchange, "X") == {
        "symbol": "X", "seq": exchange.state.session["seq"][0], "ts": 77, "bid": Decimal("10.05"), "bid_quantity": Decimal("0.2"),
        "ask": Decimal("10.20"), "ask_quantity": Decimal("0.7"), "last": Decimal("10.05"),
        "mark": Decimal("10.10"), "volume": Decimal("0.3"),
    }  # fmt: skip
    for ask in (book, quote):
        with pytest.raises(KeyError, match="no instrument 'Y'; there are X"):
            ask(exchange, "Y")
