"""Prices from outside a session's market: marks from a topic or a file, and theoretical prices by formula; each becomes a MARK."""
