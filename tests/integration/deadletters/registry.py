"""A schema registry over HTTP: the committed schemas, and what is registered while it runs."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from pipeline.codec import catalog
from pipeline.codec.registry import FileRegistry

_BY_ID = re.compile(r"/schemas/ids/(\d+)")
_SUBJECT = re.compile(r"/subjects/(.+)")


class Registry(ThreadingHTTPServer):
    """Answers as Confluent's does what the pipeline asks."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[str] = []
        self.schemas = {schema.id: schema.text for schema in catalog.committed()}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Registry

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        match = _BY_ID.fullmatch(self.path)
        text = self.server.schemas.get(int(match[1])) if match else None
        if text is None:
            self._answer(404, {"error_code": 40403, "message": "Schema not found"})
        else:
            self._answer(200, {"schema": text})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        match = _SUBJECT.fullmatch(self.path)
        assert match
        self._answer(200, {"id": FileRegistry().id_of(match[1])})

    def _answer(self, status: int, body: dict[str, object]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@contextmanager
def serving() -> Iterator[Registry]:
    with Registry() as registry:
        thread = Thread(target=registry.serve_forever, daemon=True)
        thread.start()
        yield registry
        registry.shutdown()
        thread.join()
