package sesame.bench.scoring;

import com.dynatrace.hash4j.hashing.Hasher64;
import com.dynatrace.hash4j.hashing.Hashing;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.util.Utf8;

/** Reads one topic's values; not safe to share between threads. */
public final class Reader {
  private static final int HEADER_BYTES = 5;
  private static final Hasher64 HASHER = Hashing.xxh3_64();

  private final Input input;
  private final FileRegistry registry;
  private final Map<Integer, GenericDatumReader<GenericRecord>> readers = new HashMap<>();
  private BinaryDecoder decoder;
  private GenericRecord fields;

  /** Read the values of a topic. */
  public Reader(Input input, FileRegistry registry) {
    this.input = input;
    this.registry = registry;
  }

  /** One record. */
  public Event read(byte[] value) {
    int id = ByteBuffer.wrap(value).getInt(1);
    GenericDatumReader<GenericRecord> reader = readers.computeIfAbsent(id, this::readerOf);
    int length = value.length - HEADER_BYTES;
    decoder = DecoderFactory.get().binaryDecoder(value, HEADER_BYTES, length, decoder);
    try {
      fields = reader.read(fields, decoder);
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
    return switch (input) {
      case CONSENTS -> consent();
      case PAYMENTS -> payment();
      case CONSUMPTION -> consumption();
      case OBLIGATIONS -> obligation();
      case PROFILES -> profile();
      case RELATIONSHIPS -> relationship();
      case PEER_SIGNALS -> peerSignal();
    };
  }

  /** An event's time alone; every input record begins with event_id, user_id, occurred_at. */
  public static long occurredAtMs(byte[] value) {
    int length = value.length - HEADER_BYTES;
    BinaryDecoder head = DecoderFactory.get().binaryDecoder(value, HEADER_BYTES, length, null);
    try {
      head.skipString();
      head.skipString();
      return head.readLong();
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
  }

  private GenericDatumReader<GenericRecord> readerOf(int id) {
    return new GenericDatumReader<>(
        registry.schema(id), registry.schema(registry.idOf(input.record())));
  }

  private Event consent() {
    boolean grant = text("action").equals("GRANT");
    int scope = fields.getSchema().getField("scope").schema().getEnumOrdinal(text("scope"));
    return new Event.Consent(text("user_id"), number("occurred_at"), grant, scope);
  }

  private Event payment() {
    return new Event.Payment(
        text("user_id"),
        number("occurred_at"),
        hash((Utf8) fields.get("event_id")),
        Event.PaymentKind.valueOf(text("kind")),
        (Long) fields.get("due_at"),
        text("account_id"),
        (Long) fields.get("balance_minor"),
        (Long) fields.get("limit_minor"));
  }

  private Event consumption() {
    return new Event.Consumption(
        text("user_id"),
        number("occurred_at"),
        hash((Utf8) fields.get("event_id")),
        Event.ConsumptionKind.valueOf(text("kind")),
        Event.Category.valueOf(text("category")));
  }

  private Event obligation() {
    String partner = text("partner_id");
    return new Event.Obligation(
        text("user_id"),
        number("occurred_at"),
        // A partner's ids are its own.
        hash(new Utf8(partner + "\0" + text("event_id"))),
        partner + "/" + text("contract_id"),
        Event.ObligationStatus.valueOf(text("status")),
        (Long) fields.get("amount_minor"));
  }

  private Event profile() {
    return new Event.Profile(
        text("user_id"),
        number("occurred_at"),
        Event.Attribute.valueOf(text("attribute")),
        Event.AttributeStatus.valueOf(text("status")),
        (Long) fields.get("since"));
  }

  private Event relationship() {
    boolean confirm = text("action").equals("CONFIRM");
    return new Event.Relationship(
        text("user_id"), number("occurred_at"), text("other_user_id"), confirm);
  }

  private Event peerSignal() {
    return new Event.PeerSignal(
        text("user_id"),
        number("occurred_at"),
        text("other_user_id"),
        (Boolean) fields.get("active"),
        (Integer) fields.get("base_score"),
        (Boolean) fields.get("wants_reply"),
        (Boolean) fields.get("erased"));
  }

  private String text(String name) {
    Object value = fields.get(name);
    return value == null ? null : value.toString();
  }

  private long number(String name) {
    return (Long) fields.get(name);
  }

  private static long hash(Utf8 id) {
    return HASHER.hashBytesToLong(id.getBytes(), 0, id.getByteLength());
  }
}
