package sesame.bench.flink;

import java.nio.charset.StandardCharsets;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.kafka.clients.producer.ProducerRecord;

/** Which topic a record goes to; partitioned by Kafka's default. */
final class OutgoingSchema implements KafkaRecordSerializationSchema<Outgoing> {
  private static final long serialVersionUID = 1L;

  private final String scores;
  private final String signals;

  OutgoingSchema(String scores, String signals) {
    this.scores = scores;
    this.signals = signals;
  }

  @Override
  public ProducerRecord<byte[], byte[]> serialize(
      Outgoing each, KafkaSinkContext context, Long timestamp) {
    // Without a timestamp of event time: the broker's clock says whether an event is early.
    return new ProducerRecord<>(
        each.signal ? signals : scores, each.key.getBytes(StandardCharsets.UTF_8), each.value);
  }
}
