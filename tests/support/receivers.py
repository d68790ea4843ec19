"""Receivers of notifications on real sockets: an HTTP server whose answers the test chooses, and an SMTP server."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from aiosmtpd.controller import Controller


class Request(NamedTuple):
    """A webhook as it came."""

    headers: dict[str, str]
    body: bytes


class Receiver:
    """An HTTP server; `answer` says the status of the request with this number, or waits as long as the test likes."""

    def __init__(self, answer: Callable[[int], int] = lambda number: 204) -> None:
        self.answer, self.requests, self._lock = answer, list[Request](), threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                with outer._lock:
                    outer.requests.append(Request({name.lower(): value for name, value in self.headers.items()}, body))
                    number = len(outer.requests)
                self.send_response(outer.answer(number))
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def ids(self) -> list[str]:
        """The `webhook-id` of each request."""
        return [one.headers["webhook-id"] for one in self.requests]

    def close(self) -> None:
        """Stop it."""
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def receiver(answer: Callable[[int], int] = lambda number: 204) -> Iterator[Receiver]:
    """A receiver of webhooks, stopped at the end."""
    made = Receiver(answer)
    try:
        yield made
    finally:
        made.close()


class Mailbox:
    """An SMTP server's handler that keeps what came; `answer` may refuse."""

    def __init__(self, answer: Callable[[int], str]) -> None:
        self.mails: list[Message] = []
        self._answer = answer
        self.tries = 0

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """One mail."""
        self.tries += 1
        said = self._answer(self.tries)
        if said.startswith("250"):
            self.mails.append(message_from_bytes(envelope.content))
        return said


@contextmanager
def mail_server(answer: Callable[[int], str] = lambda number: "250 taken") -> Iterator[tuple[Mailbox, int]]:
    """A mailbox and its port."""
    box = Mailbox(answer)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield box, port
    finally:
        controller.stop()


async def until(condition: Callable[[], Any], seconds: float = 60) -> None:
    """Wait until something holds."""
    end = asyncio.get_running_loop().time() + seconds
    while not condition():
        assert asyncio.get_running_loop().time() < end, "it never came"
        await asyncio.sleep(0.02)
