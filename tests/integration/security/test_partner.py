"""A partner's client needs no more than the rights of its role."""

from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from pipeline.codec.encode import decode_record, encode_records
from pipeline.codec.registry import FileRegistry
from pipeline.errors import SesameError
from pipeline.kafka import confluent_config
from pipeline.partners.client import PartnerClient
from pipeline.partners.records import OutcomeReport
from pipeline.partners.vocabulary import Admitted, ContractKind, ContractStatus
from tests.integration.security.cluster import ADMIN, SecuredKafka, user
from tests.integration.support.stream import until

PARTNER = "car-rental"
LIMIT_S = 120.0
ANN = "ann" + "a" * 37
"""A subject as there may be."""


def publish(config: dict[str, Any], topic: str, subject: str) -> None:
    """As the gateway would."""
    fields: dict[str, Any] = {
        "subject": subject,
        "partner_id": PARTNER,
        "purpose": "CAR_RENTAL_DEPOSIT",
        "disclosure": "ADMIT",
        "admitted": "YES",
        "band": None,
        "score": None,
        "threshold": 650,
        "reasons": [],
        "model": "default@1",
        "as_of": 86_400_000,
        "grant_expires_at": None,
        "sequence": 1,
    }
    (value,) = encode_records(f"partner.{PARTNER}.scores-value", [fields], FileRegistry())
    producer = Producer(config | {"log_level": 0})
    producer.produce(topic, value, subject.encode())
    assert producer.flush(LIMIT_S) == 0


def subjects(config: dict[str, Any], topic: str, partitions: int) -> set[str]:
    """About whom there are records."""
    own = {"group.id": "none", "enable.auto.commit": False, "log_level": 0}
    consumer = Consumer(config | own)
    found = set()
    for number in range(partitions):
        place = TopicPartition(topic, number, 0)
        _, end = consumer.get_watermark_offsets(place, LIMIT_S)
        consumer.assign([place])
        for message in consumer.consume(end, LIMIT_S) if end else ():
            value = message.value()
            assert value is not None
            found.add(decode_record(value, FileRegistry())["subject"])
    consumer.close()
    return found


def test_a_partner_follows_decides_and_reports_with_its_own_rights_alone(
    secured: SecuredKafka, prefix: str, tmp_path: Path
) -> None:
    admin = confluent_config(secured.settings(ADMIN))
    topic = f"{prefix}partner.{PARTNER}"
    publish(admin, f"{topic}.scores", ANN)
    current = secured.settings(user(f"partner-{PARTNER}"), topic_prefix=prefix)

    with PartnerClient(PARTNER, settings=current, store=tmp_path / "own.sqlite") as client:
        client.wait_ready(LIMIT_S)
        assert client.decide(ANN).admitted is Admitted.YES
        client.report(
            OutcomeReport(
                "rental-1", ANN, ContractKind.RENTAL, ContractStatus.OPENED, 1_790_000_000_000
            )
        )
        client.flush(LIMIT_S)

    assert subjects(admin, f"{topic}.outcomes", current.partitions) == {ANN}
    assert subjects(admin, f"{topic}.enquiries", current.partitions) == {ANN}


def test_another_partner_s_rights_show_and_send_nothing(
    secured: SecuredKafka, prefix: str, tmp_path: Path
) -> None:
    admin = confluent_config(secured.settings(ADMIN))
    topic = f"{prefix}partner.{PARTNER}"
    publish(admin, f"{topic}.scores", ANN)
    current = secured.settings(user("partner-microloan"), topic_prefix=prefix)

    with PartnerClient(PARTNER, settings=current, store=tmp_path / "other.sqlite") as client:
        until(
            lambda: "no topic" in (client.state.problem or ""), lambda: str(client.state), LIMIT_S
        )
        with pytest.raises(SesameError, match=r"no topic .*scores, or no right to read it"):
            client.wait_ready(0.1)
        client.report(
            OutcomeReport(
                "rental-2", "eve", ContractKind.RENTAL, ContractStatus.OPENED, 1_790_000_000_000
            )
        )
        with pytest.raises(SesameError, match=r"outcomes still wait after 5 s \(1\)"):
            client.flush(5)
        assert client.decide(ANN).admitted is Admitted.NOT_AVAILABLE

    assert "eve" not in subjects(admin, f"{topic}.outcomes", current.partitions)
