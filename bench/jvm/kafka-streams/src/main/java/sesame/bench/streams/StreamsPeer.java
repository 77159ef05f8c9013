package sesame.bench.streams;

import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KafkaStreams.State;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler;
import sesame.bench.scoring.Notes;
import sesame.bench.scoring.PeerSettings;

/** Runs the scoring on Kafka Streams until it is told to end. */
public final class StreamsPeer {
  private static final Duration CLOSE = Duration.ofSeconds(30);

  private StreamsPeer() {}

  public static void main(String[] arguments) throws IOException, InterruptedException {
    PeerSettings settings = PeerSettings.fromEnvironment();
    Notes notes = new Notes();
    CountDownLatch failed = new CountDownLatch(1);
    KafkaStreams streams =
        new KafkaStreams(
            ScoringTopology.build(settings, notes), StreamsSettings.of(settings));
    streams.setUncaughtExceptionHandler(
        error -> {
          error.printStackTrace();
          return StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
    streams.setStateListener(
        (now, before) -> {
          if (now == State.ERROR) {
            failed.countDown();
          }
        });
    Runtime.getRuntime().addShutdownHook(new Thread(() -> end(streams, notes, settings)));
    streams.start();
    failed.await();
    System.exit(1);
  }

  private static void end(KafkaStreams streams, Notes notes, PeerSettings settings) {
    streams.close(CLOSE);
    try {
      notes.write(settings.notes());
    } catch (IOException error) {
      error.printStackTrace();
    }
  }
}
