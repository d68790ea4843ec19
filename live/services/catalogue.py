"""The services there are, and how each is made of a session's settings."""

from collections.abc import Callable, Sequence
from typing import Any

from live.broker.port import Broker
from live.configuration.services import ServiceSettings, TargetSettings
from live.services.host import Host
from live.services.service import Service

NOTIFICATIONS, SETTLEMENT, SURVEILLANCE = "notifications", "settlement", "surveillance"
NAMES = (NOTIFICATIONS, SETTLEMENT, SURVEILLANCE)
Make = Callable[[Host, Sequence[TargetSettings], Broker | None, int], Service]


def made(given: ServiceSettings) -> dict[str, Make]:
    """What the settings ask for: name -> how to make it, of a host, the targets, the broker and the shard."""
    found: dict[str, Make] = {}
    if given.notifications:
        found[NOTIFICATIONS] = lambda host, targets, broker, shard: _notifications(host, given, targets, broker, shard)
    if given.settlement is not None:
        found[SETTLEMENT] = lambda host, *_: _settlement(host, given)
    if given.surveillance is not None:
        found[SURVEILLANCE] = lambda host, *_: _surveillance(host, given)
    return found


def _notifications(host: Host, given: ServiceSettings, *more: Any) -> Service:
    from live.services.notifications.service import Notifications

    return Notifications(host, given.notifications, *more)


def _settlement(host: Host, given: ServiceSettings) -> Service:
    from live.services.settlement.service import Settlement

    assert given.settlement is not None
    return Settlement(host, given.settlement, given.terms_by_symbol())


def _surveillance(host: Host, given: ServiceSettings) -> Service:
    from live.services.surveillance import Surveillance

    assert given.surveillance is not None
    return Surveillance(host, given.surveillance)
