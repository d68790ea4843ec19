"""The commands of a catalog: `tapebook data add`, `tapebook data list`."""

import warnings
from pathlib import Path
from typing import Annotated, Any

import typer

from data.terminal import Json, folder_of, say, say_json

app = typer.Typer()
FOLDER = Path(".tapebook/catalog")
Folder = Annotated[Path, typer.Option("--catalog", file_okay=False, callback=folder_of, help="The catalog's folder.")]


@app.command("add")
def add_data(
    files: Annotated[list[str], typer.Argument(help="Market data files of any format.")],
    catalog: Folder = FOLDER,
    format: Annotated[str | None, typer.Option(help="Format of the files; by default each says it.")] = None,
    symbol: Annotated[str | None, typer.Option(help="Of a file of several, those to add; else where its name does not say it.")] = None,
    date: Annotated[str | None, typer.Option(help="YYYY-MM-DD, where the file's name does not say it.")] = None,
    repair: Annotated[bool, typer.Option("--repair", help="Mend or leave out what is wrong, and count it.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Put days in the place of those from another source.")] = False,
    as_json: Json = False,
) -> None:
    """Add files to a catalog, by kind, symbol and day. Adding one twice changes nothing.

    Example: `tapebook data add 20191230.BX_ITCH_50.gz --symbol AAPL,MSFT`
    """
    from data.catalog.catalog import Catalog

    hints = {"format": format, "symbol": symbol, "date": date, "repair": repair or None}
    given = {name: value for name, value in hints.items() if value is not None}
    said: list[dict[str, Any]] = []
    for file in files:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            added = Catalog(catalog).add(file, replace, **given)
        said += [{**one._asdict(), "file": file, "warnings": [str(one.message) for one in told]} for one in added]
    if as_json:
        say_json(said)
        return
    for one in said:
        say(f"{'added ' if one['new'] else 'there '} {one['kind']:7} {one['symbol']:12} {one['date']}  {one['rows']:>12,} rows")
    for text in dict.fromkeys(text for one in said for text in one["warnings"]):
        say(f"⚠ {text}")


@app.command("list")
def list_data(
    catalog: Folder = FOLDER,
    symbol: Annotated[str | None, typer.Option(help="This symbol alone.")] = None,
    kind: Annotated[str | None, typer.Option(help="orders, levels or bars alone.")] = None,
    as_json: Json = False,
) -> None:
    """List what a catalog holds.

    Example: `tapebook data list --symbol AAPL`
    """
    from data.catalog.catalog import Catalog

    files = Catalog(catalog).files(kind, symbol)
    if as_json:
        say_json(files.to_dicts())
        return
    if not len(files):
        say(f"{catalog} holds nothing yet; tapebook data add FILE puts data in")
        return
    for one in files.iter_rows(named=True):
        say(f"{one['kind']:7} {one['symbol']:12} {one['date']}  {one['rows']:>12,} rows  {Path(one['source']).name}")
