package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Fault reasons, events and commands have names: outside declarations of constants and fields, the
 * sources of both formats hold no small number that could be one.
 */
class NamedNumbersTest {
  private static final Pattern COMMENT = Pattern.compile("^\\s*(\\*|/\\*|//)");
  private static final Pattern TEXT = Pattern.compile("\"[^\"]*\"|//.*");
  private static final Pattern DECLARED = Pattern.compile("static final int [A-Z_0-9]+ = 0x\\w+");

  /** A mask or a limit of 8 bits is no code. */
  private static final Pattern MASK = Pattern.compile("& ?0x\\w+|0x(ff|3f|7f)\\b");

  private static final Pattern NUMBER =
      Pattern.compile("\\b0x\\p{XDigit}{1,2}\\b|\\b(fault|Refusal|config)\\(-?\\d");

  @ParameterizedTest
  @ValueSource(
      strings = {
        "walker/core/src/main/java/dev/nestwalk/vtd",
        "walker/core/src/main/java/dev/nestwalk/smmu",
        "walker/core/src/main/java/dev/nestwalk/explain",
        "walker/core/src/main/java/dev/nestwalk/walk",
        "walker/device/src/main/java/dev/nestwalk/device",
      })
  void everyCodeHasItsName(String folder) throws IOException {
    Path root = Path.of(System.getProperty("nestwalk.root"));
    List<String> riddles = new ArrayList<>();
    int read = 0;
    try (Stream<Path> files = Files.walk(root.resolve(folder))) {
      for (Path file : files.filter(f -> f.toString().endsWith(".java")).sorted().toList()) {
        riddlesOf(file).forEach(riddles::add);
        read++;
      }
    }
    assertTrue(read > 5, folder);
    assertEquals("", String.join("\n", riddles));
  }

  @Test
  void numbersAreFound() {
    assertTrue(isRiddle("      return Translation.fault(0x71, 1, level);"));
    assertTrue(isRiddle("      throw new Refusal(113, 1, level, at);"));
    assertTrue(isRiddle("    return legacy ? 0x04 : FaultCode.SGN_4;"));
    assertTrue(isRiddle("      case 0x10, 0x11 -> true;"));
  }

  private static List<String> riddlesOf(Path file) {
    List<String> found = new ArrayList<>();
    try {
      List<String> lines = Files.readAllLines(file);
      for (int i = 0; i < lines.size(); i++) {
        if (isRiddle(lines.get(i))) {
          found.add(file.getFileName() + ":" + (i + 1) + lines.get(i));
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return found;
  }

  private static boolean isRiddle(String line) {
    if (COMMENT.matcher(line).find()) {
      return false;
    }
    String code = TEXT.matcher(line).replaceAll("");
    code = DECLARED.matcher(code).replaceAll("");
    code = MASK.matcher(code).replaceAll("");
    return NUMBER.matcher(code).find();
  }
}
