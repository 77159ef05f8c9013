package sesame.bench.scoring;

/** Takes what the scoring of one event causes, as records of the wire format. */
public interface Outlet {
  /** A person's new score; a null value for somebody erased. */
  void score(String user, byte[] value);

  /** What the receiver's side is told. */
  void signal(String receiver, byte[] value);
}
