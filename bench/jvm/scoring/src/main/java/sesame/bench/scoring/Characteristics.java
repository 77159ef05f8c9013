package sesame.bench.scoring;

import java.util.List;
import java.util.Map;
import sesame.bench.scoring.Event.Attribute;
import sesame.bench.scoring.Event.AttributeStatus;
import sesame.bench.scoring.Person.Account;
import sesame.bench.scoring.Person.Link;
import sesame.bench.scoring.Person.Word;

/**
 * The characteristics of one person as of a month; NaN is unknown.
 *
 * <p>Sums of fractions run in the order of the tiles, so that they round alike everywhere.
 */
final class Characteristics {
  /** Names as models use them; a value stands at its name's place. */
  static final List<String> NAMES =
      List.of(
          "on_time_share_24m",
          "worst_overdue_12m",
          "months_since_overdue",
          "credit_utilisation",
          "credit_history_months",
          "chargebacks_12m",
          "contracts_fulfilled_24m",
          "contracts_breached_60m",
          "contracts_late_share_24m",
          "open_exposure_minor",
          "months_since_breach",
          "active_months_12m",
          "spending_regularity_12m",
          "essentials_share_12m",
          "returns_share_12m",
          "category_spread_12m",
          "search_to_purchase_12m",
          "attributes_verified",
          "months_at_address",
          "months_with_phone",
          "months_in_work",
          "linked_peers",
          "mean_peer_base_score");

  private static final double UNKNOWN = Double.NaN;
  private static final int YEAR = 12;
  private static final int TWO_YEARS = 24;
  private static final int FIVE_YEARS = 60;
  private static final int ACTIVE_MONTHS_MIN = 3;

  private final int asOf;
  private final double[] values = new double[NAMES.size()];
  private int place;

  private Characteristics(int asOf) {
    this.asOf = asOf;
  }

  /** All of them, in the order of {@code NAMES}. */
  static double[] of(Person person, int asOf) {
    Characteristics found = new Characteristics(asOf);
    found.addCreditHistory(person.payments);
    found.addFulfilment(person.obligations);
    found.addBehaviour(person.consumption);
    found.addIdentity(person.identity);
    found.addSocial(person.social);
    return found.values;
  }

  /** What a thin file lacks: bit 0 active months, bit 1 credit or obligation. */
  static int missing(Person person, int asOf) {
    // Of a window of two years, so that a month is a bit.
    long months =
        monthsSeen(person.payments, asOf)
            | monthsSeen(person.consumption, asOf)
            | monthsSeen(person.obligations, asOf);
    int few = Long.bitCount(months) < ACTIVE_MONTHS_MIN ? 1 : 0;
    boolean without = person.payments.firstCredit == 0 && person.obligations.first == 0;
    return few | (without ? 2 : 0);
  }

  private static long monthsSeen(Person.Tiled section, int asOf) {
    long months = 0;
    for (int[] tile : section.tiles) {
      int age = asOf - tile[0];
      if (age < TWO_YEARS) {
        months |= 1L << age;
      }
    }
    return months;
  }

  private void add(double value) {
    values[place++] = value;
  }

  private static double share(int part, int whole) {
    return whole == 0 ? UNKNOWN : Math.min((double) part / whole, 1.0);
  }

  private void addCreditHistory(Person.Payments section) {
    int onTime = 0;
    int late = 0;
    int worst = 0;
    int charged = 0;
    int since = TWO_YEARS;
    for (int[] tile : section.tiles) {
      int age = asOf - tile[0];
      if (age >= TWO_YEARS) {
        continue;
      }
      onTime += tile[PaymentFold.ON_TIME];
      late += tile[PaymentFold.LATE];
      if (tile[PaymentFold.WORST] != 0) {
        since = Math.min(since, age);
      }
      if (age < YEAR) {
        worst = Math.max(worst, tile[PaymentFold.WORST]);
        charged += tile[PaymentFold.CHARGEBACKS];
      }
    }
    int first = section.firstCredit;
    add(share(onTime, onTime + late));
    add(first == 0 ? UNKNOWN : worst);
    add(since < TWO_YEARS ? since : UNKNOWN);
    add(utilisation(section.accounts));
    add(first == 0 ? UNKNOWN : Math.max(asOf - first, 0));
    add(section.newestS == 0 ? UNKNOWN : charged);
  }

  private double utilisation(Map<String, Account> accounts) {
    int used = 0;
    int count = 0;
    for (Account account : accounts.values()) {
      if (asOf - Months.ofSecond(account.second()) < TWO_YEARS) {
        used += account.permille();
        count++;
      }
    }
    return count == 0 ? UNKNOWN : (double) used / count / 1000;
  }

  private void addFulfilment(Person.Obligations section) {
    boolean known = section.newestS > 0;
    int fulfilled = 0;
    int late = 0;
    for (int[] tile : section.tiles) {
      if (asOf - tile[0] < TWO_YEARS) {
        fulfilled += tile[ObligationFold.FULFILLED];
        late += tile[ObligationFold.LATE];
      }
    }
    int breaches = 0;
    int since = FIVE_YEARS;
    for (int month : ObligationFold.standingBreaches(section.contracts)) {
      int age = asOf - month;
      if (age < FIVE_YEARS) {
        breaches++;
        since = Math.min(since, age);
      }
    }
    add(known ? fulfilled : UNKNOWN);
    add(known ? breaches : UNKNOWN);
    add(share(late, late + fulfilled));
    add(known ? ObligationFold.exposure(section.contracts) : UNKNOWN);
    add(breaches == 0 ? UNKNOWN : since);
  }

  private void addBehaviour(Person.Purchases section) {
    int purchases = 0;
    int essentials = 0;
    int returns = 0;
    int searches = 0;
    int categories = 0;
    int active = 0;
    for (int[] tile : section.tiles) {
      if (asOf - tile[0] >= YEAR) {
        continue;
      }
      active++;
      purchases += tile[ConsumptionFold.PURCHASES];
      essentials += tile[ConsumptionFold.ESSENTIALS];
      returns += tile[ConsumptionFold.RETURNS];
      searches += tile[ConsumptionFold.SEARCHES];
      categories |= tile[ConsumptionFold.CATEGORIES];
    }
    add(section.newestS == 0 ? UNKNOWN : active);
    add(regularity(section, purchases, active));
    add(share(essentials, purchases));
    add(share(returns, purchases));
    add(purchases == 0 ? UNKNOWN : Integer.bitCount(categories));
    add(purchases == 0 ? UNKNOWN : (double) searches / purchases);
  }

  /** 1 / (1 + coefficient of variation) over twelve months. */
  private double regularity(Person.Purchases section, int purchases, int active) {
    if (purchases == 0) {
      return UNKNOWN;
    }
    double mean = (double) purchases / YEAR;
    double squares = 0;
    for (int[] tile : section.tiles) {
      if (asOf - tile[0] < YEAR) {
        double apart = tile[ConsumptionFold.PURCHASES] - mean;
        squares += apart * apart;
      }
    }
    squares += (YEAR - active) * (mean * mean);
    return 1 / (1 + Math.sqrt(squares / YEAR) / mean);
  }

  private void addIdentity(Person.Identity section) {
    int verified = 0;
    for (Word word : section.attributes) {
      if (word != null && word.status() == AttributeStatus.VERIFIED.ordinal()) {
        verified++;
      }
    }
    add(verified);
    add(monthsSince(section, Attribute.ADDRESS));
    add(monthsSince(section, Attribute.PHONE));
    add(monthsSince(section, Attribute.EMPLOYMENT));
  }

  private double monthsSince(Person.Identity section, Attribute attribute) {
    Word word = section.attributes[attribute.ordinal()];
    return word == null || word.since() == 0 ? UNKNOWN : Math.max(asOf - word.since(), 0);
  }

  private void addSocial(Person.Social section) {
    int mutual = 0;
    int scored = 0;
    long sum = 0;
    for (Link link : section.links.values()) {
      if (link.isConfirmed() && link.active) {
        mutual++;
        if (link.base != Link.UNSCORED) {
          scored++;
          sum += link.base;
        }
      }
    }
    add(mutual);
    add(scored == 0 ? UNKNOWN : (double) sum / scored);
  }
}
