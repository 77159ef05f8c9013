package sesame.bench.streams;

import java.io.IOException;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.state.Stores;
import sesame.bench.scoring.Card;
import sesame.bench.scoring.Event;
import sesame.bench.scoring.FileRegistry;
import sesame.bench.scoring.Input;
import sesame.bench.scoring.Notes;
import sesame.bench.scoring.PeerSettings;
import sesame.bench.scoring.Person;
import sesame.bench.scoring.PersonCodec;
import sesame.bench.scoring.Policy;
import sesame.bench.scoring.Reader;

/** All inputs into one processor with the people's store; scores and signals out of it. */
final class ScoringTopology {
  static final String PEOPLE = "people";
  static final String SCORES = "scores";
  /** The sink; the topic it writes to is an input too. */
  static final String SIGNALS = "signals";
  private static final String SCORING = "scoring";

  private ScoringTopology() {}

  static Topology build(PeerSettings settings, Notes notes) throws IOException {
    FileRegistry registry = settings.registry();
    Card card = settings.card();
    Policy policy = settings.policy();
    Topology topology = new Topology();
    for (Input input : Input.values()) {
      topology.addSource(
          input.topic(), new StringDeserializer(), reading(input, registry),
          settings.topic(input.topic()));
    }
    String[] sources = topics();
    topology.addProcessor(
        SCORING, () -> new ScoringProcessor(card, registry, policy, notes), sources);
    Serde<Person> people =
        Serdes.serdeFrom(
            (topic, person) -> person == null ? null : PersonCodec.encode(person),
            (topic, bytes) -> bytes == null ? null : PersonCodec.decode(bytes));
    topology.addStateStore(
        Stores.keyValueStoreBuilder(
                Stores.persistentKeyValueStore(PEOPLE), Serdes.String(), people)
            .withCachingEnabled(),
        SCORING);
    addSink(topology, SCORES, settings.topic(SCORES));
    addSink(topology, SIGNALS, settings.topic(Input.PEER_SIGNALS.topic()));
    return topology;
  }

  private static void addSink(Topology topology, String name, String topic) {
    topology.addSink(name, topic, new StringSerializer(), new ByteArraySerializer(), SCORING);
  }

  private static String[] topics() {
    Input[] inputs = Input.values();
    String[] names = new String[inputs.length];
    for (int at = 0; at < inputs.length; at++) {
      names[at] = inputs[at].topic();
    }
    return names;
  }

  /** Kafka Streams shares a source's deserializer between its threads. */
  private static Deserializer<Event> reading(Input input, FileRegistry registry) {
    ThreadLocal<Reader> readers = ThreadLocal.withInitial(() -> new Reader(input, registry));
    return (topic, value) -> readers.get().read(value);
  }
}
