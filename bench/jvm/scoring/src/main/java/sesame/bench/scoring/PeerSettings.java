package sesame.bench.scoring;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;

/** What the benchmark tells a peer in environment variables. */
public record PeerSettings(Map<String, String> given) {
  private static final String BENCH = "SESAME_BENCH_";

  /** From this process's environment. */
  public static PeerSettings fromEnvironment() {
    return new PeerSettings(System.getenv());
  }

  public String bootstrap() {
    return needed("SESAME_BOOTSTRAP");
  }

  /** The group, and what the names of everything of its own begin with. */
  public String group() {
    return topic(needed("SESAME_APP_ID"));
  }

  public int partitions() {
    return Integer.parseInt(needed("SESAME_PARTITIONS"));
  }

  /** A topic's name on the broker. */
  public String topic(String name) {
    return given.getOrDefault("SESAME_TOPIC_PREFIX", "") + name;
  }

  public Policy policy() {
    return new Policy(Integer.parseInt(needed(BENCH + "LATENESS_DAYS")));
  }

  public Card card() throws IOException {
    return new Card(ModelFile.read(path("MODEL"), path("PROBABILITIES")));
  }

  public FileRegistry registry() throws IOException {
    return FileRegistry.read(path("SCHEMAS"));
  }

  /** The folder for state on disk. */
  public Path state() {
    return path("STATE");
  }

  /** The file to leave the notes in. */
  public Path notes() {
    return path("NOTES");
  }

  /** Whether outputs are to be transactional. */
  public boolean exactlyOnce() {
    return Boolean.parseBoolean(given.getOrDefault(BENCH + "EXACTLY_ONCE", "false"));
  }

  /** A number that may be given, such as COMMIT_MS. */
  public int number(String name, int usual) {
    return Integer.parseInt(given.getOrDefault(BENCH + name, String.valueOf(usual)));
  }

  private Path path(String name) {
    return Path.of(needed(BENCH + name));
  }

  private String needed(String name) {
    String value = given.get(name);
    if (value == null) {
      throw new IllegalStateException(name + " is not set");
    }
    return value;
  }
}
