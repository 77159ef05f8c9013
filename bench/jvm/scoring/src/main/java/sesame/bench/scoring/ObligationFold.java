package sesame.bench.scoring;

import java.util.Arrays;
import java.util.Map;
import sesame.bench.scoring.Event.Obligation;
import sesame.bench.scoring.Event.ObligationStatus;
import sesame.bench.scoring.Person.Contract;

/** Fulfilment, one step of a contract at a time. */
final class ObligationFold {
  static final int FULFILLED = 1;
  static final int LATE = 2;
  static final int WIDTH = 3;

  private static final int CONTRACTS_MAX = 32;
  private static final int BREACHES_MAX = 4;
  private static final long AMOUNT_MAX = 0xFFFF_FFFFL;

  private ObligationFold() {}

  /** Fold a contract's step of somebody who shares fulfilment; whether it counted. */
  static boolean fold(Person.Obligations section, Obligation event, long kafkaMs, Policy policy) {
    int reach = Admission.MONTHS_CREDIT;
    int ids = Admission.RECENT_OBLIGATION_IDS;
    if (!Admission.admit(section, event, event.idHash(), kafkaMs, policy, reach, ids)) {
      return false;
    }
    int month = Months.ofMs(event.occurredAtMs());
    section.first = Math.min(section.first == 0 ? month : section.first, month);
    int[] tile = Admission.tileOf(section, month, WIDTH, reach);
    ObligationStatus status = event.status();
    if (tile != null && status == ObligationStatus.FULFILLED) {
      Admission.count(tile, FULFILLED);
    } else if (tile != null && status == ObligationStatus.LATE) {
      Admission.count(tile, LATE);
    }
    if (status != ObligationStatus.LATE) {
      step(section.contracts, event);
    }
    return true;
  }

  /** The sum of the amounts of contracts that are open, up to 32 bits. */
  static long exposure(Map<String, Contract> contracts) {
    long sum = 0;
    for (Contract contract : contracts.values()) {
      sum += isOpen(contract) ? contract.amount : 0;
    }
    return Math.min(sum, AMOUNT_MAX);
  }

  /** Months of undisputed breaches, the newest few, oldest first. */
  static int[] standingBreaches(Map<String, Contract> contracts) {
    int[] months =
        contracts.values().stream()
            .filter(each -> each.breachedS != 0 && !isContested(each))
            .mapToInt(each -> Months.ofSecond(each.breachedS))
            .sorted()
            .toArray();
    return Arrays.copyOfRange(months, Math.max(months.length - BREACHES_MAX, 0), months.length);
  }

  private static void step(Map<String, Contract> contracts, Obligation event) {
    Contract contract = contracts.computeIfAbsent(event.contract(), key -> new Contract());
    long atMs = event.occurredAtMs();
    long second = Admission.seconds(atMs);
    switch (event.status()) {
      case OPENED -> open(contract, second, event.amountMinor());
      case FULFILLED -> contract.fulfilledS = Math.max(contract.fulfilledS, second);
      case BREACHED -> contract.breachedS = Math.max(contract.breachedS, second);
      default -> dispute(contract, atMs, event.status().ordinal());
    }
    if (contract.openedS != 0 && contract.fulfilledS != 0) {
      contract.openedS = contract.amount = contract.fulfilledS = 0;
    }
    if (isBlank(contract)) {
      contracts.remove(event.contract());
    }
    if (contracts.size() > CONTRACTS_MAX) {
      contracts.remove(leastWorth(contracts));
    }
  }

  private static void open(Contract contract, long second, Long amountMinor) {
    long given = amountMinor == null ? 0 : amountMinor;
    long amount = Math.min(Math.max(given, 0), AMOUNT_MAX);
    if (second > contract.openedS || second == contract.openedS && amount > contract.amount) {
      contract.openedS = second;
      contract.amount = amount;
    }
  }

  private static void dispute(Contract contract, long atMs, int status) {
    if (atMs > contract.disputedMs || atMs == contract.disputedMs && status > contract.dispute) {
      contract.disputedMs = atMs;
      contract.dispute = status;
    }
  }

  private static boolean isOpen(Contract contract) {
    return contract.openedS > 0 && contract.breachedS == 0 && contract.fulfilledS == 0;
  }

  private static boolean isContested(Contract contract) {
    return contract.dispute == ObligationStatus.DISPUTED.ordinal()
        || contract.dispute == ObligationStatus.DISPUTE_UPHELD.ordinal();
  }

  private static boolean isBlank(Contract contract) {
    return (contract.openedS
            | contract.amount
            | contract.fulfilledS
            | contract.breachedS
            | contract.disputedMs
            | contract.dispute)
        == 0;
  }

  /** Kept longest is what is open or breached, then the newest. */
  private static String leastWorth(Map<String, Contract> contracts) {
    String least = null;
    for (String key : contracts.keySet()) {
      if (least == null || isWorthLess(key, contracts.get(key), least, contracts.get(least))) {
        least = key;
      }
    }
    return least;
  }

  private static boolean isWorthLess(String key, Contract one, String other, Contract two) {
    boolean keptOne = isOpen(one) || one.breachedS > 0;
    boolean keptTwo = isOpen(two) || two.breachedS > 0;
    if (keptOne != keptTwo) {
      return keptTwo;
    }
    long newestOne = newestS(one);
    long newestTwo = newestS(two);
    return newestOne != newestTwo ? newestOne < newestTwo : key.compareTo(other) < 0;
  }

  private static long newestS(Contract contract) {
    long stepS = Math.max(contract.openedS, Math.max(contract.fulfilledS, contract.breachedS));
    return Math.max(stepS, contract.disputedMs / 1000);
  }
}
