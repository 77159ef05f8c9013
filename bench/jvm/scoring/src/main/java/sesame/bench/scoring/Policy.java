package sesame.bench.scoring;

/** How far behind the person's newest and ahead of their record events may be. */
public record Policy(int latenessDays) {
  private static final long DAY_S = 86_400;

  long latenessS() {
    return latenessDays * DAY_S;
  }

  long futureMs() {
    return DAY_S * 1000;
  }
}
