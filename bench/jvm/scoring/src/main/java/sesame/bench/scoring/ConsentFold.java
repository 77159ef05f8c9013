package sesame.bench.scoring;

import java.util.List;
import sesame.bench.scoring.Event.Consent;

/** Consents, one at a time: per scope the newest decides, a withdrawal winning ties. */
final class ConsentFold {
  private static final int PARTNER = 6;

  private ConsentFold() {}

  /** The person after a consent, null for nobody; adds what peers are to be told. */
  static Person fold(Person person, Consent event, List<Said> said) {
    if (event.scope() == PARTNER) {
      return person;
    }
    long atMs = Math.max(event.occurredAtMs(), 1);
    return event.grant()
        ? grant(person, event.scope(), atMs)
        : withdraw(person, event.scope(), atMs, said);
  }

  private static Person grant(Person person, int scope, long atMs) {
    Person known = person == null ? new Person() : person;
    if (atMs > known.decidedMs[scope]) {
      known.decidedMs[scope] = atMs;
      known.mask |= 1 << scope;
    }
    return known;
  }

  private static Person withdraw(Person person, int scope, long atMs, List<Said> said) {
    if (person == null || atMs < person.decidedMs[scope]) {
      return person;
    }
    person.decidedMs[scope] = atMs;
    if (scope == Person.SCORING) {
      person.social.links.keySet().forEach(other -> said.add(Said.erased(other)));
      return null;
    }
    if ((person.mask >> scope & 1) == 1) {
      if (scope == Person.SOCIAL) {
        LinkFold.confirmedPeers(person.social)
            .forEach(other -> said.add(Said.active(other, false)));
      }
      person.mask &= ~(1 << scope);
      person.forget(scope);
    }
    return person;
  }
}
