"""An application behind a socket, in this process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from apiflask import APIFlask
from werkzeug.serving import WSGIRequestHandler, make_server


class Quiet(WSGIRequestHandler):
    """Handler that leaves the log to the application."""

    def log(self, *_: object) -> None:
        pass


@contextmanager
def at(app: APIFlask) -> Iterator[str]:
    """Address where `app` answers as long as the block lasts."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
