"""The Databento reader: orders, books and trades of DBN files, fills against their orders, replay against published books."""

from pathlib import Path

import numpy as np
import pytest

from data import read_dbn, replay
from data.feed import DataError, DataWarning
from engine.messages.vocabulary import Flag, Grain, Kind

dbn = pytest.importorskip("databento_dbn")
REAL = Path(__file__).parents[3] / "shared" / "data" / "databento"
NANO = 10**9
LAST, SNAPSHOT = 128, 32


def real(pattern):
    found = sorted(REAL.glob(pattern))
    if not found:
        pytest.skip(f"{pattern} not present")
    return found[0]


def heading(schema):
    words = {"stype_in": dbn.SType("raw_symbol"), "stype_out": dbn.SType("instrument_id"), "schema": dbn.Schema(schema)}
    return bytes(dbn.Metadata(dataset="XNAS.ITCH", start=0, symbols=["ABC"], partial=[], not_found=[], mappings=[], **words))


def mbo(ts, action, side, price, size, order, flags=LAST):
    numbers = {"publisher_id": 2, "instrument_id": 7, "ts_event": ts, "ts_recv": ts, "channel_id": 0, "ts_in_delta": 0, "sequence": 1}
    words = {"action": dbn.Action(action), "side": dbn.Side(side)}
    return bytes(dbn.MBOMsg(order_id=order, price=round(price * 100) * NANO // 100, size=size, flags=flags, **words, **numbers))


def stored(folder, *records, schema="mbo"):
    path = folder / "made.dbn"
    path.write_bytes(heading(schema) + b"".join(records))
    return path


def told(feed, *fields):
    return [tuple(int(c[field]) for field in fields) for c in feed.commands()]


def small():
    return [
        mbo(10, "R", "N", 0, 0, 0),
        mbo(10, "A", "B", 10.00, 100, 1),
        mbo(11, "A", "A", 10.05, 50, 2),
        mbo(12, "T", "A", 10.00, 60, 0, 0),
        mbo(12, "F", "B", 10.00, 40, 1, 0),
        mbo(12, "C", "B", 10.00, 40, 1),
        mbo(13, "C", "B", 10.00, 10, 1),
        mbo(14, "M", "A", 10.06, 50, 2),
    ]


def test_a_fill_and_its_cancel_are_one_execution(tmp_path):
    feed = read_dbn(stored(tmp_path, *small()))
    hidden = int(Flag.HIDDEN)
    assert told(feed, "kind", "order_id", "price", "quantity", "flags") == [
        (Kind.ADD, 1, 1000, 100, 0),
        (Kind.ADD, 2, 1005, 50, 0),
        (Kind.FLOW, 0, 1000, 60, 0),
        (Kind.EXECUTE, 1, 1000, 40, 0),
        (Kind.PRINT, 0, 1000, 20, hidden),  # what no fill names
        (Kind.REDUCE, 1, 1000, 10, 0),
        (Kind.MODIFY, 2, 1006, 50, 0),
    ]
    assert (feed.checked, feed.instrument.symbol, feed.grain) == (1, "ID7", Grain.ORDERS)  # no mapping names instrument 7


def test_on_cme_a_modify_follows_the_fill(tmp_path):
    """The modify tells what is left after the fill: no lot goes twice."""
    rows = [*small()[:3], mbo(12, "T", "A", 10.00, 40, 0, 0), mbo(12, "F", "B", 10.00, 40, 1, 0), mbo(12, "M", "B", 10.00, 60, 1)]
    feed = read_dbn(stored(tmp_path, *rows))
    assert told(feed, "kind", "quantity")[2:] == [(Kind.FLOW, 40), (Kind.EXECUTE, 40)]


def test_replay_equals_a_plain_book(tmp_path):
    """Best levels after random adds, cancels and modifies are those of a dictionary of orders."""
    draw = np.random.default_rng(5)
    orders, records, best = {}, [], []
    for k in range(1, 300):
        if draw.random() < 0.6 or not orders:
            side = "BA"[draw.integers(2)]
            price = round(10 + (0.01 if side == "A" else -0.01) * float(draw.integers(1, 8)), 2)
            orders[k] = (side, price, int(draw.integers(1, 50)))
            records.append(mbo(100 + k, "A", *orders[k], k))
        elif draw.random() < 0.5:
            order = list(orders)[draw.integers(len(orders))]
            side, price, size = orders.pop(order)
            records.append(mbo(100 + k, "C", side, price, size, order))
        else:
            order = list(orders)[draw.integers(len(orders))]
            side, price, size = orders[order]
            orders[order] = (side, price, size + int(draw.integers(-size + 1, 20)))
            records.append(mbo(100 + k, "M", *orders[order], order))
            if orders[order] == (side, price, size):
                continue  # changes nothing: no command
        best.append([_best(orders, "A", min), _best(orders, "B", max)])
    rows = replay(read_dbn(stored(tmp_path, *records), tick="0.01"), depth=1)
    for row, (ask, bid) in zip(rows, best, strict=True):
        assert [row[1], row[3]] == [ask[1], bid[1]]
        told = [price for price, size in ((row[0], row[1]), (row[2], row[3])) if size]
        assert told == [round(price * 10_000) for price, size in (ask, bid) if size]


def _best(orders, side, pick):
    prices = [price for of, price, _ in orders.values() if of == side]
    return (pick(prices), sum(size for of, price, size in orders.values() if of == side and price == pick(prices))) if prices else (0, 0)


def test_damage_is_told_with_its_place(tmp_path):
    path = stored(tmp_path, *small())
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])
    with pytest.raises(DataError, match=r"record 8, .* is cut short"):
        read_dbn(path)
    path.write_bytes(b"")
    with pytest.raises(DataError, match="is empty"):
        read_dbn(path)
    path.write_bytes(b"PK" + whole)
    with pytest.raises(DataError, match="is not a Databento file"):
        read_dbn(path)
    path.write_bytes(whole[:3] + b"\x09" + whole[4:])
    with pytest.raises(DataError, match="DBN version 9"):
        read_dbn(path)


def test_duplicates_and_unknown_orders(tmp_path):
    with pytest.raises(DataError, match="order_id: 1 is the id of an order that is still open"):
        read_dbn(stored(tmp_path, *small()[:3], mbo(15, "A", "B", 10, 5, 1))).commands()
    feed = read_dbn(stored(tmp_path, *small()[:3], mbo(15, "C", "B", 10, 5, 99)))
    with pytest.warns(DataWarning, match="1 × unknown"):
        feed.commands()


def test_real_orders_and_books_of_nvda():
    """The same four messages as orders and as published books of ten levels: the replay of one is the other."""
    orders, books = read_dbn(real("XNAS.ITCH__test_data.mbo*")), read_dbn(real("XNAS.ITCH__test_data.mbp-10*"))
    quotes = {quote["row"]: quote for quote in books.to_frame("quotes").iter_rows(named=True)}
    quote = None
    for number, row in enumerate(replay(orders, depth=1), 1):
        quote = quotes.get(number, quote)  # where the best prices stay, no quote is told
        assert (row[2], row[3]) == (round(quote["bid"] * 10_000), quote["bid_quantity"])
        assert row[1] == (quote["ask_quantity"] or 0)
    assert len(quotes) > 1


def test_real_market_by_order():
    feed = read_dbn(real("*orderbooks_mbo*"))
    commands = feed.commands()
    counts = feed.counts
    assert (counts["adds"], counts["executes"], feed.checked) == (13_678, 5, 5)
    assert feed.repairs == {}
    assert str(feed.instrument.tick) == "0.25"
    assert bool(np.all(np.diff(commands["ts"]) >= 0))


def test_real_trades_are_those_within_the_books():
    trades, books = read_dbn(real("*futures_trades*")), read_dbn(real("*futures_mbp-1*"))
    ours, theirs = (feed.to_frame("trades").select("ts", "price", "quantity", "side") for feed in (trades, books))
    assert len(ours) == 120
    assert ours.equals(theirs)


def test_real_bars_and_definitions():
    bars = read_dbn(real("*futures_ohlcv-1m*"), symbol="ESU4")
    assert (bars.grain, bars.instrument.symbol, bars.period) == (Grain.BARS, "ESU4", 60 * NANO)
    assert read_dbn(real("*definition*")).instrument.symbol == "NVDA"


def quote(kind, ts, bid, ask, price=None, received=None, **more):
    level = dbn.BidAskPair(bid_px=bid * NANO // 100, ask_px=ask * NANO // 100, bid_sz=5, ask_sz=6, bid_ct=1, ask_ct=1)
    numbers = {"publisher_id": 2, "instrument_id": 7, "ts_event": ts, "ts_recv": received or ts, "sequence": 1, "flags": LAST}
    return bytes(kind(price=(price or 0) * NANO // 100, size=3 if price else 0, side=dbn.Side("A"), levels=level, **numbers, **more))


def test_a_trade_and_the_quote_before_it(tmp_path):
    """tbbo: the book stands as it was when the trade came."""
    terms = {"action": dbn.Action("T"), "depth": 0, "ts_in_delta": 0}
    rows = [quote(dbn.MBP1Msg, 10, 1000, 1001, 1000, **terms), quote(dbn.MBP1Msg, 20, 999, 1001, 999, **terms)]
    feed = read_dbn(stored(tmp_path, *rows, schema="tbbo"))
    assert (feed.grain, str(feed.instrument.tick)) == (Grain.LEVELS, "0.01")
    level, traded = int(Kind.LEVEL), int(Kind.TRADE)
    assert told(feed, "kind", "side", "price", "quantity", "ts") == [
        *((level, 0, 1000, 5, 10), (level, 1, 1001, 6, 10), (traded, 1, 1000, 3, 10)),
        *((level, 0, 1000, 0, 20), (level, 0, 999, 5, 20), (traded, 1, 999, 3, 20)),
    ]


def test_quotes_at_intervals_are_known_at_their_end(tmp_path):
    """bbo-1s: ts_event is that of the last event, ts_recv the end of the interval, and no trade is told."""
    rows = [quote(dbn.BBOMsg, 10, 1000, 1001, 1000, NANO, rtype=195), quote(dbn.BBOMsg, 10, 1000, 1002, 1000, 2 * NANO, rtype=195)]
    feed = read_dbn(stored(tmp_path, *rows, schema="bbo-1s"))
    assert told(feed, "kind", "side", "price", "quantity", "ts") == [
        *((Kind.LEVEL, 0, 1000, 5, NANO), (Kind.LEVEL, 1, 1001, 6, NANO)),
        *((Kind.LEVEL, 1, 1001, 0, 2 * NANO), (Kind.LEVEL, 1, 1002, 6, 2 * NANO)),
    ]
