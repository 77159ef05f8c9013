package sesame.bench.scoring;

/**
 * An input record. Times in milliseconds; {@code idHash} is the hash that repeats are told by;
 * a boxed or text field is null where the record has none.
 */
public sealed interface Event {
  String userId();

  long occurredAtMs();

  /** Whether it counts as an event of the workload: consents and signals do not. */
  default boolean isData() {
    return true;
  }

  /** A consent; {@code scope} by its place in the mask, 6 for a partner's. */
  record Consent(String userId, long occurredAtMs, boolean grant, int scope) implements Event {
    @Override
    public boolean isData() {
      return false;
    }
  }

  enum PaymentKind {
    PURCHASE,
    TRANSFER,
    BILL,
    REPAYMENT,
    CREDIT_DRAWDOWN,
    REFUND,
    CHARGEBACK,
    DELINQUENCY
  }

  record Payment(
      String userId,
      long occurredAtMs,
      long idHash,
      PaymentKind kind,
      Long dueAtMs,
      String accountId,
      Long balanceMinor,
      Long limitMinor)
      implements Event {}

  enum ConsumptionKind {
    PURCHASE,
    RETURN,
    SEARCH,
    VIEW
  }

  enum Category {
    ESSENTIALS,
    HOME,
    HEALTH,
    EDUCATION,
    TRAVEL,
    LEISURE,
    LUXURY,
    GAMING,
    FINANCE,
    OTHER
  }

  record Consumption(
      String userId, long occurredAtMs, long idHash, ConsumptionKind kind, Category category)
      implements Event {}

  enum ObligationStatus {
    OPENED,
    FULFILLED,
    LATE,
    BREACHED,
    DISPUTED,
    DISPUTE_UPHELD,
    DISPUTE_REJECTED
  }

  /** A contract's step; {@code contract} is the partner's id, a slash and the contract's. */
  record Obligation(
      String userId,
      long occurredAtMs,
      long idHash,
      String contract,
      ObligationStatus status,
      Long amountMinor)
      implements Event {}

  enum Attribute {
    IDENTITY,
    ADDRESS,
    PHONE,
    EMAIL,
    EDUCATION,
    EMPLOYMENT
  }

  enum AttributeStatus {
    VERIFIED,
    CHANGED,
    REMOVED
  }

  record Profile(
      String userId, long occurredAtMs, Attribute attribute, AttributeStatus status, Long sinceMs)
      implements Event {}

  record Relationship(String userId, long occurredAtMs, String otherUserId, boolean confirm)
      implements Event {}

  /** What a linked person's side reports; {@code baseScore} null while unscored. */
  record PeerSignal(
      String userId,
      long occurredAtMs,
      String otherUserId,
      boolean active,
      Integer baseScore,
      boolean wantsReply,
      boolean erased)
      implements Event {
    @Override
    public boolean isData() {
      return false;
    }
  }
}
