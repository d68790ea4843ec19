"""What a strategy is shown of the market: books and marks as of now."""

import numpy as np

from engine.compiler.kernel import kernel
from engine.state.arrays import EMPTY, MASK, W
from engine.state.ladder import key_of, lots_at
from engine.state.levels import lower_key


@kernel
def look(state, instrument, touch):
    """Write the best prices (ticks) and lots of `instrument`, its last price, volume and mark into `touch`."""
    bid = state.ladders[2 * instrument]["best"]
    ask = state.ladders[2 * instrument + 1]["best"]
    touch["has_bid"] = bid != EMPTY
    touch["has_ask"] = ask != EMPTY
    touch["bid"] = bid if bid != EMPTY else 0
    touch["bid_lots"] = lots_at(state, 2 * instrument * W + (bid & MASK)) if bid != EMPTY else 0
    touch["ask"] = ~ask if ask != EMPTY else 0
    touch["ask_lots"] = lots_at(state, (2 * instrument + 1) * W + (ask & MASK)) if ask != EMPTY else 0
    terms = state.instruments[instrument]
    touch["last"] = terms["last"] / terms["tick"]
    touch["has_last"] = terms["traded"]
    touch["volume"] = terms["volume"]
    touch["mark"] = terms["mark"]
    touch["has_mark"] = terms["marked"]


@kernel
def differs(state, instrument, touch):
    """Whether the best prices or their lots are others than in `touch`."""
    bid = state.ladders[2 * instrument]["best"]
    ask = state.ladders[2 * instrument + 1]["best"]
    if (bid != EMPTY) != (touch["has_bid"] != 0) or (ask != EMPTY) != (touch["has_ask"] != 0):
        return True
    if bid != EMPTY and (bid != touch["bid"] or lots_at(state, 2 * instrument * W + (bid & MASK)) != touch["bid_lots"]):
        return True
    return ask != EMPTY and (~ask != touch["ask"] or lots_at(state, (2 * instrument + 1) * W + (ask & MASK)) != touch["ask_lots"])


@kernel
def show_levels(state, mine, instrument):
    """Write the first `depth` levels of both sides into `mine.levels`; what is missing has 0 lots."""
    depth = mine.clock[0]["depth"]
    for side in range(2):
        ladder = 2 * instrument + side
        key = state.ladders[ladder]["best"]
        for k in range(depth):
            level = mine.levels[ladder * depth + k]
            if key == EMPTY:
                level["price"] = 0
                level["lots"] = 0
            else:
                level["price"] = key_of(side, key)
                level["lots"] = lots_at(state, ladder * W + (key & MASK))
                key = lower_key(state, ladder, key)


@kernel
def show_books(state, mine):
    """Bring the strategy's books up to now."""
    for instrument in range(len(mine.touches)):
        if differs(state, instrument, mine.touches[instrument]) or mine.clock[0]["depth"] > 1:
            show_levels(state, mine, instrument)
        look(state, instrument, mine.touches[instrument])


@kernel
def note_mark(state, loop, instrument):
    """A row where the command just done changed the mark of `instrument`; of one time the last mark stays."""
    if instrument >= len(loop.sampled):
        return
    terms, was = state.instruments[instrument], loop.sampled[instrument]
    if terms["mark"] == was["mark"] and terms["marked"] == was["has_mark"]:
        return
    was["mark"] = terms["mark"]
    was["has_mark"] = terms["marked"]
    clock = loop.clock[0]
    count = clock["marks"]
    if count == 0 or loop.marks[count - 1]["ts"] != clock["now"] or loop.marks[count - 1]["instrument"] != instrument:
        clock["marks"] += 1
        count += 1
    row = loop.marks[count - 1]
    row["ts"] = clock["now"]
    row["price"] = terms["mark"]
    row["instrument"] = instrument


@kernel
def take_sample(state, loop):
    """A row for each instrument whose market changed since its last sample."""
    clock = loop.clock[0]
    for instrument in range(len(loop.sampled)):
        was = loop.sampled[instrument]
        terms = state.instruments[instrument]
        if terms["volume"] == was["volume"] and not differs(state, instrument, was):
            continue
        look(state, instrument, was)
        bid, ask = state.ladders[2 * instrument]["best"], state.ladders[2 * instrument + 1]["best"]
        row = loop.samples[clock["samples"]]
        clock["samples"] += 1
        row["ts"] = clock["sample_next"]
        row["instrument"] = instrument
        row["bid"] = was["bid"] * terms["tick"]
        row["ask"] = was["ask"] * terms["tick"]
        row["has"] = (bid != EMPTY) | ((ask != EMPTY) << 1) | (np.int64(terms["traded"]) << 2)
        row["bid_quantity"] = was["bid_lots"]
        row["ask_quantity"] = was["ask_lots"]
        row["last"] = terms["last"]
        row["volume"] = terms["volume"]
