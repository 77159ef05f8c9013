package sesame.bench.scoring;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** How many data events were applied, and when the last, for the benchmark. */
public final class Notes {
  private final List<Counter> counters = new ArrayList<>();

  /** The notes of one thread. */
  public static final class Counter {
    private volatile long lastMs;
    private volatile long events;

    /** One more. */
    public void note(Event event) {
      if (!event.isData()) {
        return;
      }
      lastMs = System.currentTimeMillis();
      events = events + 1;
    }
  }

  /** A counter that only the caller's thread may use. */
  public synchronized Counter counter() {
    Counter counter = new Counter();
    counters.add(counter);
    return counter;
  }

  /** Leave them to whoever started the peer; seconds since 1970. */
  public synchronized void write(Path file) throws IOException {
    List<Counter> used = counters.stream().filter(each -> each.events > 0).toList();
    long events = used.stream().mapToLong(each -> each.events).sum();
    long last = used.stream().mapToLong(each -> each.lastMs).max().orElse(0);
    Map<String, Object> noted = Map.of("events", events, "last_at", last / 1000.0);
    new ObjectMapper().writeValue(file.toFile(), noted);
  }
}
