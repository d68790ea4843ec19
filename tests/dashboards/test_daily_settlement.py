"""The daily page of a portfolio whose trades settle: each row is that of the settlement's own frame, out of the two logs."""

from decimal import Decimal

import pytest

pytest.importorskip("panel")

from dashboards.reports.daily_page import page
from dashboards.reports.day import day_of
from data.log.event_log import EventLog
from data.settlement.ladder import ladder
from live.session.session import Session
from tests.dashboards.test_daily import FIELD
from tests.live.services.desk import buy, run, sell, service, settings
from tests.support.receivers import until

SETTLING = {
    "settlement": {},
    "instruments": [{"symbol": "X", "tick": "0.01", "settle": {"days": 2}}, {"symbol": "Y", "tick": "0.01", "settle": {"days": 1}}],
}


async def traded(out):
    async with Session(settings(**SETTLING), out) as session:
        await session.send([buy(1), sell(1), buy(2, 5, "101.25"), sell(2, 5, "101.25"), buy(3, 7, symbol="Y"), sell(3, 7, symbol="Y")])
        await until(lambda: "settlement" in session.equipment.services.kept and service(session, "settlement").position() >= session.seq)


def test_what_settles_stands_on_the_page(tmp_path):
    run(traded(tmp_path))
    folder = tmp_path / "live" / "desk"
    with EventLog.open(folder) as log, EventLog.open(folder.with_name("desk.settlement")) as settled:
        wanted = ladder(log, 1, settled)
        for portfolio, sign in (("fund", 1), ("other", -1)):
            text = page(day_of(log, 1, portfolio))
            told = {name: Decimal(value) for name, value in FIELD.findall(text) if name.startswith("settlement.")}
            rows = list(wanted.filter(wanted["portfolio"] == portfolio).iter_rows(named=True))
            assert [(row["symbol"], row["status"], row["quantity"] * sign) for row in rows] == [("Y", "TRADED", 7), ("X", "TRADED", 15)]
            assert len(told) == 2 * len(rows)
            for row in rows:
                name = f"settlement.{row['settles']}.{row['symbol']}"
                assert told[f"{name}.quantity"] == Decimal(repr(row["quantity"]))
                assert told[f"{name}.cash"] == Decimal(repr(row["cash"]))
                assert f"<td>{row['settles']}</td>" in text
                assert row["status"] in text
            assert sum(value for name, value in told.items() if name.endswith(".cash")) == Decimal("-2206.25") * sign
