package sesame.bench.flink;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;
import sesame.bench.scoring.Card;
import sesame.bench.scoring.Event;
import sesame.bench.scoring.FileRegistry;
import sesame.bench.scoring.Input;
import sesame.bench.scoring.Notes;
import sesame.bench.scoring.Outlet;
import sesame.bench.scoring.People;
import sesame.bench.scoring.PeerSettings;
import sesame.bench.scoring.Person;
import sesame.bench.scoring.PersonStore;
import sesame.bench.scoring.Reader;
import sesame.bench.scoring.Writer;

/**
 * Scores a person, one event at a time.
 *
 * <p>Each person has a timer for the month to come, as scores fade with time.
 */
final class ScoringFunction extends KeyedProcessFunction<String, Incoming, Outgoing> {
  private static final long serialVersionUID = 1L;

  private transient ValueState<Person> state;
  private transient Map<Input, Reader> readers;
  private transient Emitting outlet;
  private transient People people;
  private transient Notes.Counter notes;

  @Override
  public void open(OpenContext context) throws IOException {
    PeerSettings settings = PeerSettings.fromEnvironment();
    FileRegistry registry = settings.registry();
    Card card = settings.card();
    state =
        getRuntimeContext()
            .getState(new ValueStateDescriptor<>("person", PersonSerializer.INSTANCE));
    readers = new EnumMap<>(Input.class);
    for (Input input : Input.values()) {
      readers.put(input, new Reader(input, registry));
    }
    int subtask = getRuntimeContext().getTaskInfo().getIndexOfThisSubtask();
    Writer writer = new Writer(card, registry, "peer-" + subtask + "-");
    outlet = new Emitting();
    people = new People(new Current(state), card, settings.policy(), writer, outlet);
    notes = FlinkPeer.NOTES.counter();
  }

  @Override
  public void processElement(Incoming incoming, Context context, Collector<Outgoing> out)
      throws IOException {
    outlet.out = out;
    people.follow(context.timerService().currentWatermark());
    Event event = readers.get(incoming.input()).read(incoming.value);
    people.apply(event, incoming.kafkaMs);
    if (state.value() != null) {
      context.timerService().registerEventTimeTimer(people.nextMonthMs());
    }
    notes.note(event);
  }

  @Override
  public void onTimer(long atMs, OnTimerContext context, Collector<Outgoing> out) {
    outlet.out = out;
    people.follow(context.timerService().currentWatermark());
    if (people.rescore(context.getCurrentKey())) {
      context.timerService().registerEventTimeTimer(people.nextMonthMs());
    }
  }

  /** Emits what is told. */
  private static final class Emitting implements Outlet {
    private Collector<Outgoing> out;

    @Override
    public void score(String user, byte[] value) {
      out.collect(new Outgoing(false, user, value));
    }

    @Override
    public void signal(String receiver, byte[] value) {
      out.collect(new Outgoing(true, receiver, value));
    }
  }

  /** The person of the current key as the scoring wants it; it asks for nobody else. */
  private record Current(ValueState<Person> state) implements PersonStore {
    @Override
    public Person get(String user) {
      try {
        return state.value();
      } catch (IOException error) {
        throw new UncheckedIOException(error);
      }
    }

    @Override
    public void put(String user, Person person) {
      try {
        state.update(person);
      } catch (IOException error) {
        throw new UncheckedIOException(error);
      }
    }

    @Override
    public void delete(String user) {
      state.clear();
    }

    @Override
    public List<Member> everybody() {
      return List.of();
    }
  }
}
