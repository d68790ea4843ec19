"""Rules on orders: layering and spoofing, quote stuffing, the ratio of orders to trades."""

import polars as pl

from data.surveillance.facts import Tape, withdrawn
from data.surveillance.rule import Given, Rule, nanoseconds
from engine.messages.vocabulary import Kind

_CANCELLED, _REPLACED = int(Kind.OrderCancelled), int(Kind.OrderReplaced)


def layering(tape: Tape, given: Given) -> pl.DataFrame:
    """Orders that were cancelled right after a fill on the other side, and are many times what was filled there."""
    before, after = nanoseconds(given["before"]), nanoseconds(given["after"])
    by = ["trader", "instrument", "side"]
    fills = (
        tape.fills.filter(pl.col("trader") > 0)
        .group_by(*by, "seq", "ts", maintain_order=True)
        .agg(lots=pl.col("lots").sum())
        .with_columns(total=pl.col("lots").cum_sum().over(by))
        .select(*by, "total", fill="seq", filled="ts", key="seq")
        .sort("key")
    )
    gone = withdrawn(tape.orders).with_columns(side=1 - pl.col("side"))  # as the side that it would help
    gone = gone.filter(pl.col("cancelled") - pl.col("created") <= before + after)
    near = gone.with_columns(key="cancelled_seq").sort("key")
    near = near.join_asof(fills, on="key", by=by, strategy="backward", check_sortedness=False)
    near = near.filter((pl.col("fill") > pl.col("created_seq")) & (pl.col("filled") - pl.col("created") <= before))
    near = near.filter(pl.col("cancelled") - pl.col("filled") <= after)
    near = near.filter(pl.col("left") >= (1 - given["executed"]) * pl.col("quantity"))
    earlier = fills.select(*by, "key", early="total")
    near = near.with_columns(key="created_seq").sort("key").join_asof(earlier, on="key", by=by, strategy="backward", check_sortedness=False)
    return (
        near.sort("created_seq")
        .group_by(*by, "fill", "filled", maintain_order=True)
        .agg(
            births=pl.col("created_seq"),
            ends=pl.col("cancelled_seq"),
            started=pl.col("created").min(),
            ended=pl.col("cancelled").max(),
            orders=pl.len(),
            prices=pl.col("price").n_unique(),
            shown=pl.col("left").sum(),
            got=pl.col("total").first() - pl.col("early").fill_null(0).min(),
        )
        .with_columns(value=pl.col("shown") / pl.col("got"))
        .filter((pl.col("value") >= given["ratio"]) & (pl.col("orders") >= given["orders"]))
        .with_columns(
            due=pl.col("filled") + after + 1,
            threshold=pl.lit(given["ratio"]),
            seqs=pl.col("births").list.concat(pl.concat_list("fill")).list.concat(pl.col("ends")),
            text=pl.format(
                "{} orders at {} prices, {} lots in all, cancelled after {} lots were filled on the other side",
                *("orders", "prices", "shown", "got"),
            ),
        )
        .select("trader", "instrument", "seqs", "started", "ended", "due", "value", "threshold", "text")
    )


def quote_stuffing(tape: Tape, given: Given) -> pl.DataFrame:
    """Bursts of orders, changes and cancels of which next to nothing trades."""
    width = nanoseconds(given["window"])
    at = (pl.col("ts") // width * width).alias("at")
    by = ["trader", "instrument", "at"]
    sent = (
        tape.orders.filter(pl.col("trader") > 0)
        .with_columns(at)
        .group_by(by, maintain_order=True)
        .agg(seqs=pl.col("seq"), started=pl.col("ts").min(), ended=pl.col("ts").max(), messages=pl.len())
        .filter(pl.col("messages") >= given["messages"])
    )
    filled = tape.fills.with_columns(at).group_by(by).agg(fills=pl.col("seq").n_unique())
    return (
        sent.join(filled, on=by, how="left", maintain_order="left")
        .with_columns(pl.col("fills").fill_null(0), value=pl.col("messages").cast(pl.Float64))
        .filter(pl.col("fills") <= given["filled"] * pl.col("messages"))
        .with_columns(due=pl.col("at") + width, threshold=pl.lit(given["messages"]))
        .with_columns(text=pl.format("{} messages and {} fills within {} s", "messages", "fills", pl.lit(f"{given['window']:g}")))
        .select("trader", "instrument", "seqs", "started", "ended", "due", "value", "threshold", "text")
    )


def counted(tape: Tape) -> pl.DataFrame:
    """What the ratio of orders to trades is made of, in a part of a day: trader instrument messages ordered trades traded (lots) seqs
    started ended. A new order and a cancel count once, a change twice."""
    weight = pl.when(pl.col("kind") == _REPLACED).then(2).otherwise(1)
    lots = pl.when(pl.col("kind") == _CANCELLED).then("remaining").otherwise("quantity") * weight
    sent = tape.orders.filter(pl.col("trader") > 0).select(
        "trader", "instrument", "seq", "ts", messages=weight, ordered=lots, trades=0, traded=0
    )
    got = tape.fills.filter(pl.col("trader") > 0).select(
        "trader", "instrument", "seq", "ts", messages=0, ordered=0, trades=1, traded="lots"
    )
    return _summed(pl.concat([sent, got], how="vertical_relaxed").sort("seq"), pl.col("seq"), pl.col("ts").min(), pl.col("ts").max())


def added(parts: list[pl.DataFrame]) -> pl.DataFrame:
    """What several parts of a day come to."""
    whole = pl.concat(parts, how="vertical_relaxed")
    return _summed(whole, pl.col("seqs").list.explode(), pl.col("started").min(), pl.col("ended").max())


def _summed(rows: pl.DataFrame, seqs: pl.Expr, started: pl.Expr, ended: pl.Expr) -> pl.DataFrame:
    sums = [pl.col(name).sum().cast(pl.Int64) for name in ("messages", "ordered", "trades", "traded")]
    return rows.group_by("trader", "instrument", maintain_order=True).agg(*sums, seqs=seqs.head(100), started=started, ended=ended)


def order_to_trade(day: pl.DataFrame, given: Given) -> pl.DataFrame:
    """Traders above the ratios of a day, of which `day` is what `counted` and `added` say."""
    number = pl.col("messages") / pl.col("trades").clip(1) - 1
    volume = pl.col("ordered") / pl.col("traded").clip(1) - 1
    return (
        day.with_columns(value=number, volume=volume)
        .filter(pl.col("messages") >= given["messages"])
        .filter((pl.col("value") > given["number"]) | (pl.col("volume") > given["volume"]))
        .with_columns(
            due=pl.col("ended"),
            threshold=pl.lit(given["number"]),
            text=pl.format(
                "{} messages to {} trades: {} in number, {} in volume",
                *("messages", "trades", pl.col("value").round(1), pl.col("volume").round(1)),
            ),
        )
        .select("trader", "instrument", "seqs", "started", "ended", "due", "value", "threshold", "text")
    )


LAYERING = Rule(
    "layering",
    "lots cancelled on one side within seconds of a fill on the other, as a multiple of what was filled",
    "MAR (EU) 596/2014 art. 12(2)(c)(ii); Delegated Regulation (EU) 2016/522, annex II, section 1, layering and spoofing; Dodd-Frank Act "
    "s. 747 (7 U.S.C. 6c(a)(5)(C))",
    {"before": 30, "after": 10, "ratio": 5, "orders": 1, "executed": 0.1},
    {
        "before": "seconds before the fill in which they were entered, at most",
        "after": "seconds after it in which they were cancelled, at most",
        "ratio": "their open lots to the lots filled on the other side, at least",
        "orders": "number of such orders, at least",
        "executed": "part of such an order that was executed, at most",
    },
    layering,
    lambda given: given["before"] + given["after"] + 1,
)
QUOTE_STUFFING = Rule(
    "quote-stuffing",
    "orders, changes and cancels of a trader in an instrument within a window, of which next to nothing trades",
    "MAR (EU) 596/2014 art. 12(2)(c)(i); Delegated Regulation (EU) 2016/522, annex II, section 1, quote stuffing; Egginton, Van Ness and "
    "Van Ness (2016), Quote stuffing, Financial Management 45",
    {"window": 1, "messages": 100, "filled": 0.02},
    {
        "window": "seconds; windows stand side by side",
        "messages": "messages in a window, at least",
        "filled": "fills to messages, at most",
    },
    quote_stuffing,
    lambda given: given["window"],
)
ORDER_TO_TRADE = Rule(
    "order-to-trade",
    "messages to trades of a day, and ordered to traded lots, less one",
    "MiFID II 2014/65/EU art. 48(6); Delegated Regulation (EU) 2017/566 (RTS 9), art. 3 and annex: an entry and a cancel count once, a "
    "change twice. A trader without a trade counts as with one",
    {"messages": 100, "number": 100, "volume": 500},
    {
        "messages": "of a trader in an instrument on a day, at least",
        "number": "messages to trades, less one, above this",
        "volume": "ordered to traded lots, less one, above this",
    },
    lambda tape, given: order_to_trade(counted(tape), given),
    lambda given: 0,
)
