"""A session's configuration: every problem at once, each with its file, line and key; nothing is ignored."""

from pathlib import Path

import pytest

from data.configuration import ConfigurationError
from live.configuration.session import read_settings

GOOD = """
name = "desk"

[[instruments]]
symbol = "AAPL"
tick = "0.01"

[[portfolios]]
name = "fund"
cash = "1000000"
"""


def problems(tmp_path: Path, text: str) -> list[str]:
    """What is wrong with a configuration, without its folder."""
    file = tmp_path / "desk.toml"
    file.write_text(text)
    with pytest.raises(ConfigurationError) as found:
        read_settings(file)
    return [line.replace(f"{tmp_path}/", "") for line in found.value.problems]


def test_every_table_that_names_nobody_is_told_with_its_line(tmp_path: Path) -> None:
    text = f"""{GOOD}
[[traders]]
name = "ann"
portfolios = ["found"]

[[traders]]
name = "bob"
portfolios = ["x"]

[[strategies]]
name = "ann"
strategy = "MarketMaker"
portfolio = "y"
"""
    assert problems(tmp_path, text) == [
        "desk.toml line 14, key traders.0.portfolios: no portfolio 'found'; did you mean fund?",
        "desk.toml line 18, key traders.1.portfolios: no portfolio 'x'; there are fund",
        "desk.toml line 20, key strategies.0: 'ann' is named twice; give each a name of its own",
        "desk.toml line 23, key strategies.0.portfolio: no portfolio 'y'; there are fund",
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('colour = "red"', "unknown key 'colour'"),
        ("alarms = []", "unknown key 'alarms'"),
        ("broker = { shard = 2, shards = 2 }", "key broker.shard: 2 is not below shards = 2; shards are counted from 0"),
        ('day = { start = "25:00" }', "key day.start: '25:00' is not a time of day; write 09:30 or 09:30:00"),
        ('day = { time_zone = "Mars" }', "key day.time_zone: time zone 'Mars' is not known"),
        ("market = { topic = true, speed = 2 }", "key market: the topic market-history lies on a broker"),
        ('market = { file = "x", topic = true }', "key market: name one market"),
        ('day = { calendar = "XNY" }', "key day.calendar: no calendar 'XNY'; did you mean XNYS?"),
        ('day = { calendar = "XNYS", end = "16:00" }', "key day.end: is that of the calendar XNYS; leave it out, or the calendar"),
        ('market = { file = "x", queue = "powr" }', "key market: queue 'powr' is not a queue model; did you mean power?"),
        ('market = { topic = true, queue = "power:2" }', "key market.queue: is that of a file of trades and levels"),
        ("gateway = { port = 70000 }", "key gateway.port"),
        ("snapshot_every = 0", "key snapshot_every"),
    ],
)
def test_one_line_says_what_is_wrong_and_where(line: str, said: str, tmp_path: Path) -> None:
    (found,) = problems(tmp_path, f"{line}\n{GOOD}")
    assert found.startswith("desk.toml line 1")
    assert said in found


def test_secrets_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = f'broker = {{ kind = "kafka", security = {{ password = "${{TAPEBOOK_TEST}}" }} }}\n{GOOD}'
    (found,) = problems(tmp_path, text)
    assert found == "desk.toml: the environment variable TAPEBOOK_TEST is not set; export it, or write the value into a file"
    monkeypatch.setenv("TAPEBOOK_TEST", "secret")
    settings = read_settings(tmp_path / "desk.toml")
    assert settings.broker.security == {"password": "secret"}


def test_options_change_what_they_name_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "desk.toml").write_text(f'gateway = {{ port = 8000, tls = {{ cert = "c", key = "k" }} }}\n{GOOD}')
    gateway = read_settings(tmp_path / "desk.toml", gateway={"port": 0}).gateway
    assert (gateway.port, gateway.tls is not None) == (0, True)
