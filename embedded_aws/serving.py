"""Serves requests in a thread that sleeps until one arrives.

socketserver's own loop wakes many times a second to see whether it should end; a shop has a dozen
servers.
"""

import socket
import threading
from contextlib import suppress
from socketserver import TCPServer


class Serving:
    """A server's thread, from `start` to `stop`."""

    def __init__(self, server: TCPServer) -> None:
        self._server = server
        self._is_stopped = False
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def start(self) -> None:
        """Serve from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Accept nothing more, and close the server; requests that are being served continue."""
        self._is_stopped = True
        with suppress(OSError):  # it has ended by itself
            socket.create_connection(self._server.socket.getsockname()).close()
        self._thread.join()
        self._server.server_close()

    def is_alive(self) -> bool:
        """Return whether it serves."""
        return self._thread.is_alive()

    def _serve(self) -> None:
        while not self._is_stopped:
            self._server.handle_request()
