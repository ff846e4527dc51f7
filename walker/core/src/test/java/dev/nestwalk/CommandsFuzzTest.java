package dev.nestwalk;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.explain.Step;
import dev.nestwalk.explain.Trace;
import dev.nestwalk.fixtures.MappedMachine;
import dev.nestwalk.fixtures.MappedPlan;
import dev.nestwalk.fixtures.Requests;
import dev.nestwalk.fixtures.TableMemory;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * Descriptors and commands of any content are carried out or refused, and leave a unit that answers
 * as the walk does; tables of any content give the reference walker's answer. The build replays the
 * inputs beside (resources); CONTRIBUTING tells how to search for new ones.
 */
class CommandsFuzzTest {
  private static final int MACHINES = 24;
  private static final int REQUESTS = 8;
  private static final int MOST_EDITS = 24;

  /** Drawn once, so that an input means the same each time. */
  private record Request(int source, int pasid, long address, int access) {
    static Request next(Requests from) {
      from.next();
      return new Request(from.sourceId(), from.pasid(), from.address(), from.access());
    }
  }

  /** Machines of each format, their state at the start, and requests. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  private record Machine(Formats.Sample sample, TableMemory start, Request[] requests) {
    static Machine[] of(Formats format) {
      Machine[] machines = new Machine[MACHINES];
      for (int seed = 0; seed < MACHINES; seed++) {
        Formats.Sample sample = format.random(seed, Arena.global());
        Request[] requests = new Request[REQUESTS];
        for (int i = 0; i < REQUESTS; i++) {
          requests[i] = Request.next(sample.requests());
        }
        machines[seed] = new Machine(sample, sample.memory().copy(Arena.global()), requests);
      }
      return machines;
    }
  }

  private static final Machine[] VTD = Machine.of(Formats.VTD);
  private static final Machine[] SMMU = Machine.of(Formats.SMMUV3);

  private static ByteBuffer words(byte[] bytes) {
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  @FuzzTest(maxDuration = "10m")
  void vtdDescriptors(byte[] bytes) {
    submit(bytes, true);
  }

  @FuzzTest(maxDuration = "10m")
  void smmuCommands(byte[] bytes) {
    submit(bytes, false);
  }

  private static final Iommu VTD_UNIT = unit(true);
  private static final Iommu SMMU_UNIT = unit(false);
  private static final long PAGE =
      new MappedMachine(MappedPlan.of(true, false, true).pages(8, 0, 1), Arena.global()).input();
  private static final Translator VTD_CACHED = VTD_UNIT.newTranslator();
  private static final Translator VTD_WALKING = VTD_UNIT.newUncachedTranslator();
  private static final Translator SMMU_CACHED = SMMU_UNIT.newTranslator();
  private static final Translator SMMU_WALKING = SMMU_UNIT.newUncachedTranslator();

  private static Iommu unit(boolean vtd) {
    MappedMachine machine =
        new MappedMachine(MappedPlan.of(vtd, false, true).pages(8, 0, 1), Arena.global());
    return vtd
        ? Iommu.vtd(Comparison.over(machine.memory()), machine.registers(), 46)
        : Iommu.smmuv3(Comparison.over(machine.memory()), machine.registers());
  }

  private static void submit(byte[] bytes, boolean vtd) {
    ByteBuffer words = words(bytes);
    while (words.remaining() >= 16) {
      long low = words.getLong();
      long high = words.getLong();
      if (vtd) {
        VTD_UNIT.vtdInvalidations().submit(low, high);
        VTD_UNIT.vtdInvalidations().submit(low, high, 0, words.remaining() & 1);
      } else {
        SMMU_UNIT.smmuInvalidations().submit(low, high);
      }
    }
    Translator cached = vtd ? VTD_CACHED : SMMU_CACHED;
    Translator walking = vtd ? VTD_WALKING : SMMU_WALKING;
    for (int page = 0; page < 8; page++) {
      long iova = PAGE + page * 4096L;
      long answer = cached.translate(MappedMachine.SOURCE, -1, iova, Access.READ);
      long expected = walking.translate(MappedMachine.SOURCE, -1, iova, Access.READ);
      if (answer != expected || Translation.isFault(answer)) {
        throw new AssertionError(
            "0x%x: %s, expected %s"
                .formatted(iova, Translation.describe(answer), Translation.describe(expected)));
      }
    }
  }

  @FuzzTest(maxDuration = "10m")
  void vtdTables(byte[] bytes) {
    compare(VTD, bytes);
  }

  @FuzzTest(maxDuration = "10m")
  void smmuTables(byte[] bytes) {
    compare(SMMU, bytes);
  }

  /** Whether a search goes on, rather than the build's replay of its inputs. */
  private static final boolean SEARCH = System.getenv("JAZZER_FUZZ") != null;

  private static final int WHOLE = 64;
  private static int runs;

  /** Some words of a machine's tables are others, then it is asked. */
  private static void compare(Machine[] machines, byte[] bytes) {
    ByteBuffer input = words(bytes);
    if (input.remaining() < 1) {
      return;
    }
    Machine machine = machines[Byte.toUnsignedInt(input.get()) % MACHINES];
    Formats.Sample sample = machine.sample;
    Touched touched = new Touched(machine);
    TableMemory.Run run = sample.memory().runs().get(0);
    long words = run.bytes().byteSize() / 8;
    for (int edits = 0; edits < MOST_EDITS && input.remaining() >= 11; edits++) {
      int how = input.get() & 3;
      long at = run.first() + Short.toUnsignedLong(input.getShort()) % words * 8;
      long value = input.getLong();
      long before = sample.memory().get(at);
      long after =
          switch (how) {
            case 0 -> value;
            case 1 -> before ^ 1L << (value & 63);
            case 2 -> before ^ value & 0xfff;
            default -> run.first() + Long.remainderUnsigned(value, words * 8) & -4096L | value & 7;
          };
      sample.memory().put(at, after);
      sample.copy().put(at, after);
      touched.add(at);
    }
    try {
      for (int i = 0; i < REQUESTS; i++) {
        Request request = machine.requests[i];
        long other = input.remaining() >= 8 ? input.getLong() : request.address;
        touched.add(ask(sample, request, (i & 1) == 0 ? request.address : other));
      }
      touched.compare();
    } finally {
      touched.restore();
    }
  }

  private static Trace ask(Formats.Sample sample, Request request, long iova) {
    Translator hot = sample.translator();
    long answer = hot.translate(request.source, request.pasid, iova, request.access);
    Trace trace = sample.reference().translate(request.source, request.pasid, iova, request.access);
    String difference = Comparison.difference(answer, hot.lastFault(), trace);
    if (!difference.isEmpty()) {
      throw new AssertionError(request + " at 0x%x: %s".formatted(iova, difference));
    }
    return trace;
  }

  /**
   * Words that were changed, or read by a walk, which may have set flags there. A search looks at
   * the whole memory only now and then: that takes longer than the walks.
   */
  private static final class Touched {
    private final Machine machine;
    private final boolean whole = !SEARCH || runs++ % WHOLE == 0;
    private long[] words = new long[256];
    private int count;

    Touched(Machine machine) {
      this.machine = machine;
    }

    void add(long at) {
      if (count == words.length) {
        words = Arrays.copyOf(words, 2 * count);
      }
      words[count++] = at;
    }

    void add(Trace trace) {
      for (Step step : trace.steps()) {
        for (int word = 0; word < step.read().size(); word++) {
          add(step.host() + 8L * word);
        }
      }
    }

    void compare() {
      TableMemory memory = machine.sample.memory();
      TableMemory copy = machine.sample.copy();
      if (whole) {
        refuse(memory.firstDifference(copy));
      }
      for (int i = 0; i < count; i++) {
        if (memory.holds(words[i]) && memory.get(words[i]) != copy.get(words[i])) {
          refuse(words[i]);
        }
      }
    }

    private static void refuse(long at) {
      if (at != -1) {
        throw new AssertionError("memory differs at 0x%x".formatted(at));
      }
    }

    void restore() {
      TableMemory memory = machine.sample.memory();
      TableMemory copy = machine.sample.copy();
      if (whole) {
        memory.restore(machine.start);
        copy.restore(machine.start);
        return;
      }
      for (int i = 0; i < count; i++) {
        if (memory.holds(words[i])) {
          memory.put(words[i], machine.start.get(words[i]));
          copy.put(words[i], machine.start.get(words[i]));
        }
      }
    }
  }
}
