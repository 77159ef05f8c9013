package sesame.bench.scoring;

import sesame.bench.scoring.Event.AttributeStatus;
import sesame.bench.scoring.Event.Profile;
import sesame.bench.scoring.Person.Word;

/** Identity, one attribute at a time. */
final class ProfileFold {
  private ProfileFold() {}

  /** Fold what happened to an attribute of somebody who shares identity; whether it counted. */
  static boolean fold(Person.Identity section, Profile event, long kafkaMs, Policy policy) {
    if (!Admission.isTimely(section.newestS, event, kafkaMs, policy, 0)) {
      return false;
    }
    long atMs = event.occurredAtMs();
    section.newestS = Math.max(section.newestS, Admission.seconds(atMs));
    int since = Math.max(1, Months.ofMs(event.sinceMs() == null ? atMs : event.sinceMs()));
    if (event.status() == AttributeStatus.REMOVED) {
      since = 0;
    }
    Word word = new Word(atMs, event.status().ordinal(), since);
    int place = event.attribute().ordinal();
    if (section.attributes[place] == null || isNewer(word, section.attributes[place])) {
      section.attributes[place] = word;
    }
    return true;
  }

  private static boolean isNewer(Word word, Word known) {
    if (word.atMs() != known.atMs()) {
      return word.atMs() > known.atMs();
    }
    return word.status() != known.status()
        ? word.status() > known.status()
        : word.since() > known.since();
  }
}
