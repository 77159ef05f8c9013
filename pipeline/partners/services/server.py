"""Serving an application on a port until the process is told to end."""

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from pipeline.errors import SesameError
from pipeline.partners.services.background import Repeating

SHUTDOWN_S = 10
"""How long requests under way may take after the process was told to end."""
CHECK_S = 0.2
"""How often it is looked whether to end."""


def listen(address: str, port: int, advice: str) -> socket.socket:
    """A socket that listens; port 0 takes a free one.

    Raises:
        SesameError: The port is in use or not allowed; ``advice`` says what to do about it.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        return socket.create_server((address, port), family=family)
    except OSError as error:
        # create_server() adds the address to the error's own words.
        reason = os.strerror(error.errno) if error.errno else error
        raise SesameError(f"cannot listen on {address}:{port} ({reason}); {advice}") from error


def serve(app: ASGIApp, listener: socket.socket, is_done: Callable[[], bool]) -> None:
    """Serve until SIGTERM or SIGINT, or until ``is_done``; in the main thread.

    Requests under way are finished first.
    """
    # Its own lines about each start and stop tell nothing that ours do not.
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=SHUTDOWN_S,
        )
    )

    def check() -> bool:
        if is_done():
            server.should_exit = True
        return False

    # uvicorn ends on a signal and then raises it again, for whoever handles it.
    with _signals_to(threading.Event()), Repeating("idle check", check, CHECK_S):
        server.run(sockets=[listener])


def wait(is_done: Callable[[], bool]) -> None:
    """Wait until SIGTERM or SIGINT, or until ``is_done``; in the main thread."""
    told = threading.Event()
    with _signals_to(told):
        while not told.wait(CHECK_S):
            if is_done():
                return


@contextmanager
def _signals_to(told: threading.Event) -> Iterator[None]:
    """Let the signals that end a process only say so: what comes after goes on."""
    numbers = (signal.SIGTERM, signal.SIGINT)
    former = {number: signal.signal(number, lambda *_: told.set()) for number in numbers}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
