package sesame.bench.scoring;

import sesame.bench.scoring.Event.Category;
import sesame.bench.scoring.Event.Consumption;

/** Behaviour, one thing done at a shop at a time. */
final class ConsumptionFold {
  static final int PURCHASES = 1;
  static final int ESSENTIALS = 2;
  static final int RETURNS = 3;
  static final int SEARCHES = 4;
  static final int CATEGORIES = 5;
  static final int WIDTH = 6;

  private ConsumptionFold() {}

  /** Fold a purchase, return or search of somebody who shares behaviour; whether it counted. */
  static boolean fold(Person.Purchases section, Consumption event, long kafkaMs, Policy policy) {
    int reach = Admission.MONTHS_BEHAVIOUR;
    if (!Admission.admit(
        section, event, event.idHash(), kafkaMs, policy, reach, Admission.RECENT_IDS)) {
      return false;
    }
    if (event.category() == Category.HEALTH) {
      return true;
    }
    int[] tile = Admission.tileOf(section, Months.ofMs(event.occurredAtMs()), WIDTH, reach);
    if (tile != null) {
      mark(tile, event);
    }
    return true;
  }

  private static void mark(int[] tile, Consumption event) {
    switch (event.kind()) {
      case PURCHASE -> {
        Admission.count(tile, PURCHASES);
        tile[CATEGORIES] |= 1 << event.category().ordinal();
        if (event.category() == Category.ESSENTIALS) {
          Admission.count(tile, ESSENTIALS);
        }
      }
      case RETURN -> Admission.count(tile, RETURNS);
      case SEARCH, VIEW -> Admission.count(tile, SEARCHES);
    }
  }
}
