"""The client against a running gateway: frames, commands, typed errors, facts without gap or repeat."""

import asyncio
import itertools
import threading

import polars as pl
import pytest

import tapebook as tb
from live import AsyncClient, Client
from live.client.errors import Forbidden, Gone, Malformed, NotFound, Refused, TooManyRequests, Unauthorized, Unreachable
from live.client.place import Backoff
from live.client.resume import Resume
from tests.support.live_gateway import order, running

BUY, SELL = tb.Side.BUY, tb.Side.SELL


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    with running(tmp_path_factory.mktemp("out")) as made:
        yield made


@pytest.fixture(scope="module")
def ann(desk):
    with Client(desk.url, desk.ann(), timeout=60) as made:
        yield made


@pytest.fixture(scope="module")
def bob(desk):
    with Client(desk.url, desk.bob(), timeout=60) as made:
        yield made


@pytest.fixture(scope="module")
def risk(desk):
    with Client(desk.url, desk.token("risk", subject="rita"), timeout=60) as made:
        yield made


def test_what_is_sent_and_shown(desk, ann, bob, risk):
    made = ann.send(tb.limit(11, "AAPL", BUY, 100, "150.00", portfolio="fund1"))
    assert made["order"]["status"] == "NEW"
    assert [fact["kind"] for fact in made["facts"]] == ["OrderCreated"]
    bob.send(tb.limit(0, "AAPL", SELL, 40, 150))
    book = ann.book("AAPL", 5)
    assert book["bids"] == [["150.00", "60", 1]]
    assert book.frame().rows() == [("BUY", 150.0, 60.0, 1)]
    orders = ann.orders("active")
    exchange = tb.Exchange([tb.Instrument("AAPL", tick="0.01")]).orders()
    assert orders.columns[:16] == exchange.columns[:16]
    assert {name: orders.schema[name] for name in exchange.columns[:16]} == dict(list(exchange.schema.items())[:16])
    assert orders.row(0, named=True)["executed_quantity"] == 40
    assert orders.schema["created"] == pl.Datetime("ns", "UTC")
    assert ann.positions().rows()[0][:3] == ("fund1", "AAPL", 40.0)
    assert ann.portfolios()["cash"].to_list() == [994_000.0]
    assert ann.portfolio("fund1")["positions"]["AAPL"]["quantity"] == "40"
    assert ann.trades("AAPL")["price"].to_list() == [150.0]
    assert ann.quotes("AAPL")["last"].to_list() == [150.0]
    assert ann.bars("AAPL", "1h")["volume"].to_list() == [40.0]
    assert ann.limits("fund1").row(0, named=True)["headroom"] == 400
    assert sorted(ann.instruments()["symbol"]) == ["AAPL", "ETH"]
    assert ann.summary("ann").row(0, named=True)["vwap"] == 150
    assert set(ann.history(11)["kind"]) == {"OrderCreated", "TradeExecuted"}
    assert ann.order(11)["status"] == "PARTIALLY_FILLED"
    assert ann.replace(11, price="149.50", quantity=90)["order"]["price"] == "149.50"
    assert ann.cancel(11)["order"]["status"] == "CANCELLED"
    ann.send(tb.limit(12, "AAPL", BUY, 1, "100.00"))
    assert ann.cancel_all()["cancelled"] == 1
    assert risk.state()["portfolios"][0]["name"] == "fund1"


def test_empty_frames_have_their_columns(ann):
    assert ann.trades("ETH").schema == {**ann.trades("AAPL").schema}
    assert ann.compliance_failures().height == 0
    assert "reason" in ann.compliance_failures().columns


def test_pages_are_put_together(desk, bob):
    for k in range(5):
        bob.send(tb.limit(0, "AAPL", SELL, 1, 300 + k))
    from live.client import requests

    request = requests.orders("active", limit=4)
    several = Client(desk.url, desk.bob())
    one = several.orders("active", limit=4)["order_id"].to_list()
    rows, cursor = several._one(request._replace(most=2))
    more, _ = several._one(request._replace(most=2), 0, cursor)
    assert [row["order_id"] for row in rows + more] == one
    bob.cancel_all()


def test_errors_have_kinds_codes_and_fields(desk, ann, bob, risk):
    with pytest.raises(Refused) as refused:
        ann.send(tb.limit(21, "AAPL", BUY, 600, "150.00"))
    assert (refused.value.code, refused.value.value, refused.value.limit) == ("POSITION_LIMIT", "640", "500")  # 40 are held
    with pytest.raises(Refused) as refused:
        ann.send(tb.limit(22, "AAPL", BUY, 1, "150.005"))
    assert (refused.value.code, refused.value.field) == ("INVALID_PRICE", "price")
    ann.send(tb.limit(23, "AAPL", BUY, 1, "90.00"))
    with pytest.raises(Refused) as refused:
        ann.send(tb.limit(23, "AAPL", BUY, 1, "90.00"))
    assert (refused.value.status, refused.value.code, refused.value.order["order_id"]) == (409, "DUPLICATE_ORDER", 23)
    with pytest.raises(Forbidden):
        ann.send(tb.limit(24, "AAPL", BUY, 1, "90.00", portfolio="fund2"))
    with pytest.raises(Forbidden):
        ann.kill("drill", portfolio="fund2")
    with pytest.raises(NotFound):
        ann.book("NONE")
    with pytest.raises(NotFound):
        ann.book("a/b c?d")
    with pytest.raises(Malformed) as malformed:
        ann.bars("AAPL", "soon")
    assert malformed.value.field == "interval"
    with pytest.raises(Malformed, match="call kill"):
        ann.send(tb.kill(portfolio="fund1"))
    with pytest.raises(Malformed, match="leave it out"):
        ann.send(tb.cancel(23, "AAPL", trader="bob"))
    with pytest.raises(Malformed, match="quantity"):
        ann.send(tb.limit(25, "AAPL", BUY, "many", "90.00"))
    with pytest.raises(Unauthorized):
        Client(desk.url, "nonsense").instruments()
    with pytest.raises(Unreachable):
        Client("http://127.0.0.1:9", "x").instruments()


@pytest.mark.parametrize(
    ("url", "field"), [("ftp://x", "url"), ("desk", "url"), ("http://desk.example", "url"), ("https://u:p@desk.example", "url")], ids=str
)
def test_addresses_that_are_none(url, field):
    with pytest.raises(Malformed) as odd:
        Client(url, "x")
    assert odd.value.field == field


def test_tokens_that_are_none(desk):
    with pytest.raises(Malformed, match="tapebook token"):
        Client(desk.url, "a\nb").instruments()


def test_a_token_is_asked_for_at_each_request(desk):
    tokens = iter(["bad", desk.ann()])
    client = Client(desk.url, lambda: next(tokens))
    with pytest.raises(Unauthorized):
        client.instruments()
    assert client.instruments().height == 2


def test_controls(ann, bob, risk):
    risk.halt("ETH", "news")
    with pytest.raises(Refused) as refused:
        ann.send(tb.limit(31, "ETH", BUY, "0.3", "1.00"))
    assert refused.value.code == "HALTED"
    risk.resume("ETH", "over")
    risk.kill("drill", trader="bob")
    with pytest.raises(Refused) as refused:
        bob.send(tb.limit(0, "ETH", SELL, 1, "1.00"))
    assert refused.value.code == "KILL_SWITCH"
    risk.revive("over", trader="bob")
    limits = risk.set_limits("fund1", tb.Limits(max_position=400, max_leverage="2.5"), "new mandate")
    assert 400.0 in limits["maximum"].to_list()
    assert {one["action"] for one in risk.alerts() if one["kind"] == "PrivilegedAction"} >= {"HALT", "RESUME", "KILL", "SET_LIMITS"}


def test_too_many_requests(tmp_path):
    with running(tmp_path, gateway={"port": 0, "rates": {"user": 1, "burst": 1}}) as s:
        client = Client(s.url, s.ann())
        client.instruments()
        with pytest.raises(TooManyRequests) as odd:
            [client.instruments() for _ in range(5)]
        assert odd.value.retry_after >= 1


def test_the_asynchronous_one_has_the_same_methods(desk):
    def names(kind):
        return {name for name in vars(kind) if not name.startswith("_")} - {"at"}

    assert names(Client) == names(AsyncClient)

    async def talk():
        async with Client(desk.url, desk.ann()) as client:
            made, books = await asyncio.gather(client.send(tb.limit(0, "ETH", BUY, "0.5", "2.00")), client.book("ETH"))
            assert made["order"]["quantity"] == "0.500"
            assert books["symbol"] == "ETH"
            with pytest.raises(NotFound):
                await client.order(999)
            assert (await client.orders("active")).height >= 1
            return await client.cancel_all()

    assert asyncio.run(talk())["cancelled"] >= 1


# facts


def take(facts, count):
    return list(itertools.islice(facts, count))


def test_follow_without_gap_or_repeat(desk, bob):
    """Its connections are cut over and over; what it saw is what a reader from the beginning sees."""
    begin = desk.session.models.seq + 1
    seen, wanted, cut = [], 240, threading.Event()

    def read():
        for fact in Client(desk.url, desk.bob()).follow(begin):
            seen.append(fact)
            if len(seen) == wanted:
                return

    async def cutting():
        while not cut.is_set():
            had = len(seen)
            await asyncio.sleep(0.3)
            for client in list(desk.hub().clients) if len(seen) > had else ():  # a slow machine comes on, too
                client.close(4408, "too slow: resume from the last seq")

    cutter = asyncio.run_coroutine_threadsafe(cutting(), desk.loop)
    reader = threading.Thread(target=read)
    reader.start()
    for k in range(wanted // 2):
        made = bob.send(tb.limit(0, "AAPL", SELL, 1, 300 + k % 5))["order"]
        bob.cancel(made["order_id"])
    reader.join(90)
    cut.set()
    cutter.result(5)
    assert not reader.is_alive()
    assert seen == take(Client(desk.url, desk.bob()).follow(begin), wanted)
    assert [fact["seq"] for fact in seen] == sorted({fact["seq"] for fact in seen})


def test_who_oversees_gets_both_sides_of_a_trade_once(desk, ann, bob):
    begin = desk.session.models.seq + 1
    ann.send(tb.limit(0, "AAPL", BUY, 7, "151.00"))
    bob.send(tb.limit(0, "AAPL", SELL, 7, "151.00"))

    async def read():
        client = AsyncClient(desk.url, desk.token("risk"))
        return [fact async for fact in _first(client.follow(begin), 4)]

    found = asyncio.run(read())
    assert [(fact["kind"], fact["trader"]) for fact in found] == [
        ("OrderCreated", "ann"),
        ("OrderCreated", "bob"),
        ("OrderFilled", "ann"),
        ("OrderFilled", "bob"),
    ]
    assert found[2]["seq"] == found[3]["seq"]


async def _first(facts, count):
    k = 0
    async for fact in facts:
        yield fact
        k += 1
        if k == count:
            return


def test_facts_over_a_restart(tmp_path):
    with running(tmp_path) as s:
        client = Client(s.url, s.ann())
        client.send(tb.limit(1, "AAPL", BUY, 5, "10.00"))
        first = take(Client(s.url, s.ann()).follow(1), 1)
        port = int(s.url.rpartition(":")[2])
        facts = Client(s.url, s.ann(), patience=30).follow(first[0]["seq"] + 1)
    found = []
    reader = threading.Thread(target=lambda: found.extend(take(facts, 2)))
    reader.start()
    with running(tmp_path, gateway={"port": port}) as s:
        client = Client(s.url, s.ann())
        client.send(tb.limit(2, "AAPL", BUY, 5, "11.00"))
        client.cancel(1)
        reader.join(20)
    assert [(fact["kind"], fact["order_id"]) for fact in found] == [("OrderCreated", 2), ("OrderCancelled", 1)]


def test_following_ends_where_it_is_no_use(desk):
    with pytest.raises(Unauthorized):
        next(Client(desk.url, "nonsense").follow())
    with pytest.raises(Forbidden):
        next(Client(desk.url, desk.token("viewer")).follow())
    with pytest.raises(Forbidden):
        next(Client(desk.url, desk.ann()).follow(trader="bob"))
    with pytest.raises(Unreachable, match="given up"):
        next(Client("http://127.0.0.1:9", "x", patience=0.1).follow())
    with pytest.raises(Unauthorized, match="expired"):
        next(Client(desk.url, desk.token("trader", trader="ann", hours=1.1 / 3600)).follow())


def test_where_a_reader_stands():
    at = Resume()
    assert at.welcome({"session": "a", "seq": 9}) == {"from_seq": 10}
    assert [at.is_new({"seq": seq}) for seq in (10, 12, 12, 13)] == [True] * 4
    assert at.welcome({"session": "a", "seq": 20}) == {"from_seq": 13}
    assert [at.is_new({"seq": seq}) for seq in (13, 13, 14)] == [False, True, True]
    with pytest.raises(Gone, match="another one"):
        at.welcome({"session": "a", "seq": 3})
    with pytest.raises(Gone, match="'b'"):
        at.welcome({"session": "b", "seq": 30})


def test_how_long_it_waits():
    now = 0.0
    backoff = Backoff(3, lambda: now, lambda: 1.0)
    assert [backoff.next() for _ in range(3)] == [pytest.approx(wait) for wait in (0.1, 0.2, 0.4)]
    now = 3.1
    assert backoff.next() is None
    backoff.succeeded()
    assert backoff.next() == pytest.approx(0.1)
    assert Backoff(None, lambda: 1e9, lambda: 1.0).next() is not None


def test_numbers_and_terms(ann):
    made = ann.send(tb.stop_limit(0, "ETH", BUY, "0.25", "3.00", "2.90", time_in_force=tb.TimeInForce.GTC))["order"]
    assert (made["status"], made["stop_price"], made["time_in_force"]) == ("PENDING", "2.90", "GTC")
    assert order("BUY", 1, "1.00")["type"] == "LIMIT"
    ann.cancel(made["order_id"])
