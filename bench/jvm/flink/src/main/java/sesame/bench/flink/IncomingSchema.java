package sesame.bench.flink;

import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import sesame.bench.scoring.Input;
import sesame.bench.scoring.Reader;

/** Takes a record as it is but for its time; it is read where its person is. */
final class IncomingSchema implements KafkaRecordDeserializationSchema<Incoming> {
  private static final long serialVersionUID = 1L;

  private final HashMap<String, Input> inputs = new HashMap<>();

  IncomingSchema(String prefix) {
    for (Input input : Input.values()) {
      inputs.put(prefix + input.topic(), input);
    }
  }

  @Override
  public void deserialize(ConsumerRecord<byte[], byte[]> record, Collector<Incoming> out) {
    String user = new String(record.key(), StandardCharsets.UTF_8);
    long occurredAtMs = Reader.occurredAtMs(record.value());
    out.collect(
        new Incoming(
            user, inputs.get(record.topic()), record.timestamp(), occurredAtMs, record.value()));
  }

  @Override
  public TypeInformation<Incoming> getProducedType() {
    return TypeInformation.of(Incoming.class);
  }
}
