package sesame.bench.scoring;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.toml.TomlMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.apache.avro.Schema;

/** The project's committed schemas under their committed ids. */
public final class FileRegistry {
  private final Map<Integer, Schema> byId = new HashMap<>();
  private final Map<String, Integer> newest = new HashMap<>();

  /** Read a folder of schemas and its list of ids. */
  public static FileRegistry read(Path folder) throws IOException {
    FileRegistry registry = new FileRegistry();
    Map<String, Integer> versions = new HashMap<>();
    for (JsonNode each : new TomlMapper().readTree(folder.resolve("ids.toml").toFile())
        .get("schema")) {
      int id = each.get("id").intValue();
      int version = each.get("version").intValue();
      String record = each.get("record").textValue();
      Path file = folder.resolve(record + ".v" + version + ".avsc");
      registry.byId.put(id, new Schema.Parser().parse(file.toFile()));
      if (version > versions.getOrDefault(record, 0)) {
        versions.put(record, version);
        registry.newest.put(record, id);
      }
    }
    return registry;
  }

  Schema schema(int id) {
    Schema schema = byId.get(id);
    if (schema == null) {
      throw new IllegalArgumentException("no schema has id " + id);
    }
    return schema;
  }

  /** The id of a record's newest version. */
  int idOf(String record) {
    return newest.get(record);
  }
}
