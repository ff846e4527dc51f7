package dev.nestwalk.memory;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Dumps of any content open or are refused by the exception that says why: no other exception, no
 * loop without end, no memory without bound. Bytes come from memory; those that are packed as a
 * whole, and each of the build's inputs, from a file too. The build replays the inputs beside
 * (resources); CONTRIBUTING tells how to search for new ones.
 */
class DumpsFuzzTest {
  /** Whether a search goes on, rather than the build's replay of its inputs. */
  private static final boolean SEARCH = System.getenv("JAZZER_FUZZ") != null;

  private static final Path FILE = file();
  private static final MemorySegment BUFFER = Arena.global().allocate(1 << 20, 4096);
  private static final MemorySegment ZEROS = Arena.global().allocate(8192, 4096);

  private static Path file() {
    try {
      Path file = Files.createTempFile("nestwalk-fuzz", ".img");
      file.toFile().deleteOnExit();
      return file;
    } catch (IOException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  /** Memory that is short: most of the time of a search would go into zeros of large dumps. */
  private record Scarce(Arena arena) implements Arena {
    private static final long MOST = 1 << 20;

    @Override
    public MemorySegment allocate(long bytes, long alignment) {
      if (bytes > MOST) {
        throw new OutOfMemoryError("test");
      }
      return arena.allocate(bytes, alignment);
    }

    @Override
    public MemorySegment.Scope scope() {
      return arena.scope();
    }

    @Override
    public void close() {
      arena.close();
    }
  }

  private interface Reading {
    GuestMemory read(Arena arena) throws ImageException;
  }

  private static void refusable(Reading reading) {
    try (Arena arena = SEARCH ? new Scarce(Arena.ofConfined()) : Arena.ofConfined()) {
      GuestMemory memory = reading.read(arena);
      for (int run = 0; run < memory.runCount(); run++) {
        memory.load(run, memory.first(run) & -8L);
        memory.load(run, memory.last(run) - 7);
      }
      memory.find(0);
      memory.find(-8);
    } catch (ImageException e) {
      requireReason(e.getMessage());
    }
  }

  private static MemorySegment bytes(byte[] bytes) {
    if (bytes.length > BUFFER.byteSize()) {
      throw new IllegalArgumentException(bytes.length + " bytes, expected less than a MiB");
    }
    return BUFFER.asSlice(0, bytes.length).copyFrom(MemorySegment.ofArray(bytes));
  }

  @FuzzTest(maxDuration = "10m")
  void elfCore(byte[] bytes) throws IOException {
    MemorySegment in = bytes(bytes);
    refusable(arena -> ElfCore.read(FILE, in, List.of(), Opening.PRIVATE_COPY, arena));
    if (!SEARCH) {
      Files.write(FILE, bytes);
      refusable(arena -> ElfCore.open(FILE, List.of(), Opening.PRIVATE_COPY, arena));
    }
  }

  @FuzzTest(maxDuration = "10m")
  void dumpOfAnyKind(byte[] bytes) throws IOException {
    MemorySegment in = bytes(bytes);
    Opening opening = Opening.READ_ONLY;
    Unpacking plain = Unpacking.PLAIN;
    refusable(arena -> MemoryDump.read(FILE, in, List.of(), opening, plain, arena));
    if (!SEARCH || DumpKind.of(in) == DumpKind.GZIP) {
      Files.write(FILE, bytes);
      refusable(arena -> MemoryDump.open(FILE, List.of(), opening, plain, arena));
    }
  }

  @FuzzTest(maxDuration = "10m")
  void rawMemory(byte[] bytes) throws IOException {
    List<RawMemory.Mapping> mappings;
    try {
      mappings = RawMemory.parse(new String(bytes, StandardCharsets.UTF_8).lines().toList());
    } catch (IllegalArgumentException e) {
      requireReason(e.getMessage());
      return;
    }
    refusable(arena -> RawMemory.read(FILE, ZEROS, mappings, Opening.READ_ONLY));
    if (!SEARCH) {
      Files.write(FILE, new byte[8192]);
      refusable(arena -> RawMemory.open(FILE, mappings, Opening.READ_ONLY, arena));
    }
  }

  private static void requireReason(@Nullable String message) {
    if (message == null || message.isBlank() || message.indexOf('\n') >= 0) {
      throw new AssertionError("a refusal is one line that says why: " + message);
    }
  }
}
