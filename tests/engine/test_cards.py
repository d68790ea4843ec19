"""What a notebook shows of an exchange and of a book: small, static, escaped."""

import pytest

from engine import Exchange, Instrument, Side, halt, limit
from tests.support.html_read import read


@pytest.fixture
def exchange():
    made = Exchange([Instrument("A<b>", tick="0.01"), Instrument("Y", tick="0.5", lot="0.001")], cash={"fund": 1_000_000})
    made.send(limit(1, "A<b>", Side.BUY, 300, "99.99", portfolio="fund", trader="ann"))
    made.send(limit(2, "A<b>", Side.SELL, 100, "100.01", portfolio="fund", trader="ann"))
    made.send(limit(3, "A<b>", Side.SELL, 40, "1100.02", portfolio="fund", trader="ann"))
    return made


def test_a_book_is_a_ladder(exchange):
    told = read(exchange.book("A<b>"))
    assert "A<b>" in told  # escaped, so it is text and no tag
    assert "order book, spread 0.02, imbalance at the touch +50 %" in told
    assert told.index("1,100.02") < told.index("100.01") < told.index("99.99")
    bars = [100.0 * lots / 300 for lots in (40, 100, 300)]
    assert all(f"55 {bar:.1f}%,transparent {bar:.1f}%" in exchange.book("A<b>")._repr_html_() for bar in bars)


def test_a_book_without_orders_says_so(exchange):
    assert "the book is empty" in read(exchange.book("Y"))
    exchange.send(limit(4, "Y", Side.SELL, "0.5", "10", trader="ann"))
    assert "one side is empty" in read(exchange.book("Y"))


def test_an_exchange_tells_its_best_prices(exchange):
    exchange.send(limit(5, "A<b>", Side.BUY, 100, "100.01", portfolio="other", trader="bob"))
    exchange.send(halt("Y"))
    told = read(exchange)
    assert told[told.index("A<b>") :][:7] == ["A<b>", "300", "99.99", "1,100.02", "40", "100.01", "100"]
    assert "Y (halted)" in told
    assert told[told.index("Traders") + 1] == "2"
    assert told[told.index("Open orders of clients") + 1] == "2"
    assert repr(exchange) == f"<Exchange A<b>, Y: seq {exchange.facts['seq'][-1]}>"


def test_an_exchange_of_nothing_and_of_many():
    assert "No instrument is listed." in read(Exchange())
    assert repr(Exchange()).startswith("<Exchange no instruments: seq")
    many = Exchange([Instrument(f"S{k:02}", tick="0.01") for k in range(40)])
    assert "and 28 more" in read(many)
