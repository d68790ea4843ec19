"""The gateway: REST, WebSocket and server-sent events of a live session, in its process."""
