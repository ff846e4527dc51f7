package dev.nestwalk.bench;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.fixtures.MappedMachine;
import dev.nestwalk.fixtures.TableMemory;
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
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The native baseline: {@code native-baseline.c}, compiled when needed and called through FFM. */
final class NativeBaseline {
  private static final int COMPILE_SECONDS = 60;

  private final MethodHandle chain;
  private final MethodHandle put;

  /** Loops for memory of one run. */
  private final Map<Loop, MethodHandle> loops = new EnumMap<>(Loop.class);

  /** Loops for memory of two runs. */
  private final Map<Loop, MethodHandle> loopsOfTwo = new EnumMap<>(Loop.class);

  private NativeBaseline(SymbolLookup one, SymbolLookup two) {
    for (Loop loop : Loop.values()) {
      loops.put(loop, walk(one, loop.symbol));
      loopsOfTwo.put(loop, walk(two, loop.symbol));
    }
    chain = bind(one, "baseline_chain", 2);
    put = bind(one, "baseline_put", 2);
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

  /**
   * Compiles and loads the baseline.
   *
   * @return null, after a line on standard error, if that is impossible
   */
  static @Nullable NativeBaseline load() {
    try {
      Path folder = Files.createTempDirectory("nestwalk-baseline");
      try {
        Path source = folder.resolve("native-baseline.c");
        try (@Nullable InputStream text =
            NativeBaseline.class.getResourceAsStream("native-baseline.c")) {
          if (text == null) {
            throw new IOException("native-baseline.c is not packed with the benchmarks");
          }
          Files.copy(text, source, StandardCopyOption.REPLACE_EXISTING);
        }
        return new NativeBaseline(compile(folder, source, 1), compile(folder, source, 2));
      } finally {
        remove(folder);
      }
    } catch (IOException e) {
      System.err.println("nestwalk: no native baseline, Java figures only: " + e.getMessage());
      return null;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return null;
    }
  }

  private static SymbolLookup compile(Path folder, Path source, int runs)
      throws IOException, InterruptedException {
    Path library = folder.resolve("libtwin" + runs + ".so");
    Process compiler =
        new ProcessBuilder(
                "cc",
                "-O3",
                "-march=native",
                "-DRUNS=" + runs,
                "-shared",
                "-fPIC",
                "-o",
                library.toString(),
                source.toString())
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("log").toFile())
            .start();
    try {
      if (!compiler.waitFor(COMPILE_SECONDS, TimeUnit.SECONDS)) {
        throw new IOException("cc takes longer than %d s".formatted(COMPILE_SECONDS));
      }
    } finally {
      // Of no use any more, whether it ended, takes too long, or this thread was interrupted.
      compiler.descendants().forEach(ProcessHandle::destroyForcibly);
      compiler.destroyForcibly();
    }
    if (compiler.exitValue() != 0) {
      throw new IOException("cc failed: " + Files.readString(folder.resolve("log")));
    }
    return open(library);
  }

  /**
   * Loads a library.
   *
   * @throws IOException if the system refuses, as where the file system is mounted noexec
   */
  static SymbolLookup open(Path library) throws IOException {
    try {
      return SymbolLookup.libraryLookup(library, Arena.global());
    } catch (IllegalArgumentException e) {
      throw new IOException(
          "%s cannot be loaded; is its file system mounted noexec?".formatted(library), e);
    }
  }

  private static void remove(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }

  /** Describes a machine for the baseline: {@code struct machine}. */
  static MemorySegment machine(Workload.Built built, Arena arena) {
    MappedMachine mapped = built.machine();
    return machine(mapped.memory().runs(), mapped.firstRoot(), mapped.secondRoot(), arena);
  }

  private static MemorySegment machine(
      List<TableMemory.Run> runs, long firstRoot, long secondRoot, Arena arena) {
    // The order of GuestMemory: the largest run first.
    List<TableMemory.Run> sorted =
        runs.stream().sorted(Comparator.comparingLong(run -> -run.bytes().byteSize())).toList();
    TableMemory.Run large = sorted.get(0);
    TableMemory.Run small = sorted.get(sorted.size() - 1);
    MemorySegment machine = arena.allocate((7 + 24 + 3) * 8L, 64);
    long[] head = {
      large.bytes().address(),
      large.first(),
      large.bytes().byteSize() - 8,
      firstRoot,
      secondRoot,
      48,
      48
    };
    long beyond = 0x000f_c000_0000_0000L;
    long[] masks = new long[27];
    for (int level = 1; level <= 4; level++) {
      masks[level] = beyond | (level == 4 ? 0x80 : 0);
      masks[6 + level] = beyond | (level > 1 ? ((1L << 3 + 9 * level) - 1) & ~0x1fffL : 0);
      masks[12 + level] = beyond | (level == 4 ? 0x80 : 0);
      masks[18 + level] = beyond | 0x800;
    }
    masks[24] = small.bytes().address();
    masks[25] = small.first();
    masks[26] = small.bytes().byteSize() - 8;
    MemorySegment.copy(head, 0, machine, ValueLayout.JAVA_LONG, 0, head.length);
    MemorySegment.copy(masks, 0, machine, ValueLayout.JAVA_LONG, 56, masks.length);
    return machine;
  }

  /** An IOTLB of the baseline: {@code struct cache}. */
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
      throw new IllegalStateException("baseline_put", e);
    }
  }

  /**
   * Runs one of the loops over addresses, for memory of one run.
   *
   * @return the sum of the answers
   */
  long run(Loop loop, MemorySegment subject, MemorySegment iovas, long count, long need) {
    return run(loop, 1, subject, iovas, count, need);
  }

  /**
   * Runs one of the loops over addresses, for memory of 1 or 2 runs.
   *
   * @return the sum of the answers
   */
  long run(Loop loop, int runs, MemorySegment subject, MemorySegment iovas, long count, long need) {
    long mask = iovas.byteSize() / 8 - 1;
    try {
      MethodHandle handle = Objects.requireNonNull((runs == 1 ? loops : loopsOfTwo).get(loop));
      return (long) handle.invokeExact(subject, iovas, count, mask, need);
    } catch (Throwable e) {
      throw new IllegalStateException("baseline " + loop, e);
    }
  }

  /** {@code count} chains of {@code loads} dependent loads over a ring of indices. */
  long chain(MemorySegment ring, long count, long loads) {
    try {
      return (long) chain.invokeExact(ring, count, loads);
    } catch (Throwable e) {
      throw new IllegalStateException("baseline chain", e);
    }
  }

  /** Loops over addresses. */
  enum Loop {
    VTD_FIRST("vtd_first"),
    VTD_SECOND("vtd_second"),
    VTD_NESTED("vtd_nested"),
    SMMUV3_STAGE1("smmu_stage1"),
    SMMUV3_STAGE2("smmu_stage2"),
    SMMUV3_NESTED("smmu_nested"),
    VTD_NESTED_LANES("vtd_nested_lanes"),
    SMMUV3_NESTED_LANES("smmu_nested_lanes"),
    VTD_FIRST_MISSES("vtd_first_misses"),
    VTD_SECOND_MISSES("vtd_second_misses"),
    VTD_NESTED_MISSES("vtd_nested_misses"),
    SMMUV3_STAGE1_MISSES("smmu_stage1_misses"),
    SMMUV3_STAGE2_MISSES("smmu_stage2_misses"),
    SMMUV3_NESTED_MISSES("smmu_nested_misses"),
    VTD_NESTED_UNKEPT("vtd_nested_unkept"),
    SMMUV3_NESTED_UNKEPT("smmu_nested_unkept"),
    HITS("hits"),
    DEPENDENT_HITS("dependent_hits");

    private final String symbol;

    Loop(String name) {
      symbol = "baseline_" + name;
    }
  }
}
