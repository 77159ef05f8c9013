package sesame.bench.scoring;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import sesame.bench.scoring.Person.Account;
import sesame.bench.scoring.Person.Contract;
import sesame.bench.scoring.Person.Link;
import sesame.bench.scoring.Person.Published;
import sesame.bench.scoring.Person.Tiled;
import sesame.bench.scoring.Person.Word;

/** A person as bytes, in Avro's variable-length numbers; safe to share between threads. */
public final class PersonCodec {
  private static final int USUAL_BYTES = 1024;
  private static final ThreadLocal<Scratch> SCRATCH = ThreadLocal.withInitial(Scratch::new);

  private PersonCodec() {}

  private static final class Scratch {
    final ByteArrayOutputStream bytes = new ByteArrayOutputStream(USUAL_BYTES);
    final BinaryEncoder out = EncoderFactory.get().binaryEncoder(bytes, null);
    BinaryDecoder in;
  }

  /** A person's bytes. */
  public static byte[] encode(Person person) {
    Scratch scratch = SCRATCH.get();
    scratch.bytes.reset();
    try {
      write(person, scratch.out);
      scratch.out.flush();
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
    return scratch.bytes.toByteArray();
  }

  /** The person of such bytes. */
  public static Person decode(byte[] bytes) {
    Scratch scratch = SCRATCH.get();
    scratch.in = DecoderFactory.get().binaryDecoder(bytes, scratch.in);
    try {
      return read(scratch.in);
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
  }

  private static void write(Person person, BinaryEncoder out) throws IOException {
    out.writeInt(person.mask);
    for (long at : person.decidedMs) {
      out.writeLong(at);
    }
    write(person.payments, PaymentFold.WIDTH, out);
    out.writeInt(person.payments.firstCredit);
    out.writeInt(person.payments.accounts.size());
    for (var each : person.payments.accounts.entrySet()) {
      out.writeString(each.getKey());
      out.writeLong(each.getValue().second());
      out.writeInt(each.getValue().permille());
    }
    write(person.consumption, ConsumptionFold.WIDTH, out);
    write(person.obligations, ObligationFold.WIDTH, out);
    out.writeInt(person.obligations.first);
    out.writeInt(person.obligations.contracts.size());
    for (var each : person.obligations.contracts.entrySet()) {
      out.writeString(each.getKey());
      write(each.getValue(), out);
    }
    write(person.identity, out);
    write(person.social, out);
    write(person.published, out);
  }

  private static Person read(BinaryDecoder in) throws IOException {
    Person person = new Person();
    person.mask = in.readInt();
    for (int scope = 0; scope < person.decidedMs.length; scope++) {
      person.decidedMs[scope] = in.readLong();
    }
    read(person.payments, PaymentFold.WIDTH, in);
    person.payments.firstCredit = in.readInt();
    for (int left = in.readInt(); left > 0; left--) {
      person.payments.accounts.put(in.readString(), new Account(in.readLong(), in.readInt()));
    }
    read(person.consumption, ConsumptionFold.WIDTH, in);
    read(person.obligations, ObligationFold.WIDTH, in);
    person.obligations.first = in.readInt();
    for (int left = in.readInt(); left > 0; left--) {
      person.obligations.contracts.put(in.readString(), readContract(in));
    }
    read(person.identity, in);
    read(person.social, in);
    read(person.published, in);
    return person;
  }

  private static void write(Tiled section, int width, BinaryEncoder out) throws IOException {
    out.writeLong(section.newestS);
    out.writeInt(section.tiles.size());
    for (int[] tile : section.tiles) {
      for (int at = 0; at < width; at++) {
        out.writeInt(tile[at]);
      }
    }
    out.writeInt(section.recent.length);
    for (long entry : section.recent) {
      out.writeLong(entry);
    }
  }

  private static void read(Tiled section, int width, BinaryDecoder in) throws IOException {
    section.newestS = in.readLong();
    List<int[]> tiles = section.tiles;
    for (int left = in.readInt(); left > 0; left--) {
      int[] tile = new int[width];
      for (int at = 0; at < width; at++) {
        tile[at] = in.readInt();
      }
      tiles.add(tile);
    }
    section.recent = new long[in.readInt()];
    for (int at = 0; at < section.recent.length; at++) {
      section.recent[at] = in.readLong();
    }
  }

  private static void write(Contract contract, BinaryEncoder out) throws IOException {
    out.writeLong(contract.openedS);
    out.writeLong(contract.amount);
    out.writeLong(contract.fulfilledS);
    out.writeLong(contract.breachedS);
    out.writeLong(contract.disputedMs);
    out.writeInt(contract.dispute);
  }

  private static Contract readContract(BinaryDecoder in) throws IOException {
    Contract contract = new Contract();
    contract.openedS = in.readLong();
    contract.amount = in.readLong();
    contract.fulfilledS = in.readLong();
    contract.breachedS = in.readLong();
    contract.disputedMs = in.readLong();
    contract.dispute = in.readInt();
    return contract;
  }

  private static void write(Person.Identity section, BinaryEncoder out) throws IOException {
    out.writeLong(section.newestS);
    for (Word word : section.attributes) {
      out.writeBoolean(word != null);
      if (word != null) {
        out.writeLong(word.atMs());
        out.writeInt(word.status());
        out.writeInt(word.since());
      }
    }
  }

  private static void read(Person.Identity section, BinaryDecoder in) throws IOException {
    section.newestS = in.readLong();
    for (int at = 0; at < section.attributes.length; at++) {
      if (in.readBoolean()) {
        section.attributes[at] = new Word(in.readLong(), in.readInt(), in.readInt());
      }
    }
  }

  private static void write(Person.Social section, BinaryEncoder out) throws IOException {
    out.writeLong(section.newestS);
    out.writeInt(section.links.size());
    for (var each : section.links.entrySet()) {
      Link link = each.getValue();
      out.writeString(each.getKey());
      out.writeLong(link.saidMs);
      out.writeInt(link.said);
      out.writeBoolean(link.active);
      out.writeInt(link.base);
    }
  }

  private static void read(Person.Social section, BinaryDecoder in) throws IOException {
    section.newestS = in.readLong();
    for (int left = in.readInt(); left > 0; left--) {
      Link link = new Link();
      section.links.put(in.readString(), link);
      link.saidMs = in.readLong();
      link.said = in.readInt();
      link.active = in.readBoolean();
      link.base = in.readInt();
    }
  }

  private static void write(Published published, BinaryEncoder out) throws IOException {
    out.writeLong(published.sequence);
    out.writeInt(published.status);
    out.writeInt(published.score);
    out.writeInt(published.mask);
    out.writeInt(published.signalled);
    out.writeInt(published.explanation.length);
    for (int part : published.explanation) {
      out.writeInt(part);
    }
  }

  private static void read(Published published, BinaryDecoder in) throws IOException {
    published.sequence = in.readLong();
    published.status = in.readInt();
    published.score = in.readInt();
    published.mask = in.readInt();
    published.signalled = in.readInt();
    published.explanation = new int[in.readInt()];
    for (int at = 0; at < published.explanation.length; at++) {
      published.explanation[at] = in.readInt();
    }
  }
}
