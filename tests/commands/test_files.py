"""What is not a file of data, no log, no configuration, or a damaged one: every command that takes one says so in one line, exit 2."""

from itertools import product

import pytest

DATA = ("data show {}", "backtest --data {}", "data add {}", "sweep MarketMaker --grid spread=1..2 --data {}")
"""Commands that read market data; `data check` gives a verdict where a file can be read at all."""
CHECKED = ("data check {}", *DATA)
OF_DATA = """
pipe.csv            | is a pipe
pipe.zip            | is a pipe
zeros.csv           | is a device
zeros.zip           | is a device
loop.csv            |
nowhere.csv         | no such file
folder.csv          | folder
empty.csv           | is empty
empty.zip           | is empty
nul.csv             | binary
utf16.csv           |
damaged.csv.gz      | fetch it again
cut.csv.gz          | fetch it again
bars.csv.gz         | fetch it again
trades.zip          | fetch it again
bars.zip            |
lobster.zip         | fetch it again
hollow.zip          |
cr.csv              | end in CR alone
crbars.csv          | end in CR alone
CR_2012-06-21_34200000_57600000_message_1.csv | end in CR alone
b1600.csv           | line 2, field date: 1600-05-01 lies outside the years 1678 to 2261
b2300.csv           | line 2, field date: 2300-05-01 lies outside the years 1678 to 2261
list.parquet        | field price: holds List
struct.parquet      | field price: holds Struct
listtime.parquet    | field time: holds List
listbars.parquet    | field open: holds List
cut.parquet         | damaged Parquet file
twice.csv           | two columns have this name
headless.csv        |
emptyline.csv       |
"""
OF_ROWS = """
t1600.csv           | line 2, field time: 1600-05-01T10:00:00Z lies outside
t2300.csv           | line 2, field time: 2300-05-01T10:00:00Z lies outside
before1970.csv      | line 2, field time
after2200.csv       | line 2, field time
hugeprice.csv       | price
hugesize.csv        | size
tinyprice.csv       | price
hex.csv             | field price
longline.csv        | field time
latin1.csv          | line 4
"""
"""Files that can be opened, and of which a row is wrong."""
CONFIGURED = (
    *("backtest {}", "job run {}", "job check {}", "job pin {}", "live run {}", "live check {}", "live streams {}"),
    *("live dead-letters list {}", "live dead-letters retry {}"),
)
OF_TOML = """
pipe.toml           | not a regular file
zeros.toml          | not a regular file
loop.toml           |
nowhere.toml        | no such file
folder.toml         |
nul.toml            | not TOML
utf16.toml          | not TOML
deep.toml           | not TOML
deeptable.toml      | more than 32 deep
deepset.toml        | more than 32 deep
twicekey.toml       | is not TOML
unclosed.toml       | not TOML
control.toml        | not TOML
hugeint.toml        |
large.toml          | larger than
missing.toml        | no such file
"""
SMALL = (
    "live attach MarketMaker --url http://127.0.0.1:1 --for 0 --token-file {}",
    "live attach MarketMaker --url https://127.0.0.1:1 --for 0 --verify {}",
    "dash --for 0 --session http://127.0.0.1:1 --token-file {}",
    "live read --for 0 --follow x --configuration {}",
)
LOGS = ("dash --for 0 --log {}", "dash --for 0 --run {}", "live read --for 0 --follow {}", "log sql {} SELECT", "log head {}")
LOGS += ("log surveil {}", "runs show {}", "log verify {}")
OF_LOGS = ("pipe.duckdb", "zeros.duckdb", "loop.duckdb", "nowhere.duckdb", "empty.duckdb", "nul.duckdb", "missing.duckdb", "good.csv")


def rows(commands, table):
    """(command, part of its answer) of each command and each line of a table."""
    lines = (line.split("|") for line in table.strip().splitlines())
    return [(command.format(file.strip()), said.strip()) for (file, said), command in product(lines, commands)]


REPLAYED = [(words, "") for words, _ in rows(("live run --no-gateway --replay {}",), OF_DATA + OF_ROWS.lstrip())]
"""A replay takes LOBSTER's files alone, and says so of others."""
TABLE = [*rows(CHECKED, OF_DATA), *REPLAYED, *rows(DATA, OF_ROWS), *rows(CONFIGURED, OF_TOML)]
TABLE += [
    (command.format(file), "") for command in SMALL for file in ("pipe.toml", "zeros.toml", "loop.toml", "folder.toml", "missing.toml")
]
TABLE += [(command.format(file), "") for command in LOGS for file in OF_LOGS]


@pytest.mark.parametrize(("words", "said"), TABLE, ids=[words for words, _ in TABLE])
def test_one_line(complains, words, said):
    complains(words.split(), said)


def test_the_table_is_long():
    assert len(TABLE) >= 300
