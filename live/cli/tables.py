"""Sessions as a table."""

from collections.abc import Sequence
from typing import Any


def session_table(sessions: Sequence[dict[str, Any]]) -> Any:
    """One row a session, as a `rich.table.Table` of at most 80 columns."""
    from rich.table import Table

    made = Table("session", "state", "pid", "started", "url", box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for said in sessions:
        started = str(said.get("started", ""))[:19].replace("T", " ")
        made.add_row(*(str(said.get(key, "")) for key in ("session", "state", "pid")), started, str(said.get("url") or ""))
    return made
