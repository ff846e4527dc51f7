package dev.nestwalk.bench;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import dev.nestwalk.fixtures.OneLine;
import dev.nestwalk.fixtures.OutputException;
import dev.nestwalk.fixtures.WholeFile;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Every metric with its target, where Java and the native baseline run in interleaved rounds. */
public final class Scoreboard {
  private static final int WARMUP_ROUNDS = 6;
  private static final int MATRIX_WARMUP_ROUNDS = 25;
  private static final int QUICK_ROUNDS = 9;
  private static final int FULL_ROUNDS = 41;

  private static final String CACHE_BYTES = "nestwalk.cache.bytes";

  private static final String HELP =
      """
      Usage: nestwalk bench scoreboard [--quick] [--matrix] [--only TEXT] [--json FILE]
      Times translation, walks, misses and invalidations in Java beside a native baseline in C.
        --quick      fewer rounds, under a minute
        --matrix     every format, stage, access and place of tables, walks and misses
        --json FILE  writes the figures to FILE too
        --only TEXT  only metrics whose name contains TEXT
        --help       this text
      Medians of interleaved rounds; ratio is the median of Java / baseline per round. "unsure": the
      middle half of the rounds spreads over more than 15 % of the median.
      """;

  /** Runs the scoreboard; exit status 0 for success, 2 for bad usage. */
  public static void main(String[] args) {
    System.exit(Bench.run(args));
  }

  static int run(String... args) {
    boolean quick = false;
    boolean matrix = false;
    @Nullable Path json = null;
    String only = "";
    int first = args.length > 0 && args[0].equals("scoreboard") ? 1 : 0;
    for (int i = first; i < args.length; i++) {
      switch (args[i]) {
        case "--quick" -> quick = true;
        case "--matrix" -> matrix = true;
        case "--json" -> {
          if (++i == args.length) {
            return usage("--json: expected a file name");
          }
          json = Path.of(args[i]);
          String reason = refusal(json);
          if (reason != null) {
            return usage("--json " + args[i] + ": " + reason);
          }
        }
        case "--only" -> {
          if (++i == args.length) {
            return usage("--only: expected a part of a metric's name");
          }
          only = args[i];
        }
        case "--help", "-h" -> {
          System.out.print(HELP);
          return 0;
        }
        default -> {
          return usage("unknown argument " + OneLine.shown(args[i]));
        }
      }
    }
    if (first == 0) {
      return usage("expected: scoreboard");
    }
    if (matrix && System.getProperty(CACHE_BYTES) == null) {
      // Room for the caches of all cells; caches that find none are a few ns slower.
      System.setProperty(CACHE_BYTES, Integer.toString(1 << 26));
    }
    List<Metric> metrics = measure(quick, matrix, only);
    if (metrics.isEmpty()) {
      return usage(
          "--only "
              + OneLine.shown(only)
              + ": expected a part of a metric's name; no metric has it");
    }
    print(metrics);
    if (matrix) {
      Cliffs.print(metrics);
    }
    if (json != null) {
      try {
        WholeFile.write(json, json(metrics, arguments(args)), List.of());
      } catch (OutputException e) {
        System.err.println("nestwalk: " + e.getMessage());
        return 2;
      }
    }
    return 0;
  }

  /** Why a file cannot be written, which is looked at before a run of minutes; null if it can. */
  private static @Nullable String refusal(Path json) {
    Path parent = json.toAbsolutePath().getParent();
    if (parent != null && !Files.isDirectory(parent)) {
      return "no such folder";
    }
    boolean writable = !Files.isDirectory(json) && (parent == null || Files.isWritable(parent));
    return writable ? null : "cannot be written, expected a file name";
  }

  private static int usage(String message) {
    System.err.println("nestwalk bench: " + message + " (nestwalk bench scoreboard --help)");
    return 2;
  }

  static List<Metric> measure(boolean quick, boolean matrix, String only) {
    Arena arena = Arena.ofAuto();
    NativeBaseline baseline = NativeBaseline.load();
    List<Metric> metrics =
        new ArrayList<>(
            matrix
                ? new Matrix(arena, baseline, only).all()
                : new Metrics(arena, baseline, only).all());
    int warmup = matrix ? MATRIX_WARMUP_ROUNDS : WARMUP_ROUNDS;
    int rounds = warmup + (quick ? QUICK_ROUNDS : FULL_ROUNDS);
    for (int round = 0; round < rounds; round++) {
      if (Boolean.getBoolean("nestwalk.progress")) {
        System.err.printf("\rround %d of %d ", round + 1, rounds);
      }
      for (Metric metric : metrics) {
        metric.round(round >= warmup);
      }
    }
    if (only.isEmpty() && !matrix) {
      metrics.addAll(Isolated.compare(metrics));
    }
    if (Boolean.getBoolean("nestwalk.progress")) {
      System.err.print("\r                    \r");
    }
    return metrics;
  }

  private static void print(List<Metric> metrics) {
    System.out.printf(
        "%-34s %9s %9s %6s %6s %5s %7s  %-28s %s%n",
        "metric", "java ns", "native ns", "ratio", "spread", "refs", "B/op", "target", "met");
    for (Metric metric : metrics) {
      System.out.printf(
          Locale.ROOT,
          "%-34s %9s %9s %6s %5.0f%% %5s %7s  %-28s %s%n",
          metric.name,
          number(metric.javaNanos()),
          number(metric.nativeNanos()),
          number(metric.ratio()),
          100 * metric.spread(),
          number(metric.references),
          number(metric.bytes()),
          metric.target,
          metric.verdict().words);
    }
  }

  private static String number(double value) {
    return Double.isNaN(value) ? "-" : String.format(Locale.ROOT, "%.2f", value);
  }

  private static String json(List<Metric> metrics, String commandLine) {
    JsonObject machine = Machine.here().json();
    machine.addProperty("command", commandLine);
    JsonArray list = new JsonArray();
    for (Metric metric : metrics) {
      JsonObject line = new JsonObject();
      line.addProperty("name", metric.name);
      put(line, "java_ns", metric.javaNanos());
      put(line, "native_ns", metric.nativeNanos());
      put(line, "ratio", metric.ratio());
      put(line, "spread", metric.spread());
      put(line, "native_spread", metric.nativeSpread());
      line.addProperty("rounds", metric.rounds());
      put(line, "refs", metric.references);
      put(line, "bytes_per_op", metric.bytes());
      line.addProperty("target", metric.target);
      line.addProperty("met", metric.verdict() == Metric.Verdict.MET);
      line.addProperty("verdict", metric.verdict().words);
      list.add(line);
    }
    JsonObject all = new JsonObject();
    all.add("machine", machine);
    all.add("metrics", list);
    return new GsonBuilder().serializeNulls().setPrettyPrinting().create().toJson(all) + "\n";
  }

  private static String arguments(String... args) {
    return "nestwalk bench " + String.join(" ", args);
  }

  private static void put(JsonObject line, String name, double value) {
    line.add(name, Double.isNaN(value) ? JsonNull.INSTANCE : new JsonPrimitive(value));
  }

  private Scoreboard() {}
}
