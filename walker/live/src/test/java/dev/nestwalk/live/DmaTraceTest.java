package dev.nestwalk.live;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nestwalk.cache.InvalidationListener.Stage;
import dev.nestwalk.fixtures.Scenarios;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongSupplier;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Traces of DMA have the form that fixtures/dma/live.trace has, which the bench reads. */
class DmaTraceTest {
  @TempDir private Path folder = Path.of("");

  private final List<String> said = new ArrayList<>();

  private Path written(String name, boolean namesPasids) throws IOException {
    Path file = folder.resolve(name);
    long[] now = {7000};
    LongSupplier clock = () -> now[0] += 1000;
    try (DmaTrace trace = new DmaTrace(file, namesPasids, clock, said::add)) {
      trace.access(0x10, -1, false, 0xfffff000L, 0x40);
      trace.access(0x10, -1, true, 0xffffe000L, 0x1000);
      trace.access(0x18, 5, false, 0xffffc040L, 0x10);
      trace.unmapped(Stage.ANY, 3, -1, 0xfffff000L, 0xffffffffL);
      trace.unmapped(Stage.FIRST, 3, 5, 0, -1);
      trace.unmapped(Stage.ANY, -1, -1, 0, -1);
      trace.access(0xa8, -1, true, 0x10, 1);
    }
    assertEquals(List.of(), said);
    return file;
  }

  @Test
  void accessesAndInvalidationsAreWrittenInTheDocumentedForm() throws IOException {
    assertEquals(
        Files.readString(Scenarios.fixtures().resolve("dma/live.trace")),
        Files.readString(written("some.trace", true)));
  }

  @Test
  void aNameThatEndsInGzIsCompressed() throws IOException {
    try (InputStream in =
        new GZIPInputStream(Files.newInputStream(written("some.trace.gz", true)))) {
      assertEquals(
          Files.readString(Scenarios.fixtures().resolve("dma/live.trace")),
          new String(in.readAllBytes(), StandardCharsets.US_ASCII));
    }
  }

  @Test
  void asidsAreNoPasids() throws IOException {
    String text = Files.readString(written("arm.trace", false));
    assertEquals(1, text.lines().filter(line -> line.equals("5000 @3 - i 0 *")).count());
  }
}
