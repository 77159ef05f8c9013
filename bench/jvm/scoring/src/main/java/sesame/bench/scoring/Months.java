package sesame.bench.scoring;

import java.time.LocalDate;

/** Months since 1970, by the calendar. */
final class Months {
  static final long LAST_SECOND = 0xFFFF_FFFFL;
  private static final int DAY_S = 86_400;
  private static final short[] BY_DAY = byDay();

  private Months() {}

  /** The month of a second; times outside 1970-2106 at the nearer end. */
  static int ofSecond(long second) {
    return BY_DAY[(int) (Math.min(Math.max(second, 0), LAST_SECOND) / DAY_S)];
  }

  /** The month of a millisecond. */
  static int ofMs(long ms) {
    return ofSecond(Math.floorDiv(ms, 1000L));
  }

  /** When a month begins. */
  static long startMs(int month) {
    return LocalDate.of(1970 + month / 12, month % 12 + 1, 1).toEpochDay() * DAY_S * 1000L;
  }

  private static short[] byDay() {
    short[] months = new short[(int) (LAST_SECOND / DAY_S) + 1];
    for (int day = 0; day < months.length; day++) {
      LocalDate date = LocalDate.ofEpochDay(day);
      months[day] = (short) ((date.getYear() - 1970) * 12 + date.getMonthValue() - 1);
    }
    return months;
  }
}
