package sesame.bench.scoring;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A person's state: monthly tiles and bounded lists, a section per factor. */
public final class Person {
  static final int SCORING = 0;
  static final int SOCIAL = 5;
  static final int SCOPES = 6;

  int mask;
  final long[] decidedMs = new long[SCOPES];
  Payments payments = new Payments();
  Purchases consumption = new Purchases();
  Obligations obligations = new Obligations();
  Identity identity = new Identity();
  Social social = new Social();
  final Published published = new Published();

  /** What was last published of a person; status 0: nothing. */
  static final class Published {
    long sequence;
    int status;
    int score;
    int mask;
    int[] explanation = new int[0];
    int signalled;
  }

  /** Tiles by month (a tile's place 0) and the ids remembered, lowest first. */
  abstract static class Tiled {
    long newestS;
    List<int[]> tiles = new ArrayList<>(4);
    long[] recent = new long[0];
  }

  /** Tile: month, on time, late, worst overdue, chargebacks. */
  static final class Payments extends Tiled {
    int firstCredit;
    final Map<String, Account> accounts = new LinkedHashMap<>(4);
  }

  /** A credit account's newest balance. */
  record Account(long second, int permille) {}

  /** Tile: month, purchases, essentials, returns, searches, bits of categories. */
  static final class Purchases extends Tiled {}

  /** Tile: month, fulfilled, late. */
  static final class Obligations extends Tiled {
    int first;
    final Map<String, Contract> contracts = new LinkedHashMap<>(4);
  }

  /** Zero stands for none; the dispute is the newest step of one, at {@code disputedMs}. */
  static final class Contract {
    long openedS;
    long amount;
    long fulfilledS;
    long breachedS;
    long disputedMs;
    int dispute;
  }

  /** The newest word on each attribute, null for none. */
  static final class Identity {
    long newestS;
    final Word[] attributes = new Word[Event.Attribute.values().length];
  }

  /** When it was said, what, and the month it holds since. */
  record Word(long atMs, int status, int since) {}

  static final class Social {
    long newestS;
    final Map<String, Link> links = new LinkedHashMap<>(4);
  }

  /** The own word and when, whether the peer is active, and its base score. */
  static final class Link {
    static final int SILENT = 0;
    static final int CONFIRMED = 1;
    static final int REMOVED = 2;
    static final int UNSCORED = -1;

    long saidMs;
    int said = SILENT;
    boolean active;
    int base = UNSCORED;

    boolean isConfirmed() {
      return said == CONFIRMED;
    }
  }

  /** Whether scoring and a factor are granted. */
  boolean covers(int scope) {
    int needed = 1 << SCORING | 1 << scope;
    return (mask & needed) == needed;
  }

  /** Drop what a factor's scope covers. */
  void forget(int scope) {
    switch (Factor.values()[scope - 1]) {
      case CREDIT_HISTORY -> payments = new Payments();
      case BEHAVIOUR -> consumption = new Purchases();
      case FULFILMENT -> obligations = new Obligations();
      case IDENTITY -> identity = new Identity();
      case SOCIAL -> social = new Social();
    }
  }

  /** The newest dated event of all, in seconds. */
  long newestS() {
    return Math.max(payments.newestS, Math.max(consumption.newestS, obligations.newestS));
  }
}
