package dev.nestwalk.bench;

import dev.nestwalk.cache.CacheOptions;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The native twin: {@code twin.c}, compiled here and now, called through FFM. */
final class Twin {
  private static final int COMPILE_SECONDS = 60;

  private final MethodHandle vtdSecond;
  private final MethodHandle vtdNested;
  private final MethodHandle smmuNested;
  private final MethodHandle chain;
  private final MethodHandle put;
  private final MethodHandle hits;
  private final MethodHandle dependentHits;
  private final MethodHandle misses;

  private Twin(SymbolLookup library) {
    vtdSecond = walk(library, "twin_vtd_second");
    vtdNested = walk(library, "twin_vtd_nested");
    smmuNested = walk(library, "twin_smmu_nested");
    hits = walk(library, "twin_hits");
    dependentHits = walk(library, "twin_dependent_hits");
    misses = walk(library, "twin_misses");
    chain = bind(library, "twin_chain", 2);
    put = bind(library, "twin_put", 2);
  }

  private static MethodHandle walk(SymbolLookup library, String name) {
    FunctionDescriptor type =
        FunctionDescriptor.of(
            ValueLayout.JAVA_LONG,
            ValueLayout.ADDRESS,
            ValueLayout.ADDRESS,
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_LONG);
    return Linker.nativeLinker().downcallHandle(library.findOrThrow(name), type);
  }

  private static MethodHandle bind(SymbolLookup library, String name, int numbers) {
    FunctionDescriptor type = FunctionDescriptor.of(ValueLayout.JAVA_LONG, ValueLayout.ADDRESS);
    for (int i = 0; i < numbers; i++) {
      type = type.appendArgumentLayouts(ValueLayout.JAVA_LONG);
    }
    return Linker.nativeLinker().downcallHandle(library.findOrThrow(name), type);
  }

  /** Compiles and loads the twin; null, with a line on standard error, where that is impossible. */
  static @Nullable Twin load() {
    try {
      Path folder = Files.createTempDirectory("nestwalk-twin");
      try {
        Path source = folder.resolve("twin.c");
        try (@Nullable InputStream text = Twin.class.getResourceAsStream("twin.c")) {
          if (text == null) {
            throw new IOException("twin.c is not packed with the benchmarks");
          }
          Files.copy(text, source, StandardCopyOption.REPLACE_EXISTING);
        }
        Path library = folder.resolve("libtwin.so");
        Process compiler =
            new ProcessBuilder(
                    "cc",
                    "-O3",
                    "-march=native",
                    "-shared",
                    "-fPIC",
                    "-o",
                    library.toString(),
                    source.toString())
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("log").toFile())
                .start();
        if (!compiler.waitFor(COMPILE_SECONDS, TimeUnit.SECONDS) || compiler.exitValue() != 0) {
          throw new IOException("cc failed: " + Files.readString(folder.resolve("log")));
        }
        return new Twin(SymbolLookup.libraryLookup(library, Arena.global()));
      } finally {
        remove(folder);
      }
    } catch (IOException e) {
      System.err.println("nestwalk: no native twin, Java figures only: " + e.getMessage());
      return null;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return null;
    }
  }

  private static void remove(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }

  /** Describes a machine to the twin: {@code struct machine}. */
  static MemorySegment machine(Workload.Built built, Arena arena) {
    MemorySegment machine = arena.allocate((7 + 24) * 8L, 64);
    long[] head = {
      built.bytes().address(),
      built.first(),
      built.bytes().byteSize() - 8,
      built.firstRoot(),
      built.secondRoot(),
      48,
      48
    };
    long beyond = 0x000f_c000_0000_0000L;
    long[] masks = new long[24];
    for (int level = 1; level <= 4; level++) {
      masks[level] = beyond | (level == 4 ? 0x80 : 0);
      masks[6 + level] = beyond | (level > 1 ? ((1L << 3 + 9 * level) - 1) & ~0x1fffL : 0);
      masks[12 + level] = beyond | (level == 4 ? 0x80 : 0);
      masks[18 + level] = beyond | 0x800;
    }
    MemorySegment.copy(head, 0, machine, ValueLayout.JAVA_LONG, 0, head.length);
    MemorySegment.copy(masks, 0, machine, ValueLayout.JAVA_LONG, 56, masks.length);
    return machine;
  }

  /** An IOTLB of the twin: {@code struct cache}. */
  static MemorySegment cache(int entries, int ways, Arena arena) {
    return cache(entries, ways, 12, arena);
  }

  private static MemorySegment cache(int entries, int ways, int shift, Arena arena) {
    MemorySegment table = arena.allocate(entries * 16L, 64);
    long[] words = {table.address(), entries - 1L, ways, 7, 7, shift, 5, 1234, 0x80};
    MemorySegment cache = arena.allocate(words.length * 8L, 64);
    MemorySegment.copy(words, 0, cache, ValueLayout.JAVA_LONG, 0, words.length);
    return cache;
  }

  /** A machine with an IOTLB and structure caches: {@code struct shortened}. */
  static MemorySegment shortened(Workload.Built built, CacheOptions options, Arena arena) {
    long[] words = {
      machine(built, arena).address(),
      cache(options.iotlbEntries(), options.iotlbWays(), arena).address(),
      cache(options.firstStageEntries(), 1, 21, arena).address(),
      cache(options.secondStageEntries(), 1, 21, arena).address(),
      1
    };
    MemorySegment shortened = arena.allocate(words.length * 8L, 64);
    MemorySegment.copy(words, 0, shortened, ValueLayout.JAVA_LONG, 0, words.length);
    return shortened;
  }

  void put(MemorySegment cache, long iova, long output) {
    try {
      long ignored = (long) put.invokeExact(cache, iova, output);
    } catch (Throwable e) {
      throw new IllegalStateException("twin_put", e);
    }
  }

  /** Runs one of the loops over addresses; the sum of the answers. */
  long run(Loop loop, MemorySegment subject, MemorySegment iovas, long count, long need) {
    long mask = iovas.byteSize() / 8 - 1;
    try {
      return switch (loop) {
        case VTD_SECOND -> (long) vtdSecond.invokeExact(subject, iovas, count, mask, need);
        case VTD_NESTED -> (long) vtdNested.invokeExact(subject, iovas, count, mask, need);
        case SMMUV3_NESTED -> (long) smmuNested.invokeExact(subject, iovas, count, mask, need);
        case HITS -> (long) hits.invokeExact(subject, iovas, count, mask, need);
        case DEPENDENT_HITS -> (long) dependentHits.invokeExact(subject, iovas, count, mask, need);
        case MISSES -> (long) misses.invokeExact(subject, iovas, count, mask, need);
      };
    } catch (Throwable e) {
      throw new IllegalStateException("twin " + loop, e);
    }
  }

  /** {@code count} chains of {@code loads} dependent loads over a ring of indices. */
  long chain(MemorySegment ring, long count, long loads) {
    try {
      return (long) chain.invokeExact(ring, count, loads);
    } catch (Throwable e) {
      throw new IllegalStateException("twin chain", e);
    }
  }

  /** Loops over addresses. */
  enum Loop {
    VTD_SECOND,
    VTD_NESTED,
    SMMUV3_NESTED,
    HITS,
    DEPENDENT_HITS,
    MISSES
  }
}
