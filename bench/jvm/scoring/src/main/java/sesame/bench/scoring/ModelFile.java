package sesame.bench.scoring;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.toml.TomlMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The model as the project's model file has it.
 *
 * <p>The probabilities of default are handed over beside it: the file has the scale they follow
 * from, but the exponential differs in its last bit from library to library.
 *
 * @param probabilities by score, from 0 on
 */
public record ModelFile(
    String name, int base, List<Characteristic> characteristics, double[] probabilities) {

  /** A characteristic; {@code points} of its attributes, then of an unknown value. */
  record Characteristic(
      String name,
      Factor factor,
      double[] edges,
      int[] points,
      int neutralPoints,
      String reason,
      String missingReason) {}

  /** Read a model file and the table of probabilities, a list in JSON. */
  public static ModelFile read(Path model, Path probabilities) throws IOException {
    JsonNode file = new TomlMapper().readTree(model.toFile());
    List<Characteristic> characteristics = new ArrayList<>();
    file.get("characteristics").forEach(each -> characteristics.add(characteristic(each)));
    return new ModelFile(
        file.get("id").textValue() + "@" + file.get("version").intValue(),
        file.get("base").intValue(),
        List.copyOf(characteristics),
        new ObjectMapper().readValue(probabilities.toFile(), double[].class));
  }

  private static Characteristic characteristic(JsonNode table) {
    JsonNode edges = table.get("edges");
    JsonNode points = table.get("points");
    double[] edge = new double[edges.size()];
    for (int at = 0; at < edge.length; at++) {
      edge[at] = edges.get(at).doubleValue();
    }
    int[] point = new int[points.size() + 1];
    for (int at = 0; at < points.size(); at++) {
      point[at] = points.get(at).intValue();
    }
    point[points.size()] = table.get("missing_points").intValue();
    return new Characteristic(
        table.get("name").textValue(),
        Factor.valueOf(table.get("factor").textValue()),
        edge,
        point,
        table.get("neutral_points").intValue(),
        table.get("reason").textValue(),
        table.get("missing_reason").textValue());
  }
}
