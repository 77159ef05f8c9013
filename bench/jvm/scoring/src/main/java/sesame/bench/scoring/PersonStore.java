package sesame.bench.scoring;

import java.util.List;

/** The people of one partition, in whatever store the stream processor has. */
public interface PersonStore {
  /** The person, null for nobody; changes to it count only once it is put back. */
  Person get(String user);

  void put(String user, Person person);

  void delete(String user);

  /** Whom to score again when time enters a month; nobody where the processor sees to it. */
  List<Member> everybody();

  /** A person of the store and their name. */
  record Member(String user, Person person) {}
}
