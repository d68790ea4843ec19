"""Files and places that are not what a command expects; each is made once, in a folder of its own."""

import gzip
import os
import zipfile
from pathlib import Path

import polars as pl

NS = 1_714_573_800_000_000_000
TRADES = f"time,price,size\n{NS},10.5,5\n{NS + 1},10.6,5\n"
BARS = "date,open,high,low,close,volume\n{0}-05-01,10,11,9,10,5\n{0}-05-02,10,11,9,10,5\n"
MESSAGES = "A_2012-06-21_34200000_57600000_message_1.csv"


def make(folder: Path) -> None:
    """Everything that the tables of this folder name."""
    for part in (_places, _packed, _tables, _columns, _configurations):
        part(folder)


def _places(folder: Path) -> None:
    for suffix in ("csv", "zip", "toml", "duckdb"):
        os.mkfifo(folder / f"pipe.{suffix}")
        (folder / f"loop.{suffix}").symlink_to(f"loop.{suffix}")
        (folder / f"nowhere.{suffix}").symlink_to("nothing")
        (folder / f"zeros.{suffix}").symlink_to("/dev/zero")
        (folder / f"folder.{suffix}").mkdir()
        (folder / f"empty.{suffix}").touch()
        (folder / f"nul.{suffix}").write_bytes(bytes(5000))


def _packed(folder: Path) -> None:
    (folder / "damaged.csv.gz").write_bytes(_damaged(gzip.compress(TRADES.encode() * 3000), 20))
    (folder / "cut.csv.gz").write_bytes(gzip.compress(TRADES.encode() * 3000)[:40])
    (folder / "bars.csv.gz").write_bytes(_damaged(gzip.compress(BARS.format(2024).encode() * 3000), 20))
    for name, member, text in (
        ("trades.zip", "trades.csv", TRADES * 3000),
        ("bars.zip", "bars.csv", BARS.format(2024) * 3000),
        ("lobster.zip", MESSAGES, "34200.1,1,11,100,1000000,1\n" * 5000),
    ):
        with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(member, text)
        (folder / name).write_bytes(_damaged((folder / name).read_bytes(), 60 + len(member)))
    with zipfile.ZipFile(folder / "hollow.zip", "w"):
        pass


def _damaged(content: bytes, at: int) -> bytes:
    return content[:at] + bytes(20) + content[at + 20 :]


def _tables(folder: Path) -> None:
    made = {
        "cr.csv": TRADES.replace("\n", "\r"),
        "crbars.csv": BARS.format(2024).replace("\n", "\r"),
        MESSAGES.replace("A_", "CR_"): "34200.1,1,11,100,1000000,1\r34200.2,1,12,100,1000000,1\r",
        "b1600.csv": BARS.format(1600),
        "b2300.csv": BARS.format(2300),
        "t1600.csv": "time,price,size\n1600-05-01T10:00:00Z,10,1\n",
        "t2300.csv": "time,price,size\n2300-05-01T10:00:00Z,10,1\n",
        "before1970.csv": f"time,price,size\n-{NS},1,1\n",
        "after2200.csv": "time,price,size\n9000000000000000000,1,1\n",
        "hugeprice.csv": f"time,price,size\n{NS},1e30,1\n",
        "hugesize.csv": f"time,price,size\n{NS},1,1e30\n",
        "tinyprice.csv": f"time,price,size\n{NS},1e-30,1\n",
        "hex.csv": f"time,price,size\n{NS},0x10,1\n",
        "longline.csv": "time,price,size\n" + "9" * 100_000 + ",1,1\n",
        "twice.csv": f"time,price,price,size\n{NS},1,1,1\n",
        "headless.csv": "1,2,3,4,5\n",
        "emptyline.csv": "\n\ntime,price,size\n",
    }
    for name, text in made.items():
        (folder / name).write_text(text, newline="")
    (folder / "utf16.csv").write_bytes(TRADES.encode("utf-16"))
    (folder / "latin1.csv").write_bytes(TRADES.encode() + f"{NS + 2},1,é\n".encode("latin-1"))
    (folder / "good.csv").write_text(TRADES)
    (folder / "bars.csv").write_text(BARS.format(2024))


def _columns(folder: Path) -> None:
    row = {"time": [NS], "price": [1.0], "size": [1]}
    pl.DataFrame({**row, "price": [[1.0]]}).write_parquet(folder / "list.parquet")
    pl.DataFrame({**row, "price": [{"a": 1.0}]}).write_parquet(folder / "struct.parquet")
    pl.DataFrame({**row, "time": [[NS]]}).write_parquet(folder / "listtime.parquet")
    bars = {"date": ["2024-05-01"], "open": [[1.0]], "high": [1.0], "low": [1.0], "close": [1.0]}
    pl.DataFrame(bars).write_parquet(folder / "listbars.parquet")
    (folder / "cut.parquet").write_bytes((folder / "list.parquet").read_bytes()[:60])


def _configurations(folder: Path) -> None:
    made = {
        "deep": "a = " + "[" * 3000 + "]" * 3000,
        "deeptable": "[" + ".".join(["a"] * 3000) + "]\nb = 1",
        "deepset": "set = " + "{a = " * 200 + "1" + "}" * 200,
        "twicekey": "name = 'a'\nname = 'b'",
        "unclosed": "name = 'a",
        "control": "name = 'a\x01b'",
        "hugeint": "name = 1" + "0" * 5000,
        "session": "name = 'x'\n[[instruments]]\nsymbol = 'A'\ntick = '0.01'\n",
    }
    for name, text in made.items():
        (folder / f"{name}.toml").write_text(text)
    (folder / "utf16.toml").write_bytes("name = 'a'".encode("utf-16"))
    with (folder / "large.toml").open("wb") as file:
        file.truncate(1 << 25)
