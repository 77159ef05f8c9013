package sesame.bench.streams;

import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import sesame.bench.scoring.Card;
import sesame.bench.scoring.Event;
import sesame.bench.scoring.FileRegistry;
import sesame.bench.scoring.Notes;
import sesame.bench.scoring.Outlet;
import sesame.bench.scoring.People;
import sesame.bench.scoring.Person;
import sesame.bench.scoring.PersonStore;
import sesame.bench.scoring.Policy;
import sesame.bench.scoring.Writer;

/** Scores the people of one partition, one event at a time. */
final class ScoringProcessor implements Processor<String, Event, String, byte[]> {
  private final Card card;
  private final FileRegistry registry;
  private final Policy policy;
  private final Notes.Counter notes;
  private People people;
  private long kafkaMs;

  ScoringProcessor(Card card, FileRegistry registry, Policy policy, Notes notes) {
    this.card = card;
    this.registry = registry;
    this.policy = policy;
    this.notes = notes.counter();
  }

  @Override
  public void init(ProcessorContext<String, byte[]> context) {
    KeyValueStore<String, Person> store = context.getStateStore(ScoringTopology.PEOPLE);
    Writer writer = new Writer(card, registry, "peer-" + context.taskId() + "-");
    people = new People(new Stored(store), card, policy, writer, new Forwarding(context));
  }

  @Override
  public void process(Record<String, Event> record) {
    kafkaMs = record.timestamp();
    people.apply(record.value(), kafkaMs);
    notes.note(record.value());
  }

  /** The state store as the scoring wants it. */
  private record Stored(KeyValueStore<String, Person> store) implements PersonStore {
    @Override
    public Person get(String user) {
      return store.get(user);
    }

    @Override
    public void put(String user, Person person) {
      store.put(user, person);
    }

    @Override
    public void delete(String user) {
      store.delete(user);
    }

    @Override
    public List<Member> everybody() {
      List<Member> everybody = new ArrayList<>();
      try (KeyValueIterator<String, Person> all = store.all()) {
        all.forEachRemaining(each -> everybody.add(new Member(each.key, each.value)));
      }
      return everybody;
    }
  }

  /** Sends what is told on to the sinks. */
  private final class Forwarding implements Outlet {
    private final ProcessorContext<String, byte[]> context;

    Forwarding(ProcessorContext<String, byte[]> context) {
      this.context = context;
    }

    @Override
    public void score(String user, byte[] value) {
      context.forward(new Record<>(user, value, kafkaMs), ScoringTopology.SCORES);
    }

    @Override
    public void signal(String receiver, byte[] value) {
      context.forward(new Record<>(receiver, value, kafkaMs), ScoringTopology.SIGNALS);
    }
  }
}
