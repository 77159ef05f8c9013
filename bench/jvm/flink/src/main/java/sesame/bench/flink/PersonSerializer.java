package sesame.bench.flink;

import java.io.IOException;
import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.base.TypeSerializerSingleton;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;
import sesame.bench.scoring.Person;
import sesame.bench.scoring.PersonCodec;

/** People as Flink's state keeps them. */
public final class PersonSerializer extends TypeSerializerSingleton<Person> {
  static final PersonSerializer INSTANCE = new PersonSerializer();
  private static final long serialVersionUID = 1L;

  @Override
  public boolean isImmutableType() {
    return false;
  }

  @Override
  public Person createInstance() {
    return null;
  }

  @Override
  public Person copy(Person from) {
    return PersonCodec.decode(PersonCodec.encode(from));
  }

  @Override
  public Person copy(Person from, Person reuse) {
    return copy(from);
  }

  @Override
  public int getLength() {
    return -1;
  }

  @Override
  public void serialize(Person person, DataOutputView target) throws IOException {
    byte[] bytes = PersonCodec.encode(person);
    target.writeInt(bytes.length);
    target.write(bytes);
  }

  @Override
  public Person deserialize(DataInputView source) throws IOException {
    byte[] bytes = new byte[source.readInt()];
    source.readFully(bytes);
    return PersonCodec.decode(bytes);
  }

  @Override
  public Person deserialize(Person reuse, DataInputView source) throws IOException {
    return deserialize(source);
  }

  @Override
  public void copy(DataInputView source, DataOutputView target) throws IOException {
    int length = source.readInt();
    target.writeInt(length);
    target.write(source, length);
  }

  @Override
  public TypeSerializerSnapshot<Person> snapshotConfiguration() {
    return new Snapshot();
  }

  /** What a checkpoint remembers of this. */
  public static final class Snapshot extends SimpleTypeSerializerSnapshot<Person> {
    /** For Flink. */
    public Snapshot() {
      super(() -> INSTANCE);
    }
  }
}
