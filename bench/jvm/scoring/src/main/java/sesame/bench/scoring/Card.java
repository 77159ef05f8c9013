package sesame.bench.scoring;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** A model laid out for scoring one person at a time; safe to share between threads. */
public final class Card {
  private static final int REASONS_MAX = 4;
  private static final int PLACE_BITS = 8;
  private static final int PLACE_MASK = (1 << PLACE_BITS) - 1;

  private final ModelFile model;
  private final List<String> reasonCodes = new ArrayList<>();
  private final Line[] lines;
  private final int[] minPoints = new int[Factor.COUNT];
  private final int[] maxPoints = new int[Factor.COUNT];
  private final int socialNeutral;

  /** A characteristic; the last slot is for unknown values, {@code column} where it stands. */
  private record Line(
      int column, Factor factor, double[] edges, int[] points, int[] losses, int[] reasons,
      int neutral) {}

  /** Lay a model out. */
  public Card(ModelFile model) {
    this.model = model;
    this.lines = model.characteristics().stream().map(this::line).toArray(Line[]::new);
    int neutral = 0;
    for (Line line : lines) {
      minPoints[line.factor.ordinal()] += Arrays.stream(line.points).min().orElseThrow();
      maxPoints[line.factor.ordinal()] += Arrays.stream(line.points).max().orElseThrow();
      neutral += line.factor == Factor.SOCIAL ? line.neutral : 0;
    }
    this.socialNeutral = neutral;
  }

  private Line line(ModelFile.Characteristic each) {
    int[] points = each.points();
    int most = Arrays.stream(points).max().orElseThrow();
    int[] losses = Arrays.stream(points).map(value -> most - value).toArray();
    int[] reasons = new int[points.length];
    Arrays.fill(reasons, reasonOf(each.reason()));
    reasons[points.length - 1] = reasonOf(each.missingReason());
    int column = Characteristics.NAMES.indexOf(each.name());
    if (column < 0) {
      throw new IllegalArgumentException("no characteristic is called " + each.name());
    }
    return new Line(
        column, each.factor(), each.edges(), points, losses, reasons, each.neutralPoints());
  }

  private int reasonOf(String code) {
    if (!reasonCodes.contains(code)) {
      reasonCodes.add(code);
    }
    return reasonCodes.indexOf(code);
  }

  /** Score a person as of a month. */
  Score score(Person person, int asOf) {
    int missing = Characteristics.missing(person, asOf);
    if (missing != 0) {
      return Score.thin(missing);
    }
    double[] values = Characteristics.of(person, asOf);
    int[] points = new int[Factor.COUNT];
    int[] lost = new int[lines.length];
    int[] reasons = new int[lines.length];
    int losing = 0;
    for (int place = 0; place < lines.length; place++) {
      Line line = lines[place];
      if (!line.factor.isSharedBy(person.mask)) {
        points[line.factor.ordinal()] += line.neutral;
        continue;
      }
      int slot = slotOf(line, values[line.column]);
      points[line.factor.ordinal()] += line.points[slot];
      if (line.losses[slot] != 0) {
        // The largest loss last; of equal ones the first characteristic.
        lost[losing++] = line.losses[slot] << PLACE_BITS | PLACE_MASK - place;
        reasons[place] = line.reasons[slot];
      }
    }
    Arrays.sort(lost, 0, losing);
    int[] worst = new int[Math.min(losing, REASONS_MAX)];
    for (int at = 0; at < worst.length; at++) {
      worst[at] = reasons[PLACE_MASK - (lost[losing - 1 - at] & PLACE_MASK)];
    }
    int total = model.base() + Arrays.stream(points).sum();
    int base = total - points[Factor.SOCIAL.ordinal()] + socialNeutral;
    return new Score(total, base, points, worst, 0);
  }

  /** The attribute of a value: how many edges are at most as large. */
  private static int slotOf(Line line, double value) {
    if (Double.isNaN(value)) {
      return line.points.length - 1;
    }
    int slot = 0;
    while (slot < line.edges.length && line.edges[slot] <= value) {
      slot++;
    }
    return slot;
  }

  String modelName() {
    return model.name();
  }

  String reasonCode(int reason) {
    return reasonCodes.get(reason);
  }

  double probabilityOfDefault(int score) {
    return model.probabilities()[score];
  }

  int minPoints(Factor factor) {
    return minPoints[factor.ordinal()];
  }

  int maxPoints(Factor factor) {
    return maxPoints[factor.ordinal()];
  }
}
