package dev.nestwalk.bench.cost.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nestwalk.bench.cost.CellResult;
import dev.nestwalk.bench.cost.report.RunDocument;
import java.io.File;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A job array of a real Slurm finds what a single run finds. */
class SlurmTest {
  private static final int TASKS = 16;
  private static final List<String> AXES =
      List.of(
          "--workload", "random:512k",
          "--requests", "150",
          "--format", "vtd,smmuv3",
          "--stages", "2,nested",
          "--iotlb", "0,16x4lru,64x8random",
          "--tenants", "1,3",
          "--pages", "4k:80,2m:20");

  @TempDir private Path folder = Path.of("");

  private static String run(String... words) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    int status = CostMain.run(new PrintWriter(out), new PrintWriter(err, true), words);
    assertEquals(0, status, out.toString() + err);
    return out.toString();
  }

  private static String run(List<String> words, String... more) {
    List<String> all = new ArrayList<>(words);
    all.addAll(AXES);
    all.addAll(List.of(more));
    return run(all.toArray(new String[0]));
  }

  /** What stands for {@code nestwalk}: this very JVM and class path. */
  private Path launcher() throws IOException {
    Path launcher = folder.resolve("nest walk");
    Files.writeString(
        launcher,
        """
        #!/bin/sh
        [ "$1" = cost ] || exit 2
        shift
        exec '%s' -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp '%s' %s "$@"
        """
            .formatted(
                Path.of(System.getProperty("java.home"), "bin", "java"),
                classPath(),
                CostMain.class.getName()));
    Files.setPosixFilePermissions(launcher, PosixFilePermissions.fromString("rwxr-xr-x"));
    return launcher;
  }

  /** Some launchers of tests have a loader of their own for what is tested. */
  private static String classPath() {
    if (!(CostMain.class.getClassLoader() instanceof URLClassLoader loader)) {
      return System.getProperty("java.class.path");
    }
    return Arrays.stream(loader.getURLs())
        .map(URL::getPath)
        .collect(Collectors.joining(File.pathSeparator));
  }

  @Test
  void theScriptIsAnArrayOfShards() throws IOException {
    Path script = folder.resolve("sweep.sh");
    String told =
        run(
            List.of("slurm"),
            "--tasks",
            "16",
            "--out",
            folder.resolve("it's here").toString(),
            "--script",
            script.toString(),
            "--sbatch=--time=1:00:00",
            "--launcher",
            "/opt/nest walk");
    assertTrue(told.contains("24 cells in 16 tasks"), told);
    List<String> lines = Files.readAllLines(script);
    assertEquals("#!/bin/sh", lines.get(0));
    assertTrue(lines.contains("#SBATCH --array=1-16"));
    assertTrue(lines.contains("#SBATCH --time=1:00:00"));
    String last = lines.get(lines.size() - 1);
    assertTrue(last.startsWith("exec '/opt/nest walk' cost sweep --pages 4k:80,2m:20 "), last);
    assertTrue(last.contains("'\\''s here' --shard \"$SLURM_ARRAY_TASK_ID/16\""), last);
  }

  @Test
  void sixteenTasksFindWhatASingleRunFinds() throws IOException, InterruptedException {
    Path files = Files.createDirectory(folder.resolve("slurm"));
    try (Slurm started = Slurm.start(files)) {
      assumeTrue(started != null, "no Slurm");
      Slurm slurm = Objects.requireNonNull(started);
      Path script = folder.resolve("sweep.sh");
      Path results = folder.resolve("results");
      run(
          List.of("slurm"),
          "--tasks",
          Integer.toString(TASKS),
          "--out",
          results.toString(),
          "--script",
          script.toString(),
          "--launcher",
          launcher().toString());
      slurm.run(script, results, 300);
      try (Stream<Path> shards = Files.list(results)) {
        Set<String> names =
            shards.map(file -> file.getFileName().toString()).collect(Collectors.toSet());
        for (int task = 1; task <= TASKS; task++) {
          assertTrue(names.contains("cells-%d-of-%d.jsonl".formatted(task, TASKS)), names + "");
          assertTrue(names.contains("task-%d.log".formatted(task)), names + "");
        }
      }
      Path merged = folder.resolve("merged.json");
      Path single = folder.resolve("single.json");
      run("merge", results.toString(), "--json", merged.toString());
      run(
          List.of("sweep"),
          "--out",
          folder.resolve("single").toString(),
          "--json",
          single.toString());
      RunDocument one = RunDocument.read(single);
      RunDocument all = RunDocument.read(merged);
      assertEquals(24, one.results().size());
      assertEquals(one.countedDigest(), all.countedDigest());
      for (int i = 0; i < one.results().size(); i++) {
        CellResult a = one.results().get(i);
        CellResult b = all.results().get(i);
        assertEquals(a.cell(), b.cell());
        assertEquals(a.counts(), b.counts());
      }
    }
  }
}
