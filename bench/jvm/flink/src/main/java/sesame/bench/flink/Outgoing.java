package sesame.bench.flink;

/** A record to be sent; a POJO as Flink knows them. */
public final class Outgoing {
  /** Whether it is a peer signal, and not a score. */
  public boolean signal;
  public String key;
  /** Null for somebody erased. */
  public byte[] value;

  /** For Flink's serializer. */
  public Outgoing() {}

  Outgoing(boolean signal, String key, byte[] value) {
    this.signal = signal;
    this.key = key;
    this.value = value;
  }
}
