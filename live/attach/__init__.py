"""A strategy in a process of its own, against a running session: through its gateway."""
