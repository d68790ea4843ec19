"""One day of one symbol as a Parquet file: its commands, and in the footer what they are of. Whole under its name, or not there."""

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from polars.exceptions import PolarsError

from data.feed import Commands, DataError
from data.segments.parquet import sync
from engine.messages.instrument import Instrument
from engine.messages.records import COMMAND

LAYOUT = "1"
COLUMNS = ("ts", "kind", "side", "price", "quantity", "order_id", "flags", "row", "stop_price")
"""The fields of a command that history uses; `price` in price units, `quantity` in lots."""
KEY = "tapebook"
TERMS = ("symbol", "tick", "lot", "price_unit", "currency", "multiplier", "maker_fee", "taker_fee", "negative_prices", "kind")


def as_frame(commands: Commands) -> pl.DataFrame:
    """Commands of one instrument as columns."""
    return pl.DataFrame({name: np.ascontiguousarray(commands[name]) for name in COLUMNS})


def as_commands(frame: pl.DataFrame) -> Commands:
    """Columns as commands of instrument 0."""
    made = np.zeros(len(frame), COMMAND)
    for name in COLUMNS:
        made[name] = frame[name].to_numpy()
    return made


def terms_of(instrument: Instrument) -> dict[str, Any]:
    """An instrument's terms, as JSON takes them."""
    return {name: value if isinstance(value := getattr(instrument, name), str | bool) else f"{value:f}" for name in TERMS}


def instrument_from(terms: Mapping[str, Any]) -> Instrument:
    """The instrument of such terms."""
    given = dict(terms)
    return Instrument(given.pop("symbol"), given.pop("tick"), given.pop("lot"), **given)


def write_file(path: Path, frame: pl.DataFrame, said: Mapping[str, Any], replace: bool) -> bool:
    """Write a file under another name, make it durable, and give it its name. False where there is one and it is not to be
    replaced.

    Of several writers of one name one wins, and a reader sees a whole file or none.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    number, scratch = tempfile.mkstemp(prefix=f".{path.stem}", suffix=".part", dir=path.parent)
    os.close(number)
    try:
        frame.write_parquet(scratch, compression="zstd", statistics=True, metadata={KEY: json.dumps({"layout": LAYOUT, **said})})
        sync(Path(scratch))
        if replace:
            os.replace(scratch, path)
        else:
            os.link(scratch, path)
        sync(path.parent)
    except FileExistsError:
        return False
    finally:
        Path(scratch).unlink(missing_ok=True)
    return True


def read_said(path: Path) -> dict[str, Any]:
    """What a file's footer says. Raises DataError where it is not a file of a catalog."""
    try:
        said = json.loads(pl.read_parquet_metadata(path)[KEY])
    except (PolarsError, OSError, KeyError, ValueError) as error:
        raise DataError(
            path, f"is not a file of a catalog, or is damaged ({type(error).__name__}); remove it and add its source again"
        ) from None
    if said.get("layout") != LAYOUT:
        raise DataError(path, f"is of another layout ({said.get('layout')}); remove it and add its source again")
    return said


def read_rows(path: Path) -> pl.DataFrame:
    """The rows of a file. Raises DataError where it is damaged."""
    try:
        return pl.read_parquet(path)
    except (PolarsError, OSError) as error:
        raise DataError(path, f"is damaged ({str(error).splitlines()[0]}); remove it and add its source again") from None
