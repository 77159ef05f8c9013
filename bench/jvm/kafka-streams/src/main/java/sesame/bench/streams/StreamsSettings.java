package sesame.bench.streams;

import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.streams.StreamsConfig;
import sesame.bench.scoring.PeerSettings;

/** How Kafka Streams is tuned; the README beside the modules says why. */
final class StreamsSettings {
  private static final int COMMIT_MS = 1_000;
  private static final int EXACTLY_ONCE_COMMIT_MS = 100;
  private static final int LINGER_MS = 100;
  private static final int POLL_MS = 100;
  private static final int TASK_IDLE_MS = 0;
  private static final long CACHE_BYTES = 256L << 20;
  private static final int BATCH_BYTES = 256 << 10;

  private StreamsSettings() {}

  static Properties of(PeerSettings settings) {
    boolean exactlyOnce = settings.exactlyOnce();
    int usualCommit = exactlyOnce ? EXACTLY_ONCE_COMMIT_MS : COMMIT_MS;
    Properties properties = new Properties();
    properties.put(StreamsConfig.APPLICATION_ID_CONFIG, settings.group());
    properties.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, settings.bootstrap());
    properties.put(StreamsConfig.STATE_DIR_CONFIG, settings.state().toString());
    properties.put(
        StreamsConfig.PROCESSING_GUARANTEE_CONFIG,
        exactlyOnce ? StreamsConfig.EXACTLY_ONCE_V2 : StreamsConfig.AT_LEAST_ONCE);
    properties.put(
        StreamsConfig.NUM_STREAM_THREADS_CONFIG,
        settings.number("THREADS", Runtime.getRuntime().availableProcessors()));
    properties.put(
        StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, settings.number("COMMIT_MS", usualCommit));
    properties.put(StreamsConfig.POLL_MS_CONFIG, settings.number("POLL_MS", POLL_MS));
    properties.put(
        StreamsConfig.MAX_TASK_IDLE_MS_CONFIG, settings.number("TASK_IDLE_MS", TASK_IDLE_MS));
    properties.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, CACHE_BYTES);
    // The input appears all at once, by the commit of the transaction it was loaded in.
    properties.put(
        StreamsConfig.mainConsumerPrefix(ConsumerConfig.ISOLATION_LEVEL_CONFIG), "read_committed");
    properties.put(
        StreamsConfig.mainConsumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
    properties.put(StreamsConfig.producerPrefix(ProducerConfig.ACKS_CONFIG), "all");
    properties.put(
        StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG),
        settings.number("LINGER_MS", LINGER_MS));
    properties.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), BATCH_BYTES);
    properties.put(
        StreamsConfig.producerPrefix(ProducerConfig.COMPRESSION_TYPE_CONFIG), "lz4");
    return properties;
  }
}
