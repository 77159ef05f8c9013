package sesame.bench.scoring;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Applies records from standard input to one partition's people, without Kafka, so that each one's
 * effect can be held against another implementation.
 *
 * <p>In, big-endian: an input's place (byte), Kafka's timestamp (long), length (int), value; until
 * the end. Out, for each: how many records (int); of each whether it is a signal (boolean), its key
 * (modified UTF-8), length (int, -1 for null), value.
 */
public final class ApplyStdin {
  private ApplyStdin() {}

  public static void main(String[] arguments) throws IOException {
    PeerSettings settings = PeerSettings.fromEnvironment();
    Card card = settings.card();
    FileRegistry registry = settings.registry();
    Map<Input, Reader> readers = new EnumMap<>(Input.class);
    for (Input input : Input.values()) {
      readers.put(input, new Reader(input, registry));
    }
    Told told = new Told();
    Writer writer = new Writer(card, registry, "peer-");
    People people = new People(new InMemory(), card, settings.policy(), writer, told);
    try (DataInputStream in = new DataInputStream(new BufferedInputStream(System.in));
        DataOutputStream out = new DataOutputStream(new BufferedOutputStream(System.out))) {
      for (int place = in.read(); place >= 0; place = in.read()) {
        long kafkaMs = in.readLong();
        byte[] value = in.readNBytes(in.readInt());
        people.apply(readers.get(Input.values()[place]).read(value), kafkaMs);
        told.writeTo(out);
      }
    }
  }

  /** People as bytes, as a state store keeps them. */
  private static final class InMemory implements PersonStore {
    private final Map<String, byte[]> people = new TreeMap<>();

    @Override
    public Person get(String user) {
      byte[] bytes = people.get(user);
      return bytes == null ? null : PersonCodec.decode(bytes);
    }

    @Override
    public void put(String user, Person person) {
      people.put(user, PersonCodec.encode(person));
    }

    @Override
    public void delete(String user) {
      people.remove(user);
    }

    @Override
    public List<Member> everybody() {
      return people.entrySet().stream()
          .map(each -> new Member(each.getKey(), PersonCodec.decode(each.getValue())))
          .toList();
    }
  }

  /** What one event caused. */
  private static final class Told implements Outlet {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final DataOutputStream records = new DataOutputStream(bytes);
    private int count;

    @Override
    public void score(String user, byte[] value) {
      add(false, user, value);
    }

    @Override
    public void signal(String receiver, byte[] value) {
      add(true, receiver, value);
    }

    private void add(boolean signal, String key, byte[] value) {
      count++;
      try {
        records.writeBoolean(signal);
        records.writeUTF(key);
        records.writeInt(value == null ? -1 : value.length);
        records.write(value == null ? new byte[0] : value);
      } catch (IOException error) {
        throw new UncheckedIOException(error);
      }
    }

    void writeTo(DataOutputStream out) throws IOException {
      out.writeInt(count);
      bytes.writeTo(out);
      bytes.reset();
      count = 0;
    }
  }
}
