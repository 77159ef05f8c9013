package sesame.bench.scoring;

/** The five factors of a score, in the order of the Score record. */
public enum Factor {
  CREDIT_HISTORY,
  BEHAVIOUR,
  FULFILMENT,
  IDENTITY,
  SOCIAL;

  static final int COUNT = values().length;

  /** Whether a consent mask shares this factor; bit 0 is for scoring itself. */
  boolean isSharedBy(int mask) {
    return (mask >> ordinal() + 1 & 1) == 1;
  }
}
