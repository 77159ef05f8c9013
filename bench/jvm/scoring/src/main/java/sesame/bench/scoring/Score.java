package sesame.bench.scoring;

/**
 * What a card decides of a person.
 *
 * @param score 0 for a thin file, as are {@code baseScore} and all points
 * @param reasons places among the card's reason codes, by points lost
 * @param missing what a thin file lacks, see {@code Characteristics.missing}
 */
record Score(int score, int baseScore, int[] factorPoints, int[] reasons, int missing) {
  private static final int[] NONE = new int[0];

  static Score thin(int missing) {
    return new Score(0, 0, new int[Factor.COUNT], NONE, missing);
  }

  boolean isScored() {
    return missing == 0;
  }

  /** All that explains it, for comparing with what was published. */
  int[] explanation() {
    int[] all = new int[factorPoints.length + 1 + reasons.length];
    System.arraycopy(factorPoints, 0, all, 0, factorPoints.length);
    all[factorPoints.length] = missing;
    System.arraycopy(reasons, 0, all, factorPoints.length + 1, reasons.length);
    return all;
  }
}
