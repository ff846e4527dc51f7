package dev.nestwalk.teach;

import dev.nestwalk.fixtures.Scenario;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Which files belong together: a dump, compressed or not, and the registers beside it. */
final class DumpNames {
  private static final List<String> DUMPS =
      List.of(".elf", ".lime", ".kdump", ".vmcore", ".core", ".dump");
  private static final List<String> COMPRESSIONS = List.of("", ".gz", ".zst");

  /**
   * The dump that is meant: the file itself; or, for a stem or the file with its registers, the one
   * dump with that stem. {@code NAME.elf} and {@code NAME.elf.gz} come first, as they do for
   * scenarios.
   *
   * @return {@code given} if it is a dump or there is none
   * @throws InputException if several dumps have the stem
   */
  static Path dumpOf(Path given) {
    Path stem = Scenario.stem(given);
    String file = String.valueOf(given.getFileName());
    boolean names = stem.equals(given) ? Files.exists(given) : !file.matches(".*\\.(json|csv)");
    if (names || Files.exists(beside(stem, ".elf")) || Files.exists(beside(stem, ".elf.gz"))) {
      return given;
    }
    List<Path> found =
        names().map(name -> beside(stem, name)).filter(Files::isRegularFile).toList();
    if (found.size() > 1) {
      throw new InputException(
          "%s: has the dumps %s, expected one of them by its name"
              .formatted(
                  given,
                  String.join(", ", found.stream().map(f -> "" + f.getFileName()).toList())));
    }
    if (found.isEmpty() && !Files.exists(given)) {
      throw new InputException(
          "%s: no such image, expected %2$s.elf, %2$s.elf.gz, or another dump (%2$s.lime, .kdump,"
                  .formatted(given, stem.getFileName())
              + " .vmcore, .core or .dump; also .gz or .zst after it)");
    }
    return found.isEmpty() ? given : found.get(0);
  }

  /** Every file that may be read for an image of this name, whether it exists or not. */
  static List<Path> filesOf(Path given) {
    List<Path> files = new ArrayList<>(List.of(given));
    if (given.getFileName() == null) {
      return files;
    }
    String name = String.valueOf(given.getFileName());
    String plain = withoutCompression(name);
    for (String stem : new TreeSet<>(List.of(name, plain, withoutSuffix(plain)))) {
      Stream.concat(names(), Stream.of(".json", ".csv"))
          .forEach(suffix -> files.add(given.resolveSibling(stem + suffix)));
    }
    return files;
  }

  private static Stream<String> names() {
    return DUMPS.stream().flatMap(dump -> COMPRESSIONS.stream().map(packed -> dump + packed));
  }

  private static Path beside(Path stem, String suffix) {
    return stem.resolveSibling(stem.getFileName() + suffix);
  }

  /**
   * The registers of {@code vm.lime}, {@code vm.lime.gz} or {@code vm.gz} in {@code vm.json}, for a
   * dump that is not named like a scenario. A file {@code vm.lime.json} counts where there is no
   * {@code vm.json}.
   */
  static @Nullable Path registersBeside(Path dump) {
    String name = String.valueOf(dump.getFileName());
    if (name.matches(".*\\.(elf|elf\\.gz|json|csv)") || !Files.isRegularFile(dump)) {
      return null;
    }
    String plain = withoutCompression(name);
    for (String stem : List.of(withoutSuffix(plain), plain)) {
      Path registers = dump.resolveSibling(stem + ".json");
      if (Files.isRegularFile(registers) && !stem.equals(name)) {
        return registers;
      }
    }
    return null;
  }

  private static String withoutCompression(String name) {
    return name.matches(".+\\.(gz|zst)") ? withoutSuffix(name) : name;
  }

  private static String withoutSuffix(String name) {
    int dot = name.lastIndexOf('.');
    return dot > 0 ? name.substring(0, dot) : name;
  }

  private DumpNames() {}
}
