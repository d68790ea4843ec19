"""The port to a message broker: in memory, and Kafka. `live.broker.port` is what the rest of a session knows."""
