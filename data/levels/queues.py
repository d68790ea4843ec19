"""Queue models as people write them, and a feed of levels that says its own."""

from collections.abc import Iterator
from decimal import Decimal

import numpy as np

from data.feed import BATCH_ROWS, Commands, DataError, Feed, Wrapped, mixed
from engine.exchange import Exchange
from engine.messages.commands import Queue, set_queue
from engine.messages.hints import did_you_mean
from engine.messages.instrument import Number, decimal
from engine.messages.vocabulary import EXPONENT_PARTS, Grain, QueueModel

QueueName = str | tuple[str, Number]
RISK_AVERSE = "risk-averse"
"""The model where none is named."""
_MODELS = {model.name.lower().replace("_", "-"): model for model in QueueModel}


def queue_name(queue: Queue) -> str:
    """A queue model as people write it."""
    name = next(name for name, model in _MODELS.items() if model == queue.model)
    return name if queue.exponent is None else f"{name}:{queue.exponent:f}"


def queue_model(given: QueueName) -> Queue:
    """The model of "risk-averse", "proportional", ("power", 2.0) or "power:2". Raises ValueError with what there is."""
    name, exponent = (str(given).partition(":")[::2]) if isinstance(given, str) else given
    if name not in _MODELS:
        hint = did_you_mean(name, _MODELS, f"there are {', '.join(_MODELS)}")
        raise ValueError(f"queue {name!r} is not a queue model; {hint}")
    model = _MODELS[name]
    if model != QueueModel.POWER:
        if exponent != "":
            raise ValueError(f"queue {name}: only power has an exponent")
        return Queue(model=model)
    if exponent == "":
        raise ValueError('queue power needs its exponent: ("power", 2.0), or power:2 on the command line')
    made = decimal(exponent, "queue power")
    parts = made * EXPONENT_PARTS
    if parts != parts.to_integral_value() or not 0 < parts < 256:
        near = Decimal(min(max(round(parts), 1), 255)) / EXPONENT_PARTS
        raise ValueError(f"queue power {made:f}: the exponent is a multiple of 1/16 from 0.0625 to 15.9375; the nearest is {near:f}")
    return Queue(model=model, exponent=made)


class Queued(Wrapped):
    """Another feed that begins with a SET_QUEUE of each instrument of trades and levels: for a session, which plays what it gets."""

    def __init__(self, feed: Feed, queue: QueueName) -> None:
        super().__init__(feed, feed.name)
        self.queue, self.session_opening = queue_model(queue), feed.session_opening

    @property
    def fingerprint(self) -> str:
        return mixed(f"queue {queue_name(self.queue)}", [self.feed.fingerprint])

    def batches(self, rows: int = BATCH_ROWS) -> Iterator[Commands]:
        exchange = Exchange(self.instruments, open_now=False)
        listed = zip(self.instruments, self.grains)
        first = np.concatenate([exchange.encode(set_queue(one.symbol, self.queue)) for one, grain in listed if grain == Grain.LEVELS])
        for batch in self.feed.batches(rows):
            if len(first) and len(batch):
                first["ts"] = batch["ts"][0]
                batch, first = np.concatenate([first, batch]), first[:0]
            yield batch


def with_queue(feed: Feed, queue: QueueName | None) -> Feed:
    """A feed that a session may play: one of trades and levels names its queue model first, `queue` or the risk-averse one.

    Raises DataError for bars, ValueError for a queue model that is none, or of a feed that has no levels.
    """
    if Grain.BARS in feed.grains:
        raise DataError(feed.source, "is of bars, which a session does not play; backtest it: tapebook backtest --data …")
    if Grain.LEVELS in feed.grains:
        return Queued(feed, queue or RISK_AVERSE)
    if queue is not None:
        raise ValueError(f"queue = {queue!r} is for a market of trades and levels, which {feed.name} is not: leave it out")
    return feed
