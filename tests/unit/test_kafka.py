import ssl
from pathlib import Path

import aiokafka
import confluent_kafka
import kafka
import pytest
from faust.types.auth import AuthProtocol

from pipeline.errors import RefusedError
from pipeline.kafka import aiokafka_config, confluent_config, kafka_python_config, ssl_context
from pipeline.settings import Settings
from pipeline.streaming.credentials import faust_brokers, faust_credentials

SASL = {
    "security_protocol": "SASL_SSL",
    "sasl_mechanism": "SCRAM-SHA-256",
    "sasl_username": "worker",
    "sasl_password": "geheim",
}


def settings(**values: object) -> Settings:
    return Settings(**values)  # type: ignore[arg-type]


def test_several_brokers_reach_every_client() -> None:
    current = settings(bootstrap="a:1,b:2")
    assert aiokafka_config(current)["bootstrap_servers"] == ["a:1", "b:2"]
    assert kafka_python_config(current)["bootstrap_servers"] == ["a:1", "b:2"]
    assert confluent_config(current)["bootstrap.servers"] == "a:1,b:2"
    assert [str(url) for url in faust_brokers(current)] == ["aiokafka://a:1", "aiokafka://b:2"]


def test_without_security_nothing_is_encrypted_and_nobody_logs_in() -> None:
    current = settings()
    assert ssl_context(current) is None
    assert faust_credentials(current) is None
    assert aiokafka_config(current)["security_protocol"] == "PLAINTEXT"
    assert not any("ssl" in key or "sasl" in key for key in confluent_config(current))


def test_login_and_encryption_reach_the_python_clients() -> None:
    config = kafka_python_config(settings(**SASL))
    assert config["security_protocol"] == "SASL_SSL"
    assert config["sasl_mechanism"] == "SCRAM-SHA-256"
    assert config["sasl_plain_username"] == "worker"
    assert config["sasl_plain_password"] == SASL["sasl_password"]
    assert isinstance(config["ssl_context"], ssl.SSLContext)


def test_login_and_encryption_reach_confluents_client() -> None:
    config = confluent_config(settings(**SASL, tls_check_hostname=False))
    assert config["security.protocol"] == "SASL_SSL"
    assert config["sasl.mechanism"] == "SCRAM-SHA-256"
    assert config["sasl.username"] == "worker"
    assert config["sasl.password"] == SASL["sasl_password"]
    assert config["ssl.endpoint.identification.algorithm"] == "none"


def test_login_and_encryption_reach_faust() -> None:
    credentials = faust_credentials(settings(**SASL))
    assert credentials is not None
    assert credentials.protocol is AuthProtocol.SASL_SSL
    encrypted = faust_credentials(settings(security_protocol="SSL"))
    assert encrypted is not None
    assert encrypted.protocol is AuthProtocol.SSL


def test_a_certificate_is_verified_with_its_name_unless_told_otherwise() -> None:
    strict = ssl_context(settings(security_protocol="SSL"))
    assert strict is not None
    assert strict.check_hostname
    assert strict.verify_mode is ssl.CERT_REQUIRED
    lax = ssl_context(settings(security_protocol="SSL", tls_check_hostname=False))
    assert lax is not None
    assert not lax.check_hostname
    assert lax.verify_mode is ssl.CERT_REQUIRED


def test_a_ca_that_is_no_certificate_is_refused(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_text("no certificate")
    with pytest.raises(RefusedError, match=f"SESAME_TLS_CA is {ca}"):
        ssl_context(settings(security_protocol="SSL", tls_ca=ca))


def test_a_key_that_is_not_the_certificates_is_refused(tmp_path: Path) -> None:
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_text("neither")
    files = {"tls_cert": tmp_path / "cert.pem", "tls_key": tmp_path / "key.pem"}
    with pytest.raises(RefusedError, match=r"SESAME_TLS_KEY is .*key\.pem"):
        ssl_context(settings(security_protocol="SSL", **files))


@pytest.mark.parametrize("security", [{}, SASL], ids=["open", "secured"])
def test_the_clients_know_every_key(security: dict[str, object]) -> None:
    current = settings(**security)
    assert set(kafka_python_config(current)) <= set(kafka.KafkaAdminClient.DEFAULT_CONFIG)
    assert set(kafka_python_config(current)) <= set(kafka.KafkaConsumer.DEFAULT_CONFIG)
    assert set(kafka_python_config(current)) <= set(kafka.KafkaProducer.DEFAULT_CONFIG)
    assert set(aiokafka_config(current)) <= _arguments_of_aiokafka()
    confluent_kafka.Producer(confluent_config(current))


def _arguments_of_aiokafka() -> set[str]:
    code = aiokafka.AIOKafkaProducer.__init__.__code__
    return set(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])
