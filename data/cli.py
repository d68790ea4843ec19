"""The commands of market data, `tapebook data …`; and the group `tapebook log`, which others add to."""

import inspect
import warnings
from pathlib import Path
from typing import Annotated, Any

import typer

from data.catalog.cli import app as catalog
from data.terminal import Json, say, say_json

app = typer.Typer()
data = typer.Typer(no_args_is_help=True, help="Market data: add, list, show, check.")
log = typer.Typer(no_args_is_help=True, help="Event logs: verify, sql.")
data.registered_commands += catalog.registered_commands
app.add_typer(data, name="data")
app.add_typer(log, name="log")

File = Annotated[str, typer.Argument(help="Market data file, or LOBSTER's zip.")]
Format = Annotated[str | None, typer.Option(help="Format of the file; by default the file says it.")]
Symbol = Annotated[str | None, typer.Option(help="Where the file's name does not say it; of a file of several, those to read: AAPL,MSFT.")]
Date = Annotated[str | None, typer.Option(help="YYYY-MM-DD, where the file's name does not say it.")]
Tick = Annotated[str | None, typer.Option(help="Price step, like 0.01.")]
Lot = Annotated[str | None, typer.Option(help="Quantity step, like 0.001; by default the last decimal that is used.")]
Orderbook = Annotated[str | None, typer.Option(help="LOBSTER order book file, or none; the one beside the messages is found.")]
KindOfTable = Annotated[
    str | None, typer.Option(help="What a table holds: l3, l2, depth, trades, quotes or bars; else its columns say it.")
]
Columns = Annotated[list[str] | None, typer.Option(help="ours=theirs: which column is which, like price=px; may be repeated.")]
TimeZone = Annotated[str | None, typer.Option(help="Time zone of times that name none, like America/New_York.")]
Repair = Annotated[bool | None, typer.Option("--repair", help="Mend or leave out what is wrong, and count it, rather than stop.")]


def _feed(file: str, form: str | None, **options: Any) -> Any:
    from data.formats import open_feed

    columns = options.pop("columns", None)
    if columns:
        options["columns"] = dict(text.partition("=")[::2] for text in columns)
    return open_feed(form, file, **options)


_OPTIONS = ("symbol", "date", "orderbook", "tick", "lot", "kind", "columns", "time_zone", "repair")


def _given(values: dict[str, Any]) -> dict[str, Any]:
    """The options of a reader among the arguments of a command, those that were given."""
    return {name: values[name] for name in _OPTIONS if values.get(name) is not None}


def _say(said: dict[str, Any], as_json: bool) -> None:
    from data.quality.table import data_table

    say_json(said) if as_json else say(data_table(said))


@data.command("show")
def show_data(
    file: File,
    format: Format = None,
    symbol: Symbol = None,
    date: Date = None,
    orderbook: Orderbook = None,
    tick: Tick = None,
    lot: Lot = None,
    kind: KindOfTable = None,
    columns: Columns = None,
    time_zone: TimeZone = None,
    repair: Repair = None,
    as_json: Json = False,
) -> None:
    """What is in a file: rows by kind, first and last time, prices, quantities.

    Example: `tapebook data show LOBSTER_SampleFile_AMZN_2012-06-21_5.zip`
    """
    options = _given(locals())
    from data.quality.check import describe_feed

    _say(describe_feed(_feed(file, format, **options)), as_json)


@data.command("check")
def check_data(
    file: File,
    format: Format = None,
    symbol: Symbol = None,
    date: Date = None,
    orderbook: Orderbook = None,
    tick: Tick = None,
    lot: Lot = None,
    kind: KindOfTable = None,
    columns: Columns = None,
    time_zone: TimeZone = None,
    repair: Repair = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 unless the verdict is good.")] = False,
    html: Annotated[Path | None, typer.Option(dir_okay=False, help="Write the report to this HTML file, too.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed for choosing the recorded orders that our one-lot orders are put before.")] = 1,
    as_json: Json = False,
) -> None:
    """Is a file what it should be, and how far can a fill in it be believed: a verdict with its reasons, and what it rests on.

    Of LOBSTER's files every message is held against its order and the published book, aggressors against our matching, and one lot of ours,
    put before many recorded orders at the best price, against their fate. Of other formats: gaps, clock steps, crossed books, jumps,
    splits that are not adjusted, and what reading had to mend.

    Example: `tapebook data check LOBSTER_SampleFile_AMZN_2012-06-21_5.zip --strict`
    """
    options = _given(locals())
    from data.quality.verdict import GOOD

    found = _checked(file, format, options, seed)
    if html is not None:
        from data.quality.page import write_page

        write_page(found, html)
    _say(found, as_json)
    if strict and found["verdict"] != GOOD:
        raise typer.Exit(1)


def _checked(file: str, form: str | None, options: dict[str, Any], seed: int) -> dict[str, Any]:
    """What a check of a file finds: of LOBSTER's all that its messages prove, of others what looks wrong."""
    from data.formats import open_feed
    from data.quality.check import check_feed
    from data.quality.series import check_series

    feed = _feed(file, form, **options)
    if feed.origin["format"] == "lobster":
        return check_feed(feed, seed=seed)
    if "repair" in inspect.signature(type(feed).__init__).parameters or feed.origin["format"] == "table":
        feed = open_feed(feed.origin["format"], file, **{**feed.origin["options"], "repair": True})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what was mended is in the report
        return check_series(feed)
