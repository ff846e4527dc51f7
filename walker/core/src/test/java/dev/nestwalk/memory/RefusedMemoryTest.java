package dev.nestwalk.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.fixtures.DumpFiles;
import dev.nestwalk.fixtures.TableMemory;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Memory and files that cannot be used, each refused in one line; and what memory tells of itself.
 */
final class RefusedMemoryTest {
  @TempDir private Path folder = Path.of("");
  private final Arena arena = Arena.ofConfined();

  @AfterEach
  void close() {
    arena.close();
  }

  private String refusal(byte[] bytes, MemoryRange... ram) throws IOException {
    return refusal(Files.write(folder.resolve("dump.bin"), bytes), ram);
  }

  private String refusal(Path file, MemoryRange... ram) {
    ImageException refused =
        assertThrows(
            ImageException.class,
            () ->
                MemoryDump.open(file, List.of(ram), Opening.PRIVATE_COPY, Unpacking.PLAIN, arena));
    String message = String.valueOf(refused.getMessage());
    assertFalse(message.contains("\n"), message);
    return message;
  }

  private static void refused(Runnable what, String part) {
    IllegalArgumentException e = assertThrows(IllegalArgumentException.class, what::run);
    assertTrue(String.valueOf(e.getMessage()).contains(part), e::getMessage);
  }

  @Test
  void runsAreWholeWordsAndApart() {
    MemorySegment bytes = arena.allocate(64, 8);
    refused(() -> GuestMemory.builder().build(), "at least one run");
    refused(() -> GuestMemory.builder().ram(4, bytes), "whole 8-byte words");
    refused(() -> GuestMemory.builder().ram(0, bytes.asSlice(0, 12)), "whole 8-byte words");
    refused(() -> GuestMemory.builder().ram(0, bytes.asSlice(0, 0)), "whole 8-byte words");
    refused(() -> GuestMemory.builder().ram(-56, bytes), "below 2^64");
    GuestMemory.builder().ram(-64, bytes).build();
    refused(() -> GuestMemory.builder().zeros(4, 7), "zeros");
    refused(() -> GuestMemory.builder().zeros(0, 8), "zeros");
    refused(() -> GuestMemory.builder().zeros(16, 7), "zeros");
    refused(() -> GuestMemory.builder().ram(0, bytes).zeros(56, 127).build(), "runs overlap");
    GuestMemory.builder().ram(0, bytes).zeros(64, 127).build();
  }

  @Test
  void memoryTellsItsRuns() {
    MemorySegment bytes = arena.allocate(64, 8);
    GuestMemory memory = GuestMemory.builder().zeros(0x100, 0x107).ram(0x1000, bytes).build();
    assertEquals(2, memory.runCount());
    assertEquals(0x1000, memory.first(0));
    assertEquals(0x103f, memory.last(0));
    assertEquals(0x107, memory.last(1));
    assertFalse(memory.isReadOnly());
    assertTrue(memory.asReadOnly().isReadOnly());
    assertEquals(16, memory.slice(0x1030, 16).byteSize());
    assertThrows(IndexOutOfBoundsException.class, () -> memory.slice(0x1030, 17));
    assertThrows(IndexOutOfBoundsException.class, () -> memory.slice(0x100, 8));
    assertThrows(IndexOutOfBoundsException.class, () -> memory.slice(0x2000, 1));
  }

  @Test
  void anOverlayReadsAsWhatIsBelowAndWhatWasChanged() {
    MemorySegment bytes = arena.allocate(64, 8);
    OverlayMemory memory = new OverlayMemory(GuestMemory.builder().ram(0x1000, bytes).build());
    assertEquals(GuestMemory.UPDATED, memory.update(0, 0x1008, 0, 5));
    assertEquals(5, memory.entryOrZero(0x1000, 8));
    assertEquals(0, memory.entryOrZero(0x1000, 16));
    assertEquals(0, memory.entryOrZero(0x1000, 64), "beyond the run");
    assertEquals(0, memory.directRuns(), "nobody reads past it");
    GuestMemory view = memory.asReadOnly();
    assertEquals(GuestMemory.UPDATED, view.update(0, 0x1010, 0, 6));
    assertEquals(0, memory.load(0, 0x1010), "kept beside");
    FailingMemory failing = new FailingMemory(memory);
    assertEquals(0, failing.entryOrZero(0x1000, 8), "the longer way has to be taken");
    assertEquals(0, failing.directRuns());
    assertEquals(5, failing.asReadOnly().load(0, 0x1008));
    failing.failRead(2);
    assertTrue(failing.find(0x1008) >= 0);
    assertEquals(-1, failing.find(0x1008));
    assertTrue(failing.find(0x1008) >= 0);
    assertEquals(3, failing.takeReads());
    assertEquals(0, failing.takeReads());
  }

  @Test
  void filesThatCannotBeReadAreNamed() {
    assertTrue(refusal(folder.resolve("x".repeat(300))).contains("cannot be read"));
    assertTrue(refusal(folder.resolve("none")).endsWith("no such file"));
    assertTrue(refusal(folder).contains("is a folder"));
  }

  @Test
  void dumpsThatEndWithinTheirHeadersAreRefused() throws IOException {
    TableMemory made = new TableMemory(arena).run(0x10_0000, 4);
    byte[] lime = DumpFiles.lime(made);
    assertTrue(refusal(Arrays.copyOf(lime, lime.length + 8)).contains("range's header"));
    assertTrue(refusal(Arrays.copyOf(DumpFiles.kdump(made), 463)).contains("kdump header"));
    byte[] flat = DumpFiles.flattened(lime);
    assertTrue(refusal(DumpFiles.flattened(flat)).contains("flattened twice"));
    byte[] none = Arrays.copyOf(flat, 4096 + 16);
    Arrays.fill(none, 4096, none.length, (byte) -1);
    assertTrue(refusal(none).contains("no piece of a dump"));
  }

  @Test
  void declaredRangesOfRamLieApart() throws IOException {
    TableMemory made = new TableMemory(arena).run(0x10_0000, 4);
    String message =
        refusal(
            DumpFiles.lime(made),
            MemoryRange.ofSize(0x10_0000, 0x1000),
            MemoryRange.ofSize(0x10_0800, 0x1000));
    assertTrue(message.contains("declared RAM: runs overlap"), message);
  }

  @Test
  void aGzipStreamOfAnotherMethodIsUnsound() throws IOException {
    byte[] packed = ElfBytes.gzip(ElfBytes.words(999, 1));
    packed[2] = 7;
    String message = refusal(packed);
    assertTrue(message.contains("not a sound gzip stream"), message);
  }

  @Test
  void kindsAreToldByTheirFirstBytes() {
    assertEquals("a gzip file", MemoryDump.kindOf(new byte[] {0x1f, (byte) 0x8b, 8, 0}));
    assertNull(MemoryDump.kindOf(new byte[16]));
  }
}
