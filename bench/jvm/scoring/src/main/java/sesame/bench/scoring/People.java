package sesame.bench.scoring;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import sesame.bench.scoring.Event.Consent;
import sesame.bench.scoring.Event.Consumption;
import sesame.bench.scoring.Event.Obligation;
import sesame.bench.scoring.Event.Payment;
import sesame.bench.scoring.Event.PeerSignal;
import sesame.bench.scoring.Event.Profile;
import sesame.bench.scoring.Event.Relationship;

/**
 * Events in, scores and peer signals out: what a processor does with one event of a partition.
 *
 * <p>The partition has a watermark, and everybody of it is scored again when that enters a month,
 * as scores fade with time. Not safe to share between threads.
 */
public final class People {
  private static final int BASE_STEP = 10;
  private static final int THIN = 1;
  private static final int SCORED = 2;

  private final PersonStore store;
  private final Card card;
  private final Policy policy;
  private final Writer writer;
  private final Outlet outlet;
  private long watermarkMs;

  /** Keep people in {@code store}, and tell {@code outlet} in the words of {@code writer}. */
  public People(PersonStore store, Card card, Policy policy, Writer writer, Outlet outlet) {
    this.store = store;
    this.card = card;
    this.policy = policy;
    this.writer = writer;
    this.outlet = outlet;
  }

  /** Fold one event and score whom it changes. */
  public void apply(Event event, long kafkaMs) {
    List<Said> said = new ArrayList<>(0);
    String user = event.userId();
    if (event instanceof Consent consent) {
      applyConsent(consent, kafkaMs, said);
      return;
    }
    Person person = store.get(user);
    if (person == null || !fold(person, event, kafkaMs, said)) {
      return;
    }
    boolean entered = event.isData() && advance(event.occurredAtMs());
    score(user, person, said);
    if (entered) {
      for (PersonStore.Member other : store.everybody()) {
        if (!other.user().equals(user)) {
          score(other.user(), other.person(), new ArrayList<>(0));
        }
      }
    }
  }

  /** Take a watermark that the stream processor keeps; it never goes back. */
  public void follow(long newWatermarkMs) {
    watermarkMs = Math.max(watermarkMs, newWatermarkMs);
  }

  /** Score somebody again because time went on; whether there is such a person. */
  public boolean rescore(String user) {
    Person person = store.get(user);
    if (person == null) {
      return false;
    }
    score(user, person, new ArrayList<>(0));
    return true;
  }

  /** When the month after the watermark's begins. */
  public long nextMonthMs() {
    return Months.startMs(Months.ofMs(watermarkMs) + 1);
  }

  private void applyConsent(Consent consent, long kafkaMs, List<Said> said) {
    if (Admission.isFuture(consent, kafkaMs, policy)) {
      return;
    }
    String user = consent.userId();
    Person before = store.get(user);
    Person person = ConsentFold.fold(before, consent, said);
    if (person != null) {
      score(user, person, said);
    } else if (before != null) {
      store.delete(user);
      outlet.score(user, null);
      tell(user, said, 0);
    }
  }

  private boolean fold(Person person, Event event, long kafkaMs, List<Said> said) {
    if (event instanceof Payment payment) {
      return covers(person, Factor.CREDIT_HISTORY)
          && PaymentFold.fold(person.payments, payment, kafkaMs, policy);
    }
    if (event instanceof Consumption consumption) {
      return covers(person, Factor.BEHAVIOUR)
          && ConsumptionFold.fold(person.consumption, consumption, kafkaMs, policy);
    }
    if (event instanceof Obligation obligation) {
      return covers(person, Factor.FULFILMENT)
          && ObligationFold.fold(person.obligations, obligation, kafkaMs, policy);
    }
    if (event instanceof Profile profile) {
      return covers(person, Factor.IDENTITY)
          && ProfileFold.fold(person.identity, profile, kafkaMs, policy);
    }
    if (!covers(person, Factor.SOCIAL)) {
      return false;
    }
    if (event instanceof Relationship relationship) {
      return LinkFold.fold(person.social, relationship, kafkaMs, policy, said);
    }
    LinkFold.fold(person.social, (PeerSignal) event, said);
    return true;
  }

  private static boolean covers(Person person, Factor factor) {
    return person.covers(factor.ordinal() + 1);
  }

  /** Move the watermark; whether it entered a month. */
  private boolean advance(long atMs) {
    long beforeMs = watermarkMs;
    watermarkMs = Math.max(beforeMs, atMs);
    return Months.ofMs(watermarkMs) > Months.ofMs(beforeMs);
  }

  /** Score a person, put them back into the store, and tell what changed. */
  private void score(String user, Person person, List<Said> said) {
    if ((person.mask & 1 << Person.SCORING) != 0) {
      long newestS = person.newestS();
      int asOf = Math.max(Months.ofSecond(newestS), Months.ofMs(watermarkMs));
      Score score = card.score(person, asOf);
      if (movesBase(person, score) && (person.mask & 1 << Person.SOCIAL) != 0) {
        LinkFold.confirmedPeers(person.social)
            .forEach(other -> said.add(Said.active(other, true)));
      }
      if (isNews(person, score)) {
        long asOfMs = Math.max(newestS * 1000, watermarkMs);
        long sequence = person.published.sequence;
        outlet.score(user, writer.score(user, score, person.mask, asOfMs, sequence));
      }
    }
    store.put(user, person);
    tell(user, said, person.published.signalled * BASE_STEP);
  }

  private void tell(String user, List<Said> said, int baseScore) {
    for (Said one : said) {
      outlet.signal(one.receiver(), writer.signal(user, one, baseScore, watermarkMs));
    }
  }

  /** Whether peers are to hear of another base score; marks it as told. */
  private static boolean movesBase(Person person, Score score) {
    int tens = score.baseScore() / BASE_STEP;
    boolean moved = tens != person.published.signalled;
    person.published.signalled = tens;
    return moved;
  }

  /** Whether a score differs from what was published last; marks it as published. */
  private static boolean isNews(Person person, Score score) {
    Person.Published published = person.published;
    int status = score.isScored() ? SCORED : THIN;
    int[] explanation = score.explanation();
    if (published.status == status
        && published.score == score.score()
        && published.mask == person.mask
        && Arrays.equals(published.explanation, explanation)) {
      return false;
    }
    published.status = status;
    published.score = score.score();
    published.mask = person.mask;
    published.explanation = explanation;
    published.sequence++;
    return true;
  }
}
