package sesame.bench.scoring;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Whether an event counts, and the monthly tile it belongs to. */
final class Admission {
  /** Reaches in months, and how many ids are remembered. */
  static final int MONTHS_CREDIT = 24;
  static final int MONTHS_BEHAVIOUR = 12;
  static final int RECENT_IDS = 12;
  static final int RECENT_OBLIGATION_IDS = 8;

  /** Events of the same tick are remembered by the order of their ids. */
  private static final int TICK_S = 256;
  private static final int HASH_BITS = 40;
  private static final long HASH_MASK = (1L << HASH_BITS) - 1;
  private static final int COUNT_MAX = 255;

  private Admission() {}

  /** Whether an event lies further ahead of its record than allowed. */
  static boolean isFuture(Event event, long kafkaMs, Policy policy) {
    long atMs = event.occurredAtMs();
    return atMs > kafkaMs + policy.futureMs() || seconds(atMs) > Months.LAST_SECOND;
  }

  /** Whether an event is neither too early nor too late; {@code reach} 0 for no tiles. */
  static boolean isTimely(long newestS, Event event, long kafkaMs, Policy policy, int reach) {
    if (isFuture(event, kafkaMs, policy)) {
      return false;
    }
    long second = seconds(event.occurredAtMs());
    int month = Months.ofSecond(second);
    if (month < 1 || second < newestS - policy.latenessS()) {
      return false;
    }
    return reach == 0 || month > Months.ofSecond(newestS) - reach;
  }

  /** As {@code isTimely}, and no repeat; an event that counts is remembered. */
  static boolean admit(
      Person.Tiled section,
      Event event,
      long idHash,
      long kafkaMs,
      Policy policy,
      int reach,
      int idsMax) {
    if (!isTimely(section.newestS, event, kafkaMs, policy, reach)) {
      return false;
    }
    long hash = Math.max(idHash & HASH_MASK, 1);
    for (long known : section.recent) {
      if ((known & HASH_MASK) == hash) {
        return false;
      }
    }
    long second = seconds(event.occurredAtMs());
    // The time above the hash, so that the oldest comes first.
    section.recent = remember(section.recent, second / TICK_S << HASH_BITS | hash, idsMax);
    if (second > section.newestS) {
      advance(section, second, reach);
    }
    return true;
  }

  private static long[] remember(long[] recent, long entry, int idsMax) {
    int place = 0;
    // Times beyond 2038 reach the sign's bit.
    while (place < recent.length && Long.compareUnsigned(recent[place], entry) < 0) {
      place++;
    }
    long[] longer = new long[recent.length + 1];
    System.arraycopy(recent, 0, longer, 0, place);
    longer[place] = entry;
    System.arraycopy(recent, place, longer, place + 1, recent.length - place);
    return longer.length > idsMax ? Arrays.copyOfRange(longer, 1, longer.length) : longer;
  }

  /** Move on to a newer event; tiles that fall out of reach go. */
  private static void advance(Person.Tiled section, long second, int reach) {
    int head = Months.ofSecond(second);
    if (head > Months.ofSecond(section.newestS)) {
      List<int[]> kept = new ArrayList<>(section.tiles.size() + 1);
      for (int[] tile : section.tiles) {
        if (tile[0] > head - reach) {
          kept.add(tile);
        }
      }
      section.tiles = kept;
    }
    section.newestS = second;
  }

  /** The tile of a month, made if need be; null for one out of reach of the newest event. */
  static int[] tileOf(Person.Tiled section, int month, int width, int reach) {
    if (month <= Months.ofSecond(section.newestS) - reach) {
      return null;
    }
    for (int at = section.tiles.size() - 1; at >= 0; at--) {
      if (section.tiles.get(at)[0] == month) {
        return section.tiles.get(at);
      }
    }
    int[] tile = new int[width];
    tile[0] = month;
    section.tiles.add(tile);
    return tile;
  }

  /** Add one, up to what fits a byte. */
  static void count(int[] tile, int place) {
    tile[place] = Math.min(tile[place] + 1, COUNT_MAX);
  }

  static long seconds(long ms) {
    return Math.floorDiv(ms, 1000L);
  }
}
