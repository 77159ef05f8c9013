from kafka import KafkaProducer

from pipeline import provision, settings


def test_new_topics_take_records_at_once(kafka: str, topic_prefix: str) -> None:
    loaded = settings.load(bootstrap=kafka, topic_prefix=topic_prefix, partitions=8)
    provision.ensure_topics(loaded, ["car-rental"])
    # What a leader refuses because it does not know yet that it is one would be sent again.
    producer = KafkaProducer(bootstrap_servers=kafka, retries=0, enable_idempotence=False)
    names = provision.wanted(loaded, ["car-rental"])
    sent = [producer.send(n, b"value", b"key", partition=at) for n in names for at in range(8)]
    producer.flush()
    try:
        assert [str(each.exception) for each in sent if each.failed()] == []
    finally:
        producer.close()
