package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.smmu.ContextEntry;
import dev.nestwalk.fixtures.smmu.SmmuMachine;
import dev.nestwalk.fixtures.smmu.StreamEntry;
import dev.nestwalk.fixtures.smmu.VmsaTables;
import dev.nestwalk.fixtures.vtd.FirstStageTables;
import dev.nestwalk.fixtures.vtd.PasidEntry;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import java.lang.foreign.Arena;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * After a sync no thread uses a dropped entry, for each granularity: one thread changes a leaf,
 * invalidates and syncs, thousands of times, while two others translate; none of their translations
 * that begin after a sync may answer with an older leaf. A batch counts as one that begins with its
 * first address.
 */
class SyncTest {
  private static final long PAGE = 0x4040_0000L;
  private static final long OUT = 0x8000_0000L;
  private static final int VERSIONS = 4000;
  private static final long SECOND_FLAGS = 1L << 10 | 3L << 6 | 15L << 2;

  private final Arena arena = Arena.ofShared();
  private final TableMemory memory = new TableMemory(arena).run(0x10_0000, 64);

  @AfterEach
  void close() {
    arena.close();
  }

  /** What the requester's leaf is in, and how its change is made known. */
  enum Granularity {
    VTD_GLOBAL(Table.VTD_SECOND, iommu -> iommu.vtdInvalidations().iotlbGlobal()),
    VTD_DOMAIN(Table.VTD_SECOND, iommu -> iommu.vtdInvalidations().iotlbDomain(10)),
    VTD_PAGES(Table.VTD_SECOND, iommu -> iommu.vtdInvalidations().iotlbPages(10, PAGE, 0, true)),
    VTD_PASID(Table.VTD_FIRST, iommu -> iommu.vtdInvalidations().pasidIotlb(10, 0)),
    VTD_PASID_PAGES(
        Table.VTD_FIRST, iommu -> iommu.vtdInvalidations().pasidIotlbPages(10, 0, PAGE, 3, true)),
    SMMUV3_ALL(Table.SMMUV3_STAGE1, iommu -> iommu.smmuInvalidations().all()),
    SMMUV3_VMID(Table.SMMUV3_STAGE2, iommu -> iommu.smmuInvalidations().vmidAll(0)),
    SMMUV3_IPA(
        Table.SMMUV3_STAGE2,
        iommu -> iommu.smmuInvalidations().stage2Range(0, PAGE, PAGE + 4095, true)),
    SMMUV3_STAGE1(Table.SMMUV3_STAGE1, iommu -> iommu.smmuInvalidations().stage1All(0)),
    SMMUV3_ASID(Table.SMMUV3_STAGE1, iommu -> iommu.smmuInvalidations().stage1Asid(0, 0)),
    SMMUV3_VA(
        Table.SMMUV3_STAGE1,
        iommu -> iommu.smmuInvalidations().stage1Range(0, 0, PAGE, PAGE + 4095, true)),
    SMMUV3_VAA(
        Table.SMMUV3_STAGE1,
        iommu -> iommu.smmuInvalidations().stage1RangeOfAll(0, PAGE, PAGE + 4095, false)),
    EVERYTHING(Table.VTD_FIRST, Iommu::invalidateAll);

    final Table table;

    @SuppressWarnings("ImmutableEnumChecker") // every one is a lambda without state
    final Consumer<Iommu> invalidate;

    Granularity(Table table, Consumer<Iommu> invalidate) {
      this.table = table;
      this.invalidate = invalidate;
    }
  }

  enum Table {
    VTD_FIRST,
    VTD_SECOND,
    SMMUV3_STAGE1,
    SMMUV3_STAGE2
  }

  private record Subject(Iommu iommu, long entry, long flags) {}

  private Subject build(Table table) {
    return switch (table) {
      case VTD_FIRST -> {
        long flags = FirstStageTables.P | FirstStageTables.US | FirstStageTables.A;
        FirstStageTables first = new FirstStageTables(memory, 4);
        first.map(PAGE, OUT, 12, flags);
        yield vtd(PasidEntry.firstStage(4, first.root()), first.entryAddress(PAGE, 1), flags);
      }
      case VTD_SECOND -> {
        SecondStageTables second = new SecondStageTables(memory, 4);
        second.map(PAGE, OUT, 12, 3);
        yield vtd(PasidEntry.secondStage(2, second.root()), second.entryAddress(PAGE, 1), 3);
      }
      case SMMUV3_STAGE1 -> {
        VmsaTables first = new VmsaTables(memory, 12, 0, 48);
        long flags = 3 | 1L << 10 | 1L << 6 | 1L << 11;
        first.map(PAGE, OUT, 3, flags);
        SmmuMachine machine = new SmmuMachine(memory);
        long contexts = memory.allocate();
        machine.context(contexts, new ContextEntry(48).lower(first));
        machine.stream(1, new StreamEntry(5).stage1(contexts, 0, 0, 0));
        yield smmu(machine, first, flags);
      }
      case SMMUV3_STAGE2 -> {
        VmsaTables second = new VmsaTables(memory, 12, 0, 48);
        second.map(PAGE, OUT, 3, SECOND_FLAGS);
        SmmuMachine machine = new SmmuMachine(memory);
        machine.stream(1, new StreamEntry(6).stage2(second, 48));
        yield smmu(machine, second, 3 | SECOND_FLAGS);
      }
    };
  }

  private Subject vtd(PasidEntry pasid, long entry, long flags) {
    VtdMachine machine = new VtdMachine(memory).scalable();
    machine.pasid(1, 0, pasid.walkSnoop().domain(10));
    return new Subject(Iommu.vtd(Comparison.over(memory), machine.registers(), 46), entry, flags);
  }

  private Subject smmu(SmmuMachine machine, VmsaTables tables, long flags) {
    Iommu iommu = Iommu.smmuv3(Comparison.over(memory), machine.registers());
    return new Subject(iommu, tables.descriptorAddress(PAGE, 3), flags);
  }

  @ParameterizedTest
  @EnumSource
  @Timeout(value = 120, unit = TimeUnit.SECONDS)
  void afterSyncNoThreadUsesWhatWasDropped(Granularity granularity) throws InterruptedException {
    Subject subject = build(granularity.table);
    AtomicLong allowed = new AtomicLong();
    AtomicBoolean going = new AtomicBoolean(true);
    Device[] devices = new Device[2];
    CountDownLatch ready = new CountDownLatch(devices.length);
    for (int i = 0; i < devices.length; i++) {
      devices[i] = new Device(subject.iommu, i == 1, allowed, going, ready);
      devices[i].start();
    }
    ready.await();
    for (int version = 1; version <= VERSIONS; version++) {
      memory.put(subject.entry, OUT + version * 4096L | subject.flags);
      granularity.invalidate.accept(subject.iommu);
      subject.iommu.sync();
      // From here on no translation that begins may answer with an older version.
      allowed.set(version);
    }
    going.set(false);
    for (Device device : devices) {
      device.join();
      assertEquals(0, device.wrong);
      assertTrue(device.answers > 100, "answers " + device.answers);
    }
    subject.iommu.sync();
  }

  /** A thread that translates, one by one or in batches. */
  private static final class Device extends Thread {
    private final Iommu iommu;
    private final boolean batches;
    private final AtomicLong allowed;
    private final AtomicBoolean going;
    private final CountDownLatch ready;
    long wrong;
    long answers;

    Device(
        Iommu iommu,
        boolean batches,
        AtomicLong allowed,
        AtomicBoolean going,
        CountDownLatch ready) {
      this.iommu = iommu;
      this.batches = batches;
      this.allowed = allowed;
      this.going = going;
      this.ready = ready;
    }

    @Override
    public void run() {
      Translator translator = iommu.newTranslator();
      Endpoint endpoint = translator.endpoint(1, -1);
      long[] iovas = new long[batches ? 40 : 1];
      java.util.Arrays.fill(iovas, PAGE);
      long[] results = new long[iovas.length];
      ready.countDown();
      while (going.get()) {
        long least = allowed.get();
        if (batches) {
          endpoint.translate(iovas, results, 0, iovas.length, Access.READ);
        } else {
          results[0] = endpoint.translate(PAGE, Access.READ);
        }
        for (long answer : results) {
          long version = Translation.address(answer) - OUT >>> 12;
          wrong += Translation.isFault(answer) || version < least ? 1 : 0;
        }
        answers += results.length;
      }
      translator.pause();
    }
  }
}
