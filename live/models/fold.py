"""The kernel that looks at each fact once."""

import numpy as np

from engine.compiler.kernel import entry_kernel, hot_kernel, kernel
from engine.messages.vocabulary import Kind, Reason
from engine.risk.limits import add
from live.models.order_fold import ACTIVE, change_order, enter_order, uses_id
from live.models.tables import find_order
from live.models.trade_fold import HISTORY_TRADER, set_mark, trade

DONE, ROOM, TURN, UNNAMED = range(4)
"""Why `fold` came back: all facts are done; something is full; a day begins; a number that no name has."""


@entry_kernel
def gap(seqs, facts, seq):
    """The first seq after `seq` that neither the commands' `seqs` nor the facts have, of those up to their last; 0 where all are there."""
    i, j = 0, 0
    expected = np.int64(seq)
    while i < len(seqs) or j < len(facts):
        expected += 1
        if i < len(seqs) and seqs[i] == expected:
            i += 1
        elif j < len(facts) and facts[j]["seq"] == expected:
            j += 1
        else:
            return expected
    return np.int64(0)


@hot_kernel
def _is_named(models, portfolio, trader, instrument):
    return portfolio < len(models.accounts) and trader < len(models.traders) and instrument < len(models.markets)


@hot_kernel
def _has_pairs(count, rows, index):
    """Whether two more rows fit, and the index stays at most half full."""
    return count + 2 <= len(rows) and 2 * (count + 2) <= len(index)


@hot_kernel
def _has_room(models, fact):
    """Whether a fact about an order or a trade finds room for all that it may add."""
    head = models.head[0]
    if not _has_pairs(np.int64(head["holdings"]), models.holdings, models.holdings_index):
        return False
    if fact["kind"] != Kind.TradeExecuted:
        orders = np.int64(head["orders"]) + 1
        return orders <= len(models.orders) and 2 * orders <= len(models.index)
    market = models.markets[fact["instrument"]]
    if market["trades"] >= market["room"] and market["room"] < head["trades_kept"]:
        return False
    return _has_pairs(np.int64(head["sums"]), models.sums, models.sums_index)


@kernel
def _note_refusal(models, fact):
    """An order or replace that a risk limit or a rule refused, in its ring; a ReplaceRejected gets portfolio and side of its order."""
    reason, head = fact["reason"], models.head[0]
    if reason < Reason.RESTRICTED_SYMBOL or reason > Reason.LEVERAGE_LIMIT:
        return
    owner, side = np.int64(fact["portfolio"]), np.int64(fact["side"])
    if fact["kind"] == Kind.ReplaceRejected:
        k = find_order(models, fact["order_id"], np.int64(fact["trader"]))
        owner = np.int64(models.orders[k]["portfolio"]) if k >= 0 else 0
        side = np.int64(models.orders[k]["side"]) if k >= 0 else 0
    if reason <= Reason.ORDER_RATE:
        ring, at = models.failures, np.int64(head["failures"])
        head["failures"] = at + 1
    else:
        ring, at = models.breaches, np.int64(head["breaches"])
        head["breaches"] = at + 1
    at %= len(ring)
    ring[at] = fact
    ring[at]["portfolio"] = owner
    ring[at]["side"] = side


@hot_kernel
def _prints(kind):
    """Whether a fact of history is a print."""
    return kind == Kind.HistoryExecuted or kind == Kind.TradePrinted or kind == Kind.HistoryTraded


@kernel
def _control(models, fact):
    """What is neither about an order nor a trade: alarms, deposits, limits, prices."""
    kind = fact["kind"]
    if _prints(kind) or kind == Kind.PriceMarked:
        set_mark(models, fact["instrument"], fact["price"])
    elif kind == Kind.RiskLimitBreached:
        at = np.int64(models.head[0]["breaches"])
        models.head[0]["breaches"] = at + 1
        models.breaches[at % len(models.breaches)] = fact
    elif kind == Kind.CashDeposited:
        account = models.accounts[fact["portfolio"]]
        account["cash"] += fact["value"]
        account["base"] = add(np.int64(account["base"]), np.int64(fact["value"]))
        models.accounts[0]["cash"] -= fact["value"]
    elif kind == Kind.LimitsSet:
        models.limits[fact["portfolio"]] = fact


@hot_kernel
def _reads(kind):
    """Whether a fact of this kind changes anything here."""
    if kind <= Kind.ReplaceRejected:
        return kind != Kind.CancelRejected
    if kind >= Kind.HistoryAdded:
        return _prints(kind)
    return kind == Kind.CashDeposited or kind == Kind.LimitsSet or kind == Kind.PriceMarked


@hot_kernel
def _names_fit(models, fact):
    """Whether all numbers of a fact are below those of the known names; HISTORY and refused names stand in no row."""
    kind, trader = fact["kind"], np.int64(fact["trader"])
    if kind == Kind.TradeExecuted:
        maker = np.int64(fact["maker_trader"])
        makes = _is_named(models, fact["maker_portfolio"], 0 if maker == HISTORY_TRADER else maker, 0)
        return makes and _is_named(models, fact["portfolio"], 0 if trader == HISTORY_TRADER else trader, fact["instrument"])
    if kind >= Kind.HistoryAdded:
        return _is_named(models, 0, 0, fact["instrument"])
    if kind == Kind.ReplaceRejected or (kind == Kind.OrderRejected and not uses_id(fact["reason"])):
        return True
    return _is_named(models, fact["portfolio"], trader, fact["instrument"])


@entry_kernel
def fold(models, facts, start):
    """Look at the facts from `start` on; returns the index of the first that was not taken, and why."""
    head = models.head[0]
    i = np.int64(start)
    while i < len(facts):
        fact = facts[i]
        kind = fact["kind"]
        if kind == Kind.DayStarted:
            return i, TURN
        if _reads(kind):
            if not _names_fit(models, fact):
                return i, UNNAMED
            if kind <= Kind.TradeExecuted and not _has_room(models, fact):
                return i, ROOM
            if kind == Kind.TradeExecuted:
                trade(models, fact)
            elif kind == Kind.OrderCreated:
                enter_order(models, fact)
            elif kind == Kind.OrderRejected:
                if uses_id(fact["reason"]):
                    enter_order(models, fact)
                    _note_refusal(models, fact)
            elif kind == Kind.ReplaceRejected:
                _note_refusal(models, fact)
            elif kind < Kind.OrderRejected or kind == Kind.OrderExpired:
                change_order(models, fact)
            else:
                _control(models, fact)
        head["seq"] = fact["seq"]
        head["ts"] = fact["ts"]
        i += 1
    return i, DONE


@entry_kernel
def forget_finished(models):
    """START_OF_DAY: what is finished is forgotten, with the day's sums; the index of the orders is empty then."""
    head = models.head[0]
    kept = 0
    for k in range(head["orders"]):
        if models.orders[k]["status"] <= ACTIVE:
            models.orders[kept] = models.orders[k]
            models.orders[kept]["sums"] = 0
            kept += 1
    head["orders"] = kept
    for at in range(len(models.index)):
        models.index[at] = 0
    for at in range(len(models.sums_index)):
        models.sums_index[at] = 0
    head["sums"] = 0
