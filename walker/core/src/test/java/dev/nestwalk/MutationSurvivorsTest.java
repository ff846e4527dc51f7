package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The list of mutations that no test can notice speaks of code that is there. */
final class MutationSurvivorsTest {
  private static final Path ROOT = Path.of(System.getProperty("nestwalk.root", "../.."));

  @Test
  void eachAnswerIsAboutCodeThatIsThere() throws IOException {
    List<String> lines = Files.readAllLines(ROOT.resolve("docs/mutation-survivors.csv"));
    assertEquals("class,method,code,mutation,answer", lines.get(0));
    assertTrue(lines.size() > 1);
    for (String line : lines.subList(1, lines.size())) {
      String[] fields = line.split(",", 5);
      assertEquals(5, fields.length, line);
      String source = source(fields[0]);
      String method =
          fields[1].equals("<init>")
              ? fields[0].substring(fields[0].lastIndexOf('.') + 1)
              : fields[1];
      assertTrue(source.contains(" " + method + "("), () -> "no such method: " + line);
      assertTrue(source.contains(fields[2]), () -> "no such code: " + line);
      assertFalse(fields[3].isBlank() || fields[4].isBlank(), line);
    }
  }

  private static String source(String name) throws IOException {
    for (String module : List.of("core", "device")) {
      Path path =
          ROOT.resolve("walker")
              .resolve(module)
              .resolve("src/main/java/dev/nestwalk")
              .resolve(name.replace('.', '/') + ".java");
      if (Files.exists(path)) {
        return Files.readString(path);
      }
    }
    throw new AssertionError("no such class: " + name);
  }
}
