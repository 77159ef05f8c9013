package sesame.bench.scoring;

import java.util.Map;
import sesame.bench.scoring.Event.Payment;
import sesame.bench.scoring.Person.Account;

/** Credit history, one payment at a time. */
final class PaymentFold {
  static final int ON_TIME = 1;
  static final int LATE = 2;
  static final int WORST = 3;
  static final int CHARGEBACKS = 4;
  static final int WIDTH = 5;

  private static final int ACCOUNTS_MAX = 2;
  private static final long DAY_MS = 86_400_000;
  private static final long BALANCE_MAX = 9_000_000_000_000_000L;
  private static final long USED_MAX = 2000;

  private PaymentFold() {}

  /** Fold a payment of somebody who shares credit history; whether it counted. */
  static boolean fold(Person.Payments section, Payment event, long kafkaMs, Policy policy) {
    int reach = Admission.MONTHS_CREDIT;
    if (!Admission.admit(
        section, event, event.idHash(), kafkaMs, policy, reach, Admission.RECENT_IDS)) {
      return false;
    }
    int month = Months.ofMs(event.occurredAtMs());
    if (isCredit(event)) {
      section.firstCredit = Math.min(section.firstCredit == 0 ? month : section.firstCredit, month);
    }
    int[] tile = Admission.tileOf(section, month, WIDTH, reach);
    if (tile != null) {
      mark(tile, event);
    }
    if (event.accountId() != null && !event.accountId().isEmpty()) {
      seeAccount(section.accounts, event);
    }
    return true;
  }

  private static boolean isCredit(Payment event) {
    return switch (event.kind()) {
      case BILL, REPAYMENT, CREDIT_DRAWDOWN, DELINQUENCY -> true;
      default -> false;
    };
  }

  private static void mark(int[] tile, Payment event) {
    switch (event.kind()) {
      case CHARGEBACK -> Admission.count(tile, CHARGEBACKS);
      case DELINQUENCY -> tile[WORST] = Math.max(tile[WORST], bucket(event));
      case BILL, REPAYMENT -> {
        if (event.dueAtMs() == null) {
          return;
        }
        if (event.occurredAtMs() <= event.dueAtMs()) {
          Admission.count(tile, ON_TIME);
        } else {
          Admission.count(tile, LATE);
          tile[WORST] = Math.max(tile[WORST], bucket(event));
        }
      }
      default -> { }
    }
  }

  /** 1 up to 29 days past due, 2 30-59, 3 60-89, 4 90 and more. */
  private static int bucket(Payment event) {
    Long due = event.dueAtMs();
    long days = due == null ? 0 : Math.floorDiv(event.occurredAtMs() - due, DAY_MS);
    return (int) Math.min(Math.max(days, 0) / 30, 3) + 1;
  }

  private static void seeAccount(Map<String, Account> accounts, Payment event) {
    if (event.balanceMinor() == null || event.limitMinor() == null || event.limitMinor() <= 0) {
      return;
    }
    long owed = Math.min(Math.max(event.balanceMinor(), 0), BALANCE_MAX);
    long limit = Math.min(event.limitMinor(), BALANCE_MAX);
    int permille = (int) Math.min(owed * 1000 / limit, USED_MAX);
    Account seen = new Account(Admission.seconds(event.occurredAtMs()), permille);
    accounts.merge(event.accountId(), seen, PaymentFold::newer);
    if (accounts.size() > ACCOUNTS_MAX) {
      accounts.remove(oldest(accounts));
    }
  }

  private static Account newer(Account known, Account seen) {
    boolean later =
        seen.second() > known.second()
            || seen.second() == known.second() && seen.permille() > known.permille();
    return later ? seen : known;
  }

  private static String oldest(Map<String, Account> accounts) {
    String oldest = null;
    long second = 0;
    for (Map.Entry<String, Account> each : accounts.entrySet()) {
      long at = each.getValue().second();
      if (oldest == null
          || at < second
          || at == second && each.getKey().compareTo(oldest) < 0) {
        oldest = each.getKey();
        second = at;
      }
    }
    return oldest;
  }
}
