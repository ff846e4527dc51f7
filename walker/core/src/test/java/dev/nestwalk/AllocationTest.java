package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import com.sun.management.ThreadMXBean;
import dev.nestwalk.fixtures.Requests;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Translations and faults of every kind allocate nothing. */
final class AllocationTest {
  private static final int MACHINES = 40;
  private static final int REQUESTS = 1000;

  /** A machine with requests drawn beforehand, since drawing them may allocate. */
  private static final class Prepared {
    private final Translator translator;
    private final int[] sources = new int[REQUESTS];
    private final int[] pasids = new int[REQUESTS];
    private final long[] iovas = new long[REQUESTS];
    private final int[] accesses = new int[REQUESTS];

    Prepared(Formats.Sample sample) {
      translator = sample.translator();
      Requests requests = sample.requests();
      for (int i = 0; i < REQUESTS; i++) {
        requests.next();
        sources[i] = requests.sourceId();
        pasids[i] = requests.pasid();
        iovas[i] = requests.address();
        accesses[i] = requests.access();
      }
    }

    /** The sum of all answers, so that none can be left out. */
    long run() {
      long sum = 0;
      for (int i = 0; i < REQUESTS; i++) {
        sum += translator.translate(sources[i], pasids[i], iovas[i], accesses[i]);
        sum += translator.lastFault().word(1);
      }
      return sum;
    }
  }

  @ParameterizedTest
  @EnumSource(Formats.class)
  void aMillionMixedRequestsAllocateNothing(Formats format) {
    ThreadMXBean threads =
        assertInstanceOf(ThreadMXBean.class, ManagementFactory.getThreadMXBean());
    try (Arena arena = Arena.ofConfined()) {
      List<Prepared> machines = new ArrayList<>();
      for (int seed = 0; seed < MACHINES; seed++) {
        machines.add(new Prepared(format.random(seed, arena)));
      }
      Prepared[] all = machines.toArray(Prepared[]::new);
      long warm = run(all, 25);
      long before = threads.getCurrentThreadAllocatedBytes();
      long hot = run(all, 25);
      long after = threads.getCurrentThreadAllocatedBytes();
      assertEquals(0, after - before, "bytes for " + 25 * MACHINES * REQUESTS + " requests");
      assertNotEquals(0, warm ^ hot >>> 1, "the answers are used");
    }
  }

  private static long run(Prepared[] machines, int rounds) {
    long sum = 0;
    for (int round = 0; round < rounds; round++) {
      for (int i = 0; i < machines.length; i++) {
        sum += machines[i].run();
      }
    }
    return sum;
  }
}
