package sesame.bench.scoring;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import sesame.bench.scoring.Event.PeerSignal;
import sesame.bench.scoring.Event.Relationship;
import sesame.bench.scoring.Person.Link;

/** Social: a person's links, one word or signal at a time. */
final class LinkFold {
  private static final int LINKS_MAX = 64;

  private LinkFold() {}

  /** Fold a person's own word on a link; whether it counted, and what the peer is told. */
  static boolean fold(
      Person.Social section, Relationship event, long kafkaMs, Policy policy, List<Said> said) {
    if (!Admission.isTimely(section.newestS, event, kafkaMs, policy, 0)) {
      return false;
    }
    long atMs = event.occurredAtMs();
    section.newestS = Math.max(section.newestS, Admission.seconds(atMs));
    String other = event.otherUserId();
    if (!other.equals(event.userId())) {
      Link link = section.links.computeIfAbsent(other, key -> new Link());
      boolean was = link.isConfirmed();
      int word = event.confirm() ? Link.CONFIRMED : Link.REMOVED;
      if (atMs > link.saidMs || atMs == link.saidMs && word > link.said) {
        link.saidMs = atMs;
        link.said = word;
      }
      boolean now = link.isConfirmed();
      if (now != was) {
        said.add(new Said(other, now, now, false));
      }
    }
    forgetRemovals(section.links, section.newestS - policy.latenessS());
    bound(section.links, said);
    return true;
  }

  /** Fold what a peer's side reports. */
  static void fold(Person.Social section, PeerSignal event, List<Said> said) {
    Map<String, Link> links = section.links;
    String other = event.otherUserId();
    if (event.erased()) {
      Link gone = links.remove(other);
      if (gone != null && gone.isConfirmed()) {
        said.add(Said.active(other, false));
      }
      return;
    }
    Link link = links.computeIfAbsent(other, key -> new Link());
    link.active = event.active();
    link.base =
        event.baseScore() == null || !event.active() ? Link.UNSCORED : event.baseScore();
    if (event.wantsReply() && link.isConfirmed()) {
      said.add(Said.active(other, true));
    }
    if (link.said == Link.SILENT && !link.active) {
      links.remove(other);
    }
    bound(links, said);
  }

  /** To whom the own side is confirmed. */
  static List<String> confirmedPeers(Person.Social section) {
    List<String> peers = new ArrayList<>();
    section.links.forEach(
        (other, link) -> {
          if (link.isConfirmed()) {
            peers.add(other);
          }
        });
    return peers;
  }

  private static void forgetRemovals(Map<String, Link> links, long beforeS) {
    Iterator<Link> each = links.values().iterator();
    while (each.hasNext()) {
      Link link = each.next();
      if (link.said == Link.REMOVED && link.saidMs / 1000 < beforeS) {
        link.saidMs = 0;
        link.said = Link.SILENT;
        if (!link.active) {
          each.remove();
        }
      }
    }
  }

  /** Over the most that are kept, drop removals, then what only the peer said, then the oldest. */
  private static void bound(Map<String, Link> links, List<Said> said) {
    while (links.size() > LINKS_MAX) {
      String least = null;
      for (String key : links.keySet()) {
        if (least == null || isBelow(key, links.get(key), least, links.get(least))) {
          least = key;
        }
      }
      if (links.remove(least).isConfirmed()) {
        said.add(Said.active(least, false));
      }
    }
  }

  private static boolean isBelow(String key, Link one, String other, Link two) {
    int keptOne = rank(one);
    int keptTwo = rank(two);
    if (keptOne != keptTwo) {
      return keptOne < keptTwo;
    }
    return one.saidMs != two.saidMs ? one.saidMs < two.saidMs : key.compareTo(other) < 0;
  }

  private static int rank(Link link) {
    if (link.isConfirmed()) {
      return 2;
    }
    return link.active ? 1 : 0;
  }
}
