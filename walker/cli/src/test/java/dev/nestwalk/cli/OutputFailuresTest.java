package dev.nestwalk.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nestwalk.fixtures.Scenarios;
import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/**
 * Output that cannot be written is an error of one line with status 2, and what was there before is
 * there still. In processes of their own: standard output is part of it.
 */
class OutputFailuresTest {
  private static final Path FULL = Path.of("/dev/full");

  @TempDir Path folder;

  private record Result(int status, String err) {}

  /** An image that a command may be told to overwrite. */
  @BeforeEach
  void copyImage() throws IOException {
    for (String end : new String[] {".elf.gz", ".json", ".csv"}) {
      Files.copy(
          Path.of(Scenarios.fixtures().resolve("teaching/vtd-nested") + end),
          folder.resolve("v" + end));
    }
    Files.writeString(folder.resolve("file"), "kept\n");
    Files.createSymbolicLink(folder.resolve("link"), folder.resolve("v.elf.gz"));
    Files.createLink(folder.resolve("hard"), folder.resolve("v.json"));
  }

  /** Where the classes of the command and of its libraries lie, however the test is started. */
  private static String classPath() {
    return Stream.of(
            Main.class,
            CommandLine.class,
            com.google.gson.JsonObject.class,
            Scenarios.class,
            dev.nestwalk.teach.Image.class,
            dev.nestwalk.Iommu.class,
            dev.nestwalk.device.Port.class,
            dev.nestwalk.live.LiveFormat.class,
            io.airlift.compress.v3.Decompressor.class,
            org.agrona.collections.Long2ObjectHashMap.class)
        .map(
            type ->
                Path.of(URI.create(type.getProtectionDomain().getCodeSource().getLocation() + "")))
        .map(Path::toString)
        .collect(Collectors.joining(File.pathSeparator));
  }

  private ProcessBuilder command(String line) {
    List<String> words = new ArrayList<>();
    words.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    words.addAll(List.of("-XX:TieredStopAtLevel=1", "-cp", classPath(), Main.class.getName()));
    String image = folder.resolve("v").toString();
    for (String word : line.split(" ", -1)) {
      words.add(
          word.equals("I")
              ? image
              : word.startsWith("B/")
                  ? folder + word.substring(1)
                  : word.startsWith("F/") ? Scenarios.fixtures() + word.substring(1) : word);
    }
    return new ProcessBuilder(words).redirectError(folder.resolveSibling("err").toFile());
  }

  private Result end(Process process) throws Exception {
    assertTrue(process.waitFor(60, TimeUnit.SECONDS), "the command hangs");
    return new Result(process.exitValue(), Files.readString(folder.resolveSibling("err")));
  }

  private Map<String, String> contents() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      Map<String, String> contents = new TreeMap<>();
      for (Path file : files.toList()) {
        byte[] bytes = Files.readAllBytes(file);
        contents.put(
            String.valueOf(file.getFileName()),
            bytes.length + " " + java.util.Arrays.hashCode(bytes) + Files.isSymbolicLink(file));
      }
      return contents;
    }
  }

  private static void assertRefused(Result result, String part) {
    assertEquals(2, result.status(), result.err());
    assertEquals(1, result.err().lines().count(), result.err());
    assertTrue(result.err().contains(part), result.err());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "translate I --source 0x10 --iova 0x40001008",
        "check I --walker uncached",
        "inspect I",
        "explain I --source 0x10 --iova 0x40001008",
        "decode F/samples/fault-lines.tsv",
        "regions compare",
        "fields",
        "completion bash",
        "help translate",
        "--version",
      })
  void standardOutputOnAFullDisk(String line) throws Exception {
    assumeTrue(Files.exists(FULL), "a system without /dev/full");
    Result result = end(command(line).redirectOutput(FULL.toFile()).start());
    assertRefused(result, "standard output: cannot be written (disk full or closed)");
  }

  @Test
  void pipeThatNobodyReadsAnyMoreEndsTheCommandWithoutAWord() throws Exception {
    Process process = command("exercises --count 200").start();
    process.getInputStream().close();
    assertEquals(new Result(2, ""), end(process));
  }

  @ParameterizedTest
  @CsvSource({
    "/dev/full, cannot be written: no space left",
    "B/missing/page.html, cannot be written: no such file or folder",
    "B/file/page.html, cannot be written: not a directory",
    "B, is a folder",
    "/proc/page.html, cannot be written",
    "B/v.json, is an input",
    "B/v.elf.gz, is an input",
    "B/v.csv, is an input",
    "B/link, is an input",
    "B/hard, is an input",
  })
  void fileThatCannotBeWritten(String out, String part) throws Exception {
    assumeTrue(!out.startsWith("/") || Files.exists(FULL), "a system without /dev/full");
    Map<String, String> before = contents();
    String target = out.equals("B") ? folder.toString() : out;
    String line = "explain I --source 0x10 --iova 0x40001008 --format html --out " + target;
    assertRefused(end(command(line).start()), part);
    assertEquals(before, contents(), "what was there is there still, and nothing beside it");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "fields ste --out /dev/full",
        "exercises --out /dev/full",
        "exercises --out B/sheet.md --solutions /dev/full",
      })
  void otherCommandsThatWriteFiles(String line) throws Exception {
    assumeTrue(Files.exists(FULL), "a system without /dev/full");
    Map<String, String> before = contents();
    assertRefused(end(command(line).start()), "/dev/full: cannot be written: no space left");
    assertEquals(before, contents());
  }

  @Test
  void sheetAndSolutionsInOneFile() throws Exception {
    Files.createSymbolicLink(folder.resolve("same"), folder.resolve("file"));
    String line = "exercises --out B/file --solutions B/same";
    assertRefused(end(command(line).start()), "another file");
  }
}
