"""Numbers, dates, durations, names and folders that no option takes: one line that says which, exit 2."""

from itertools import product

import pytest

NUMBERS = """
1e30      | tick, messages, seed, start, warm-up, date, feed-latency, volume-share, queue, maker-fee
-1        | tick, messages, start, feed-latency, order-latency, response-latency, warm-up, date, taker-fee, volume-share
nan       | tick, messages, seed, cash, start, feed-latency, warm-up, date, maker-fee, taker-fee, volume-share, queue, fill
inf       | tick, messages, seed, cash, start, feed-latency, warm-up, date, maker-fee, taker-fee, volume-share, queue, fill
1e-30     | tick, messages, seed, start, feed-latency, warm-up, date, volume-share, queue
0x10      | tick, messages, seed, cash, start, feed-latency, warm-up, date, maker-fee, taker-fee, queue, fill
1e999999999 | tick, messages, seed, cash, start, feed-latency, warm-up, date, maker-fee, taker-fee
1000000000000h | feed-latency, order-latency, response-latency, warm-up
31000h    | feed-latency, order-latency, response-latency
"""
"""Values, and the options of `tapebook backtest` that refuse each."""
DAYS = """
backtest --messages 1000 --date 1600-01-01  | 1970 to 2200
backtest --messages 1000 --date 2300-01-01  | 1970 to 2200
backtest --messages 1000 --date 0001-01-01  | 1970 to 2200
backtest --messages 1000 --date 9999-12-31  | 1970 to 2200
backtest --messages 1000 --date 2012-02-30  | 2012-02-30
backtest --messages 1000 --date yesterday   | yesterday
job check session.toml --date 2012-02-30    | 2012-02-30
job run session.toml --date soon            | soon
data show good.csv --date 2012-06-21        | date
"""
OTHERS = """
sweep MarketMaker --grid spread=1..2 --messages 1000 --processes=0              | processes
sweep MarketMaker --grid spread=1..2 --messages 1000 --processes=-1             | processes
sweep MarketMaker --grid spread=1..2 --messages 1000 --processes=100000         | processes
sweep MarketMaker --grid spread=1..2 --messages 1000 --processes=1e3            | processes
sweep MarketMaker --grid spread=1..2 --messages 1000 --seconds=0                | seconds
sweep MarketMaker --grid spread=1..2 --messages 1000 --seconds=-1               | seconds
sweep MarketMaker --grid spread=1..2 --messages 1000 --seconds=nan              | seconds
sweep MarketMaker --grid spread=1..2 --messages 1000 --seconds=inf              | seconds
sweep MarketMaker --grid spread=1..2 --messages 1000 --seconds=1e30             | seconds
sweep MarketMaker --grid spread=1..2 --messages 1000 --method random --runs=0   | runs
sweep MarketMaker --grid spread=1..2 --messages 1000 --method random --runs=10000000000000 | runs
sweep MarketMaker --grid spread=1..2 --messages 1000 --method best              | method
sweep MarketMaker --grid spread --messages 1000                                 | spread
sweep MarketMaker --grid spread=2..1 --messages 1000                            | goes nowhere
sweep MarketMaker --grid spread=1..2..0 --messages 1000                         | goes nowhere
sweep MarketMaker --grid spread=a..b --messages 1000                            | spread
sweep MarketMaker --grid spred=1..2 --messages 1000                             | spred
sweep MarketMaker --grid spread=1..2 --messages 1000 --target fame              | fame
data show good.csv --tick=1e30        | tick
data show good.csv --tick=-1          | tick
data show good.csv --tick=nan         | tick
data show good.csv --tick=1e999999999 | tick
data show good.csv --lot=1e30         | lot
data show good.csv --lot=0            | lot
data show good.csv --kind=prices      | prices
data show good.csv --time-zone=Mars   | Mars
data show good.csv --format=excel     | excel
data show bars.csv --tick=0           | tick
data show bars.csv --lot=nan          | lot
data check bars.csv --seed=1.5        | seed
token --role viewer --hours=nan       | hours
token --role viewer --hours=inf       | hours
token --role viewer --hours=0         | hours
token --role viewer --hours=-1        | hours
token --role viewer --hours=1e30      | hours
token --role king                     | king
token --role trader                   | --trader
token                                 | --role
live run --demo --for=-1              | --for
live run --demo --for=inf             | --for
live run --demo --for=1e30            | --for
live run --demo --for=soon            | --for
live run --demo --port=-1             | --port
live run --demo --port=65536          | --port
live run --demo --speed=-1            | --speed
live run --demo --speed=inf           | --speed
live attach MarketMaker --url http://127.0.0.1:1 --patience=-1       | --patience
live attach MarketMaker --url http://127.0.0.1:1 --patience=inf      | --patience
live attach MarketMaker --url http://127.0.0.1:1 --silent-after=soon | soon
live attach MarketMaker --url nowhere                                | nowhere
live attach MarketMaker --url ftp://127.0.0.1                        | ftp
live attach MarketMaker --url http://10.0.0.1:8000                   | https
live dead-letters list session.toml --limit=0                        | --limit
live dead-letters list session.toml --limit=many                     | --limit
live dead-letters retry session.toml --offset=x                      | --offset
live status nobody                    | no session 'nobody'
live stop nobody                      | no session 'nobody'
live services nobody                  | nobody
live rebuild surveillance --session nobody | nobody
live rebuild nothing --session nobody | no
live read --follow nobody             | nobody
live run nothing.toml                 | nothing.toml
dash --port=65536                     | --port
dash --port=x                         | --port
dash --for=-1                         | --for
dash --for=1e30                       | --for
dash --session nowhere --token t      | nowhere
dash --run x --log y                  | --run and --log
dash export nowhere --to x.html       | no page 'nowhere'
dash export desk --to x.gif           | no format 'gif'
dash export desk --to x.html --log nothere | nothere
dash export desk --to x.html --width=wide  | --width
report daily nobody                   | 'nobody'
report daily nobody --day=0           | --day
report daily nobody --day=x           | --day
docs --port=1                         | --port
docs README                           | README
kafka start --port=-1                 | --port
kafka start --port=65536              | --port
explain NOTHINGLIKEIT                 | NOTHINGLIKEIT
runs show none                        | no
runs compare none none                | no
runs export x.txt                     |
log verify none                       | no
log verify x --session y              | one at a time
log sql nobody SELECT                 | nobody
log head nobody                       | nobody
log surveil nobody                    | nobody
log extract nobody --file x.csv       | nobody
job pin nothing.toml                  | nothing.toml
"""
STRATEGIES = ("../mine:Maker", "mine", "mine:", ":Maker", "mine:Maker:x", "/etc/passwd:X", "mine.py:Maker", ".mine:Maker", "mine..x:Maker")
STRATEGIES += ("os:path", "json:JSONDecoder", "sys:exit", "import:Maker", "nowhere:Maker", "é:X")
NAMED = ("backtest --messages 1000 --strategy {}", "sweep {} --grid x=1..2 --messages 1000")
PLACES = ("good.csv", "good.csv/below", "/dev/null", "loop.toml", "loop.toml/below", "x" * 300, "pipe.csv")
WRITING = (
    "backtest --messages 1000 --out {}",
    "sweep MarketMaker --grid spread=1..2 --messages 1000 --out {}",
    "live run --demo --for 0 --out {}",
)
WRITING += ("token --role viewer --out {}", "kafka start --out {}", "kafka stop --out {}", "runs list --out {}", "runs show --out {}")
WRITING += (
    "log verify --out {}",
    "log head x --out {}",
    "log surveil x --out {}",
    "job list --out {}",
    "live list --out {}",
    "live stop x --out {}",
)
WRITING += ("dash --for 0 --out {}", "data add bars.csv --catalog {}", "data list --catalog {}", "log extract x --under {} --file y.csv")

TABLE = [(f"backtest --{name}={value}", "") for value, names in (line.split("|") for line in NUMBERS.strip().splitlines())
         for value, name in product([value.strip()], names.replace(" ", "").split(","))]  # fmt: skip
TABLE += [(words.strip(), said.strip()) for words, said in (line.split("|") for line in (DAYS + OTHERS).split("\n") if line)]
TABLE += [(command.format(name), "") for command, name in product(NAMED, STRATEGIES)]
TABLE += [(command.format(place), "") for command, place in product(WRITING, PLACES)]
TABLE += [
    (command.format("/proc/nowhere"), "") for command in (*WRITING[:2], WRITING[3], "data add bars.csv --catalog {}")
]  # nobody may write there


@pytest.mark.parametrize(("words", "said"), TABLE, ids=[words[:90] for words, _ in TABLE])
def test_one_line(complains, words, said):
    complains(words.split(), said)


def test_rows_are_of_every_command():
    """Every command that takes anything has a row in one of the tables."""
    from tests.backtest.test_cli import LEAVES
    from tests.commands.test_files import TABLE as FILES

    words = [words for words, _ in (*FILES, *TABLE)]
    without = {"lab", "kafka status", "kafka topics", "runs report"}
    assert [leaf for leaf in LEAVES if leaf not in without and not any(one.startswith(leaf) for one in words)] == []
    assert len(words) >= 600
