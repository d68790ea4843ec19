"""Commands as records, with the names that they introduce, so that no name is ever known to the encoder and not to the exchange."""

from collections.abc import Sequence

import numpy as np

from engine.exchange import Exchange
from engine.messages.commands import Command
from engine.messages.records import COMMAND
from engine.messages.vocabulary import Kind
from live.writer.intake import Intake, Request

NAMING = [Kind.PORTFOLIO, Kind.TRADER]
"""Commands that introduce a name."""


def introductions(commands: np.ndarray) -> np.ndarray:
    """Those of the commands (COMMAND) that introduce names."""
    return commands[np.isin(commands["kind"], NAMING)]


def encoded(commands: Sequence[Command], exchange: Exchange, intake: Intake) -> np.ndarray:
    """The records of commands (COMMAND), to be put in at once. Raises ValueError where one cannot be said; of the others only the names
    that they introduced are carried out then."""
    rows: list[np.ndarray] = [np.zeros(0, COMMAND)]
    try:
        for one in commands:
            rows.append(exchange.encode(one))
    except ValueError:
        intake.put(Request(introductions(np.concatenate(rows))))
        raise
    return np.concatenate(rows)
