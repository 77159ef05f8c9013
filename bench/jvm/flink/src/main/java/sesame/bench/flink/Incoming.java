package sesame.bench.flink;

import sesame.bench.scoring.Input;

/** An input record on its way to its person; a POJO as Flink knows them. */
public final class Incoming {
  public String user;
  /** Its topic's place among the inputs. */
  public int input;
  public long kafkaMs;
  public long occurredAtMs;
  public byte[] value;

  /** For Flink's serializer. */
  public Incoming() {}

  Incoming(String user, Input input, long kafkaMs, long occurredAtMs, byte[] value) {
    this.user = user;
    this.input = input.ordinal();
    this.kafkaMs = kafkaMs;
    this.occurredAtMs = occurredAtMs;
    this.value = value;
  }

  Input input() {
    return Input.values()[input];
  }

  /** How far it moves the watermark. */
  long movesTo() {
    return input().isData() ? occurredAtMs : 0;
  }
}
