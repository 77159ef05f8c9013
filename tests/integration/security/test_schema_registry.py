"""The schema registry over HTTPS, behind a certificate of one's own authority."""

import base64
import json
import ssl
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from pipeline import topics
from pipeline.codec import catalog
from pipeline.codec.open import open_registry
from pipeline.codec.registry import RegistryError
from pipeline.errors import RefusedError
from pipeline.settings import Settings, load
from tests.integration.security.certificates import Authority

LOGIN = "Basic " + base64.b64encode(b"sesame:opensesame").decode()
ID = 17


class Answering(BaseHTTPRequestHandler):
    """Has every schema it is asked for under one id, for whoever has the password."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer({"id": ID})

    def do_GET(self) -> None:
        self._answer({"schema": catalog.current("Payment").text})

    def _answer(self, answer: dict[str, object]) -> None:
        welcome = self.headers["Authorization"] == LOGIN
        body = json.dumps(answer if welcome else {"error_code": 40101, "message": "no"}).encode()
        self.send_response(HTTPStatus.OK if welcome else HTTPStatus.UNAUTHORIZED)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("registry"), "authority")


@pytest.fixture(scope="module")
def port(authority: Authority) -> Iterator[int]:
    own = authority.issue("registry", "127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own.certificate, own.key)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


def settings(port: int, ca: Path | None, password: str = "opensesame", **more: object) -> Settings:  # noqa: S107
    url = f"https://127.0.0.1:{port}"
    login = {"registry_username": "sesame", "registry_password": password}
    return load(**{"registry_url": url, "registry_ca": ca, **login, **more})


def test_schemas_come_over_https_with_the_authority_of_the_settings(
    port: int, authority: Authority
) -> None:
    registry = open_registry(settings(port, authority.path))
    assert registry.id_of(topics.PAYMENTS.subject) == ID
    assert registry.schema(ID) == catalog.current("Payment").text


def test_an_authority_that_is_not_the_registrys_is_named(
    port: int, authority: Authority, tmp_path: Path
) -> None:
    strangers = Authority(tmp_path, "strangers").path
    for ca, told in ((strangers, str(strangers)), (None, "not set")):
        with pytest.raises(RegistryError, match=f"SESAME_REGISTRY_CA is {told}"):
            open_registry(settings(port, ca)).id_of(topics.PAYMENTS.subject)


def test_another_host_than_the_certificates_is_refused(port: int, authority: Authority) -> None:
    elsewhere = f"https://localhost:{port}"
    with pytest.raises(RegistryError, match="SESAME_REGISTRY_URL names it otherwise"):
        open_registry(settings(port, authority.path, registry_url=elsewhere)).id_of(
            topics.PAYMENTS.subject
        )


def test_a_wrong_password_names_the_user(port: int, authority: Authority) -> None:
    with pytest.raises(RegistryError, match=r"answers 401 .*SESAME_REGISTRY_USERNAME is sesame"):
        open_registry(settings(port, authority.path, "another")).id_of(topics.PAYMENTS.subject)


def test_a_file_that_holds_no_certificate_is_refused(port: int, tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_text("no certificate")
    with pytest.raises(RefusedError, match=f"SESAME_REGISTRY_CA is {ca}"):
        open_registry(settings(port, ca))
