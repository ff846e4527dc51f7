package dev.nestwalk.bench.cost.sweep;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.nestwalk.bench.cost.Axis;
import dev.nestwalk.bench.cost.Cell;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/**
 * The cells of a sweep, in canonical order, each once.
 *
 * @param cells sorted
 */
public record SweepPlan(List<Cell> cells) {
  /** Cells of a sweep at most. */
  public static final int MOST_CELLS = 1_000_000;

  private static final int FORM = 1;
  private static final int WHOLE_MIX = 100;

  /** Sorts, and drops what stands twice. */
  public SweepPlan {
    cells = List.copyOf(new TreeSet<>(cells));
  }

  /**
   * The cross product.
   *
   * @param axes values of each axis that is not to have its default
   * @throws IllegalArgumentException in one line if a value is none, or there are too many cells
   */
  public static SweepPlan of(Cell standard, Map<Axis, List<String>> axes) {
    List<Cell> cells = List.of(standard);
    for (Map.Entry<Axis, List<String>> axis : new EnumMap<>(axes).entrySet()) {
      if ((long) cells.size() * axis.getValue().size() > MOST_CELLS) {
        throw new IllegalArgumentException(
            "more than %d cells: expected fewer values".formatted(MOST_CELLS));
      }
      List<Cell> more = new ArrayList<>(cells.size() * axis.getValue().size());
      for (Cell cell : cells) {
        for (String value : axis.getValue()) {
          more.add(cell.with(axis.getKey(), value));
        }
      }
      cells = more;
    }
    return new SweepPlan(cells);
  }

  /**
   * Values of a list on the command line. Between commas stands one value; parts of a mix of page
   * sizes, {@code 4k:80,2m:20}, are one until their percentages add up to 100.
   *
   * @throws IllegalArgumentException if a value is empty
   */
  public static List<String> values(Axis axis, String list) {
    boolean mixes = axis == Axis.PAGES1 || axis == Axis.PAGES2;
    List<String> values = new ArrayList<>();
    String open = "";
    int percent = 0;
    for (String part : list.split(",", -1)) {
      if (part.isBlank()) {
        throw new IllegalArgumentException(
            "%s: '%s': expected values between commas".formatted(axis.label(), list));
      }
      String value = part.strip();
      int share = mixes ? share(value) : -1;
      if (share < 0) {
        values.add(value);
        continue;
      }
      open = open.isEmpty() ? value : open + "+" + value;
      percent += share;
      if (percent >= WHOLE_MIX) {
        values.add(open);
        open = "";
        percent = 0;
      }
    }
    if (!open.isEmpty()) {
      values.add(open);
    }
    return values;
  }

  /** Percent that a mix, or part of one, adds up to; -1 for a size alone. */
  private static int share(String mix) {
    int sum = 0;
    for (String part : mix.split("\\+", -1)) {
      int colon = part.indexOf(':');
      if (colon < 0 || !part.substring(colon + 1).matches("\\d{1,3}")) {
        return -1;
      }
      sum += Integer.parseInt(part.substring(colon + 1));
    }
    return sum;
  }

  /** Cells of a shard: every {@code of}-th, so that each shard has its part of the dear ones. */
  public List<Cell> shard(int number, int of) {
    List<Cell> mine = new ArrayList<>();
    for (int i = number - 1; i < cells.size(); i += of) {
      mine.add(cells.get(i));
    }
    return mine;
  }

  /** SHA-256 of the cells, hexadecimal: equal plans have equal ones. */
  public String digest() {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      for (Cell cell : cells) {
        digest.update((cell.text() + "\n").getBytes(StandardCharsets.UTF_8));
      }
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }

  /** As JSON, which {@link CellStore} reads again. */
  String json() {
    JsonObject json = new JsonObject();
    json.addProperty("kind", "nestwalk-sweep");
    json.addProperty("form", FORM);
    json.addProperty("digest", digest());
    JsonArray list = new JsonArray();
    cells.forEach(cell -> list.add(cell.text()));
    json.add("cells", list);
    return new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().create().toJson(json) + "\n";
  }
}
