package sesame.bench.flink;

import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.LocalStreamEnvironment;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import sesame.bench.scoring.Input;
import sesame.bench.scoring.Notes;
import sesame.bench.scoring.PeerSettings;

/** Runs the scoring on Flink, in a cluster within this process, until it is told to end. */
public final class FlinkPeer {
  /** Of the whole process; functions are copied for each subtask, so they cannot hold it. */
  static final Notes NOTES = new Notes();

  private static final int CHECKPOINT_MS = 1_000;
  private static final int LINGER_MS = 100;
  private static final int BATCH_BYTES = 256 << 10;

  private FlinkPeer() {}

  public static void main(String[] arguments) throws Exception {
    PeerSettings settings = PeerSettings.fromEnvironment();
    Runtime.getRuntime().addShutdownHook(new Thread(() -> leaveNotes(settings)));
    int threads = settings.number("THREADS", Runtime.getRuntime().availableProcessors());
    LocalStreamEnvironment environment =
        StreamExecutionEnvironment.createLocalEnvironment(threads, configuration(settings));
    environment.enableCheckpointing(settings.number("COMMIT_MS", CHECKPOINT_MS));
    DataStream<Incoming> incoming =
        environment
            .fromSource(source(settings), WatermarkStrategy.noWatermarks(), "inputs")
            // Per subtask and not per partition: a partition without events holds nobody up.
            .assignTimestampsAndWatermarks(
                WatermarkStrategy.<Incoming>forMonotonousTimestamps()
                    .withTimestampAssigner((each, kafkaMs) -> each.movesTo()));
    incoming
        .keyBy(each -> each.user, Types.STRING)
        .process(new ScoringFunction())
        .sinkTo(sink(settings));
    environment.execute("scoring");
  }

  private static Configuration configuration(PeerSettings settings) {
    Configuration configuration = new Configuration();
    configuration.set(PipelineOptions.OBJECT_REUSE, true);
    configuration.set(RestartStrategyOptions.RESTART_STRATEGY, "none");
    configuration.set(StateBackendOptions.STATE_BACKEND, "hashmap");
    configuration.set(CheckpointingOptions.CHECKPOINT_STORAGE, "filesystem");
    configuration.set(
        CheckpointingOptions.CHECKPOINTS_DIRECTORY, settings.state().toUri().toString());
    return configuration;
  }

  private static KafkaSource<Incoming> source(PeerSettings settings) {
    List<String> topics =
        Arrays.stream(Input.values()).map(each -> settings.topic(each.topic())).toList();
    return KafkaSource.<Incoming>builder()
        .setBootstrapServers(settings.bootstrap())
        .setGroupId(settings.group())
        .setTopics(topics)
        .setStartingOffsets(OffsetsInitializer.earliest())
        // The input appears all at once, by the commit of the transaction it was loaded in.
        .setProperty("isolation.level", "read_committed")
        .setDeserializer(new IncomingSchema(settings.topic("")))
        .build();
  }

  private static KafkaSink<Outgoing> sink(PeerSettings settings) {
    return KafkaSink.<Outgoing>builder()
        .setBootstrapServers(settings.bootstrap())
        .setDeliveryGuarantee(DeliveryGuarantee.AT_LEAST_ONCE)
        .setProperty("acks", "all")
        .setProperty("linger.ms", String.valueOf(settings.number("LINGER_MS", LINGER_MS)))
        .setProperty("batch.size", String.valueOf(BATCH_BYTES))
        .setProperty("compression.type", "lz4")
        .setRecordSerializer(
            new OutgoingSchema(
                settings.topic("scores"), settings.topic(Input.PEER_SIGNALS.topic())))
        .build();
  }

  private static void leaveNotes(PeerSettings settings) {
    try {
      NOTES.write(settings.notes());
    } catch (IOException error) {
      error.printStackTrace();
    }
  }
}
