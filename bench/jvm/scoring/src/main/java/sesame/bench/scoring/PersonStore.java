package sesame.bench.scoring;

import java.util.List;

/** The people of one partition, in whatever store the stream processor has. */
public interface PersonStore {
  /** The person, null for nobody; changes to it count only once it is put back. */
  Person get(String user);

  void put(String user, Person person);

  void delete(String user);

  /** Everybody's ids, as of now. */
  List<String> users();
}
