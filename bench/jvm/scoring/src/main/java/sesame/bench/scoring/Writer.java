package sesame.bench.scoring;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;

/** Writes scores and peer signals; not safe to share between threads. */
public final class Writer {
  private static final int USUAL_BYTES = 512;
  private static final long OCCURRED_FROM_MS = Instant.parse("2000-01-01T00:00:00Z").toEpochMilli();
  private static final String[] BANDS = {"POOR", "FAIR", "GOOD", "VERY_GOOD", "EXCELLENT"};
  private static final int[] CEILINGS = {550, 600, 650, 700};
  private static final String[] MISSING = {"ACTIVE_MONTHS", "CREDIT_OR_OBLIGATION"};

  private final Card card;
  private final String idPrefix;
  private final Framed scores;
  private final Framed signals;
  private final Schema factorPoints;
  private final GenericData.EnumSymbol[] factors = new GenericData.EnumSymbol[Factor.COUNT];
  private final GenericData.EnumSymbol[] bands = new GenericData.EnumSymbol[BANDS.length];
  private final GenericData.EnumSymbol scored;
  private final GenericData.EnumSymbol thin;
  private long signalled;

  /** Write with the newest ids; signals' event ids begin with {@code idPrefix}. */
  public Writer(Card card, FileRegistry registry, String idPrefix) {
    this.card = card;
    this.idPrefix = idPrefix;
    this.scores = new Framed(registry, "Score");
    this.signals = new Framed(registry, "PeerSignal");
    Schema score = scores.schema;
    Schema status = score.getField("status").schema();
    scored = new GenericData.EnumSymbol(status, "SCORED");
    thin = new GenericData.EnumSymbol(status, "THIN_FILE");
    factorPoints = score.getField("factors").schema().getElementType();
    for (Factor factor : Factor.values()) {
      Schema schema = factorPoints.getField("factor").schema();
      factors[factor.ordinal()] = new GenericData.EnumSymbol(schema, factor.name());
    }
    Schema band = score.getField("band").schema().getTypes().get(1);
    for (int at = 0; at < BANDS.length; at++) {
      bands[at] = new GenericData.EnumSymbol(band, BANDS[at]);
    }
  }

  /** A score record. */
  byte[] score(String user, Score score, int mask, long asOfMs, long sequence) {
    GenericRecord fields = new GenericData.Record(scores.schema);
    fields.put("user_id", user);
    fields.put("status", score.isScored() ? scored : thin);
    if (score.isScored()) {
      fields.put("score", score.score());
      fields.put("band", bands[bandOf(score.score())]);
      fields.put("base_score", score.baseScore());
      fields.put("probability_of_default", card.probabilityOfDefault(score.score()));
    }
    fields.put("factors", factorPoints(score, mask));
    fields.put("reasons", reasons(score));
    fields.put("missing", missing(score));
    fields.put("model", card.modelName());
    fields.put("as_of", asOfMs);
    fields.put("computed_at", System.currentTimeMillis());
    fields.put("sequence", sequence);
    return scores.write(fields);
  }

  /** A peer signal record; {@code baseScore} 0 while unscored. */
  byte[] signal(String sender, Said said, int baseScore, long occurredAtMs) {
    GenericRecord fields = new GenericData.Record(signals.schema);
    fields.put("event_id", idPrefix + Long.toHexString(signalled++));
    fields.put("user_id", said.receiver());
    fields.put("occurred_at", Math.max(occurredAtMs, OCCURRED_FROM_MS));
    fields.put("other_user_id", sender);
    fields.put("active", said.active());
    fields.put("base_score", baseScore == 0 ? null : baseScore);
    fields.put("wants_reply", said.wantsReply());
    fields.put("erased", said.erased());
    return signals.write(fields);
  }

  private static int bandOf(int score) {
    int band = 0;
    while (band < CEILINGS.length && score >= CEILINGS[band]) {
      band++;
    }
    return band;
  }

  private List<GenericRecord> factorPoints(Score score, int mask) {
    List<GenericRecord> all = new ArrayList<>(Factor.COUNT);
    for (Factor factor : Factor.values()) {
      GenericRecord one = new GenericData.Record(factorPoints);
      one.put("factor", factors[factor.ordinal()]);
      one.put("points", score.factorPoints()[factor.ordinal()]);
      one.put("max_points", card.maxPoints(factor));
      one.put("min_points", card.minPoints(factor));
      one.put("consented", factor.isSharedBy(mask));
      all.add(one);
    }
    return all;
  }

  private List<String> reasons(Score score) {
    List<String> codes = new ArrayList<>(score.reasons().length);
    for (int reason : score.reasons()) {
      codes.add(card.reasonCode(reason));
    }
    return codes;
  }

  private static List<String> missing(Score score) {
    List<String> codes = new ArrayList<>(MISSING.length);
    for (int bit = 0; bit < MISSING.length; bit++) {
      if ((score.missing() >> bit & 1) == 1) {
        codes.add(MISSING[bit]);
      }
    }
    return codes;
  }

  /** One record's schema, and the header that goes ahead of its bodies. */
  private static final class Framed {
    final Schema schema;
    private final byte[] header;
    private final GenericDatumWriter<GenericRecord> writer;
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream(USUAL_BYTES);
    private BinaryEncoder encoder;

    Framed(FileRegistry registry, String record) {
      int id = registry.idOf(record);
      schema = registry.schema(id);
      header = ByteBuffer.allocate(5).put((byte) 0).putInt(id).array();
      writer = new GenericDatumWriter<>(schema);
    }

    byte[] write(GenericRecord fields) {
      bytes.reset();
      bytes.writeBytes(header);
      encoder = EncoderFactory.get().binaryEncoder(bytes, encoder);
      try {
        writer.write(fields, encoder);
        encoder.flush();
      } catch (IOException error) {
        throw new UncheckedIOException(error);
      }
      return bytes.toByteArray();
    }
  }
}
