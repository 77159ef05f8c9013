from confluent_kafka import Consumer, TopicPartition

from pipeline import provision, settings, topics
from pipeline.dev.bench.latency.progress import Progress


def test_what_was_committed_before_the_context_ended_counts_however_soon(
    kafka: str, topic_prefix: str
) -> None:
    loaded = settings.load(bootstrap=kafka, topic_prefix=topic_prefix, partitions=1)
    provision.ensure_topics(loaded, [])
    group, topic = topic_prefix + "some-group", topic_prefix + topics.PAYMENTS.name
    client = Consumer({"bootstrap.servers": kafka, "group.id": group})
    client.commit(offsets=[TopicPartition(topic, 0, 10)], asynchronous=False)
    with Progress(loaded, "some-group", [topics.PAYMENTS.name]) as progress:
        client.commit(offsets=[TopicPartition(topic, 0, 30)], asynchronous=False)
    client.close()

    assert progress.at_once() == 20
    assert progress.rate() > 0
