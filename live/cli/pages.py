"""Where the package of the pages enters itself: sessions know nothing of it, and run without it."""

from collections.abc import Callable
from typing import Any

LOADERS: list[Callable[[], Callable[[Any], None] | None]] = []
"""Each loads what puts pages beside a session's gateway, and gives None where that is not installed."""
