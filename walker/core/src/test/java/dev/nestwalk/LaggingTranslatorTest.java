package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import dev.nestwalk.iotlb.InvalidationLog;
import java.lang.foreign.Arena;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A translator that sleeps while a guest invalidates: however many invalidations it has missed, and
 * whichever of them named what it keeps, it answers as the tables are. The log keeps {@link
 * InvalidationLog#CAPACITY}.
 */
final class LaggingTranslatorTest {
  private static final int SOURCE = 0x0010;
  private static final int DOMAIN = 5;
  private static final long IOVA = 0x4030_2000L;
  private static final long OLD = 0x8000_0000L;
  private static final long NEW = 0x9000_0000L;
  private static final int LOG = InvalidationLog.CAPACITY;

  private final Arena arena = Arena.ofConfined();
  private final TableMemory memory = new TableMemory(arena).run(0x10_0000, 64);
  private final SecondStageTables before = tables(OLD);
  private final SecondStageTables after = tables(NEW);
  private final VtdMachine machine =
      new VtdMachine(memory).context(SOURCE, 0, 2, DOMAIN, before.root());
  private final Iommu iommu = Iommu.vtd(Comparison.over(memory), machine.registers(), 46);
  private final Endpoint endpoint = iommu.newTranslator().endpoint(SOURCE, -1);

  /** What the guest does, and how it says so. */
  enum Change {
    PAGE,
    DOMAIN,
    EVERYTHING,
    REQUESTER,
    CONFIGURATIONS,
    REGISTERS,
    REGISTERS_THAT_KEEP
  }

  @AfterEach
  void close() {
    arena.close();
  }

  private SecondStageTables tables(long page) {
    return new SecondStageTables(memory, 4).map(IOVA, page, 12, 3);
  }

  static Stream<int[]> lags() {
    Stream.Builder<int[]> lags = Stream.builder();
    for (int all : new int[] {1, 2, LOG - 1, LOG, LOG + 1, LOG + 2, 2 * LOG, 2 * LOG + 1, 700}) {
      for (int at : new int[] {0, 1, all - LOG, all - LOG - 1, all - 1}) {
        if (at >= 0 && at < all) {
          lags.add(new int[] {all, at});
        }
      }
    }
    return lags.build();
  }

  private long output() {
    long answer = endpoint.translate(IOVA, Access.READ);
    return Translation.isFault(answer) ? -1 : Translation.address(answer);
  }

  /** Makes a change and tells of it; where the page is translated to from now on. */
  private long change(Change change) {
    return switch (change) {
      case PAGE, DOMAIN, EVERYTHING -> mapElsewhere(change);
      case REQUESTER, CONFIGURATIONS -> useOtherTables(change);
      case REGISTERS, REGISTERS_THAT_KEEP -> switchOff(change == Change.REGISTERS_THAT_KEEP);
    };
  }

  private long mapElsewhere(Change change) {
    before.map(IOVA, NEW, 12, 3);
    var commands = iommu.vtdInvalidations();
    if (change == Change.PAGE) {
      commands.iotlbPages(DOMAIN, IOVA, 0, true);
    } else if (change == Change.DOMAIN) {
      commands.iotlbDomain(DOMAIN);
    } else {
      commands.iotlbGlobal();
    }
    return NEW;
  }

  /** Tables of another domain, whose translations are not those that are kept. */
  private long useOtherTables(Change change) {
    machine.context(SOURCE, 0, 2, DOMAIN + 1, after.root());
    if (change == Change.REQUESTER) {
      iommu.vtdInvalidations().contextDevice(SOURCE, 0);
    } else {
      iommu.vtdInvalidations().contextGlobal();
    }
    return NEW;
  }

  private long switchOff(boolean keepsCaches) {
    iommu.reconfigure(off(), keepsCaches);
    return IOVA;
  }

  private Map<String, Long> off() {
    Map<String, Long> off = new HashMap<>(machine.registers());
    off.put("GSTS", 0L);
    return off;
  }

  @ParameterizedTest
  @EnumSource(Change.class)
  void whateverWasMissedAnswersAreThoseOfTheTables(Change change) {
    lags().forEach(lag -> check(change, lag[0], lag[1]));
  }

  private void check(Change change, int all, int at) {
    machine.context(SOURCE, 0, 2, DOMAIN, before.map(IOVA, OLD, 12, 3).root());
    iommu.reconfigure(machine.registers(), false);
    assertEquals(OLD, output());
    assertEquals(OLD, output(), "and kept");
    long expected = -1;
    for (int i = 0; i < all; i++) {
      if (i == at) {
        expected = change(change);
      } else {
        iommu.vtdInvalidations().iotlbPages(77, 0, 0, true);
      }
    }
    assertEquals(expected, output(), () -> change + ", number " + at + " of " + all);
  }

  @ParameterizedTest
  @MethodSource("lags")
  void whatPassedWhileTheUnitWasOffIsWalkedOnceItIsOn(int[] lag) {
    iommu.reconfigure(off(), true);
    assertEquals(IOVA, output());
    assertEquals(IOVA, output(), "and kept");
    for (int i = 0; i < lag[0]; i++) {
      if (i == lag[1]) {
        iommu.reconfigure(machine.registers(), true);
      } else {
        iommu.vtdInvalidations().iotlbPages(77, 0, 0, true);
      }
    }
    assertEquals(OLD, output());
  }
}
