"""Rules on trades: wash trades, marking the close, momentum ignition."""

import polars as pl

from data.surveillance.facts import Tape
from data.surveillance.rule import SECOND, Given, Rule, nanoseconds

MINUTE = 60 * SECOND
_SIGN = 1 - 2 * pl.col("side")
"""+1 for a buy, -1 for a sale."""


def wash_trades(tape: Tape, given: Given) -> pl.DataFrame:
    """Trades of one trader with itself, for two portfolios, by minute."""
    minute = pl.col("ts") // MINUTE * MINUTE
    own = (pl.col("trader") == pl.col("maker_trader")) & (pl.col("trader") > 0) & (pl.col("portfolio") != pl.col("maker_portfolio"))
    return (
        tape.trades.filter(own)
        .group_by("trader", "instrument", minute.alias("at"), maintain_order=True)
        .agg(seqs=pl.col("seq"), started=pl.col("ts").min(), ended=pl.col("ts").max(), value=pl.len().cast(pl.Float64))
        .filter(pl.col("value") >= given["trades"])
        .with_columns(due=pl.col("at") + MINUTE, threshold=pl.lit(given["trades"]))
        .with_columns(text=pl.format("{} trades with itself between portfolios", pl.col("value").cast(pl.Int64)))
        .drop("at")
    )


def marking_the_close(tape: Tape, given: Given) -> pl.DataFrame:
    """Who moved the price just before the end of a day, on the taker's side, with most of the volume."""
    window = nanoseconds(given["window"])
    closes = tape.closes.select("instrument", closed="ts", closed_seq="seq").sort("closed")
    near = tape.trades.sort("ts").join_asof(
        closes, left_on="ts", right_on="closed", by="instrument", strategy="forward", tolerance=window, check_sortedness=False
    )
    near = near.drop_nulls("closed").filter(pl.col("seq") < pl.col("closed_seq"))
    by = ["instrument", "closed", "closed_seq"]
    whole = near.sort("seq").group_by(by).agg(volume=pl.col("quantity").sum(), first=pl.col("price").first(), last=pl.col("price").last())
    signed = (_SIGN * pl.col("quantity")).sum()
    taken = (
        near.filter(pl.col("trader") > 0)
        .group_by("trader", *by, maintain_order=True)
        .agg(seqs=pl.col("seq"), started=pl.col("ts").min(), ended=pl.col("ts").max(), pushed=signed, own=pl.col("quantity").sum())
    )
    share = pl.col("own") / pl.col("volume")
    moved = (pl.col("last") - pl.col("first")) / pl.col("first").abs() * 10_000
    pushes = moved * pl.col("pushed").sign()
    return (
        taken.join(whole, on=by)
        .with_columns(value=pushes, share=share)
        .filter((pl.col("value") >= given["move"]) & (pl.col("share") >= given["share"]))
        .with_columns(due=pl.col("closed") + 1, threshold=pl.lit(given["move"]), seqs=pl.concat_list("seqs", "closed_seq"))
        .with_columns(
            text=pl.format(
                "took {}% of the volume before the close and moved the price by {} bp",
                (pl.col("share") * 100).round(1),
                pl.col("value").round(1),
            )
        )
        .select("trader", "instrument", "seqs", "started", "ended", "due", "value", "threshold", "text")
    )


def momentum_ignition(tape: Tape, given: Given) -> pl.DataFrame:
    """A burst of aggressive trades that moved the price, and the trader's way out on the other side at a better price."""
    width, after = nanoseconds(given["window"]), nanoseconds(given["after"])
    at = (pl.col("ts") // width * width).alias("at")
    by = ["instrument", "at"]
    whole = tape.trades.with_columns(at).group_by(by).agg(volume=pl.col("quantity").sum())
    mine = pl.col("price").last() - pl.col("price").first()
    bursts = (
        tape.fills.filter((pl.col("taker") == 1) & (pl.col("trader") > 0))
        .with_columns(at)
        .group_by("trader", *by, "side", maintain_order=True)
        .agg(
            seqs=pl.col("seq"),
            started=pl.col("ts").min(),
            burst=pl.col("ts").max(),
            count=pl.len(),
            lots=pl.col("lots").sum(),
            paid=(pl.col("price") * pl.col("lots")).sum(),
            move=mine * 10_000 / pl.col("price").first().abs(),
        )
        .join(whole, on=by)
        .with_columns(value=pl.col("move") * _SIGN)
        .filter((pl.col("count") >= given["trades"]) & (pl.col("lots") >= given["share"] * pl.col("volume")))
        .filter(pl.col("value") >= given["move"])
        .with_columns(until=pl.col("burst") + after)
    )
    out = tape.fills.select(
        "trader", "instrument", (1 - pl.col("side")).alias("side"), "ts", out_seq="seq", out_lots="lots", out_price="price"
    )
    back = bursts.join(out, on=["trader", "instrument", "side"]).filter(
        (pl.col("ts") > pl.col("burst")) & (pl.col("ts") <= pl.col("until"))
    )
    gain = (pl.col("received") / pl.col("closed") - pl.col("paid") / pl.col("lots")) * _SIGN
    kept = ["trader", "instrument", "side", "at", "started", "until", "lots", "paid", "value"]
    return (
        back.group_by(kept, maintain_order=True)
        .agg(
            opening=pl.col("seqs").first(),
            closing=pl.col("out_seq"),
            ended=pl.col("ts").max(),
            closed=pl.col("out_lots").sum(),
            received=(pl.col("out_lots") * pl.col("out_price")).sum(),
        )
        .filter((pl.col("closed") >= given["reversed"] * pl.col("lots")) & (gain > 0))
        .with_columns(
            due=pl.col("at") + width + after, threshold=pl.lit(given["move"]), seqs=pl.col("opening").list.concat(pl.col("closing"))
        )
        .with_columns(
            text=pl.format("moved the price by {} bp in a burst of {} lots, then traded back", pl.col("value").round(1), pl.col("lots"))
        )
        .select("trader", "instrument", "seqs", "started", "ended", "due", "value", "threshold", "text")
    )


WASH_TRADES = Rule(
    "wash-trades",
    "trades in which one trader is on both sides, for two portfolios: no change of who bears the risk",
    "MAR (EU) 596/2014 art. 12(1)(a); Delegated Regulation (EU) 2016/522, annex II, section 1, indicator 3(a)",
    {"trades": 1},
    {"trades": "such trades of a trader in an instrument within one minute, at least"},
    wash_trades,
    lambda given: 60,
)
MARKING_THE_CLOSE = Rule(
    "marking-the-close",
    "basis points by which the price moved, the way of a trader who took most of the volume, before END_OF_DAY",
    "MAR (EU) 596/2014 art. 12(2)(b); Delegated Regulation (EU) 2016/522, annex II, section 1, marking the close; Comerton-Forde and "
    "Putniņš (2011), Measuring closing price manipulation, Journal of Financial Intermediation 20",
    {"window": 300, "share": 0.3, "move": 20},
    {
        "window": "seconds before END_OF_DAY",
        "share": "part of the window's volume that the trader took, at least",
        "move": "basis points from the window's first trade to its last, at least",
    },
    marking_the_close,
    lambda given: given["window"] + 1,
)
MOMENTUM_IGNITION = Rule(
    "momentum-ignition",
    "basis points by which a trader's burst of aggressive trades moved the price, before it traded back at a better one",
    "MAR (EU) 596/2014 art. 12(2)(c)(iii); Delegated Regulation (EU) 2016/522, annex II, section 1, momentum ignition",
    {"window": 10, "after": 60, "trades": 5, "share": 0.5, "move": 10, "reversed": 0.5},
    {
        "window": "seconds of a burst",
        "after": "seconds within which it trades back",
        "trades": "aggressive trades of one side, at least",
        "share": "part of the window's volume, at least",
        "move": "basis points from its first trade to its last, at least",
        "reversed": "part of the burst's lots that it trades back, at least",
    },
    momentum_ignition,
    lambda given: given["window"] + given["after"],
)
