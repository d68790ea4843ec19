"""The error of a machine on which no Kafka can be started at all."""

from live.broker.port import BrokerError


class Unavailable(BrokerError):
    """Neither Java nor Kafka's jars can be had here. Says which, and the mend."""
