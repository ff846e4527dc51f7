package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.cache.InvalidationListener;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.explain.References;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.smmu.SmmuMachine;
import dev.nestwalk.fixtures.vtd.PasidEntry;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import dev.nestwalk.memory.FailingMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What others hear: invalidations, writes, and who keeps a sync waiting. */
@Timeout(value = 60, unit = TimeUnit.SECONDS)
class ListenersTest {
  private static final long PAGE = 0x4000_0000L;

  private final Arena arena = Arena.ofShared();
  private final TableMemory memory = new TableMemory(arena).run(0x10_0000, 64);
  private final List<String> heard = new ArrayList<>();

  @AfterEach
  void close() {
    arena.close();
  }

  private final InvalidationListener listener =
      new InvalidationListener() {
        @Override
        public void unmapped(Stage stage, int domain, int process, long first, long last) {
          heard.add("%s %x %x %x-%x".formatted(stage, domain, process, first, last));
        }

        @Override
        public void reconfigured(long sourceId, int ignored, int pasid, int domain) {
          heard.add("config %x %x %x %x".formatted(sourceId, ignored, pasid, domain));
        }

        @Override
        public void registersChanged(boolean keepsCaches) {
          heard.add("registers " + keepsCaches);
        }
      };

  private List<String> take() {
    List<String> all = List.copyOf(heard);
    heard.clear();
    return all;
  }

  @Test
  void eachInvalidationOfVtdIsHeardWithItsRange() {
    Iommu iommu = Iommu.vtd(Comparison.over(memory), new VtdMachine(memory).registers(), 46);
    iommu.addListener(listener);
    var vtd = iommu.vtdInvalidations();
    vtd.iotlbGlobal();
    vtd.iotlbDomain(7);
    vtd.iotlbPages(7, 0x5123, 2, true);
    vtd.pasidIotlb(7, 9);
    vtd.pasidIotlbPages(7, 9, -1, 0, false);
    vtd.contextDevice(0x10, 1);
    vtd.contextGlobal();
    vtd.pasid(7, 9);
    iommu.reconfigure(Map.of("GSTS", 0L), true);
    assertEquals(
        List.of(
            "ANY ffffffff ffffffff 0-ffffffffffffffff",
            "ANY 7 ffffffff 0-ffffffffffffffff",
            "SECOND 7 ffffffff 4000-7fff",
            "FIRST 7 9 0-ffffffffffffffff",
            "FIRST 7 9 fffffffffffff000-ffffffffffffffff",
            "config 10 4 ffffffff ffffffff",
            "config ffffffffffffffff 0 ffffffff ffffffff",
            "config ffffffffffffffff 0 9 7",
            "registers true"),
        take());
    iommu.removeListener(listener);
    vtd.iotlbGlobal();
    assertEquals(List.of(), take());
  }

  @Test
  void eachInvalidationOfAnSmmuIsHeardWithItsRange() {
    Iommu iommu = Iommu.smmuv3(Comparison.over(memory), new SmmuMachine(memory).registers());
    iommu.addListener(listener);
    var smmu = iommu.smmuInvalidations();
    smmu.all();
    smmu.vmidAll(3);
    smmu.stage1All(3);
    smmu.stage1Asid(3, 4);
    smmu.stage1Range(3, 4, 0x1000, 0x1fff, true);
    smmu.stage1RangeOfAll(3, 0x1000, 0x2fff, true);
    smmu.stage2Range(3, 0x8000, 0x8fff, true);
    smmu.configStreams(8, 2);
    smmu.configContext(8, 1);
    iommu.reconfigure(Map.of("CR0", 0L), false);
    assertEquals(
        List.of(
            "ANY ffffffff ffffffff 0-ffffffffffffffff",
            "ANY 3 ffffffff 0-ffffffffffffffff",
            "FIRST 3 ffffffff 0-ffffffffffffffff",
            "FIRST 3 4 0-ffffffffffffffff",
            "FIRST 3 4 1000-1fff",
            "FIRST 3 ffffffff 1000-2fff",
            "SECOND 3 ffffffff 8000-8fff",
            "config 8 7 ffffffff ffffffff",
            "config 8 0 1 ffffffff",
            "registers false"),
        take());
  }

  /** A second stage with flags on (SSADE): a read sets A in every entry, a write D in the leaf. */
  @Test
  void everyEntryAndPageThatIsWrittenIsHeard() {
    long page = memory.allocate();
    SecondStageTables tables = new SecondStageTables(memory, 4).map(PAGE, page, 12, 3);
    VtdMachine machine = new VtdMachine(memory).scalable();
    machine.pasid(
        1, 0, PasidEntry.secondStage(2, tables.root()).walkSnoop().secondStageFlags().domain(5));
    TableMemory before = memory.copy(arena);
    var guest = Comparison.over(memory);
    guest.setWriteListener((address, length) -> heard.add("%x %x".formatted(address, length)));
    Endpoint endpoint = Iommu.vtd(guest, machine.registers(), 46).newTranslator().endpoint(1, -1);
    assertTrue(!Translation.isFault(endpoint.translate(PAGE, Access.WRITE)));
    List<String> expected = new ArrayList<>();
    for (TableMemory.Run run : memory.runs()) {
      for (long at = run.first(); at < run.first() + run.bytes().byteSize(); at += 8) {
        if (memory.get(at) != before.get(at)) {
          expected.add("%x 8".formatted(at));
        }
      }
    }
    assertEquals(4, expected.size(), "a flag in each of four levels");
    assertEquals(expected, take().stream().sorted().toList());
    endpoint.translate(PAGE, Access.WRITE);
    assertEquals(List.of(), take(), "nothing left to set");
    endpoint.write(PAGE + 0xff0, MemorySegment.ofArray(new byte[16]));
    guest.fetchAdd(page + 8, 4, 1);
    assertEquals(List.of("%x 10".formatted(page + 0xff0), "%x 4".formatted(page + 8)), take());
    guest.setWriteListener(null);
    guest.swap(page, 8, 1);
    assertEquals(List.of(), take());
  }

  /** Hot and reference walker agree wherever memory aborts; the walk ends at once. */
  @Test
  void eachReadOfAWalkCanFail() {
    SecondStageTables tables = new SecondStageTables(memory, 4).map(PAGE, 0x8000_0000L, 12, 3);
    VtdMachine machine = new VtdMachine(memory).context(1, 0, 2, 5, tables.root());
    FailingMemory failing = new FailingMemory(Comparison.over(memory));
    Translator hot = Iommu.vtd(failing, machine.registers(), 46).newUncachedTranslator();
    hot.translate(1, -1, PAGE, Access.READ);
    long reads = failing.takeReads();
    assertEquals(8, reads, "root 2, context 2, tables 4");
    var reference = References.vtd(failing, machine.registers(), 46);
    for (long n = 1; n <= reads; n++) {
      failing.failRead(n);
      long answer = hot.translate(1, -1, PAGE, Access.READ);
      assertEquals(n, failing.takeReads(), "reads up to the one that failed");
      failing.failRead(n);
      var trace = reference.translate(1, -1, PAGE, Access.READ);
      failing.takeReads();
      assertEquals("", Comparison.difference(answer, hot.lastFault(), trace));
      int code = n <= 2 ? 0x08 : n <= 4 ? 0x09 : n == 5 ? 0x03 : 0x07;
      assertEquals(code, Translation.code(answer), "read " + n);
    }
    assertTrue(!Translation.isFault(hot.translate(1, -1, PAGE, Access.READ)));
  }

  @Test
  void aSyncWithTimeoutSaysWhomItWaitsFor() throws InterruptedException {
    Iommu iommu = Iommu.vtd(Comparison.over(memory), new VtdMachine(memory).registers(), 46);
    CountDownLatch translated = new CountDownLatch(1);
    CountDownLatch end = new CountDownLatch(1);
    Thread thread =
        new Thread(
            () -> {
              Translator translator = iommu.newTranslator();
              translator.translate(1, -1, PAGE, Access.READ);
              translated.countDown();
              try {
                end.await();
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
              translator.pause();
            },
            "device 00:00.1");
    thread.start();
    translated.await();
    assertEquals(List.of(), iommu.sync(1, TimeUnit.MILLISECONDS), "nothing was invalidated");
    iommu.invalidateAll();
    while (thread.getState() != Thread.State.WAITING) {
      Thread.onSpinWait();
    }
    List<Iommu.Laggard> laggards = iommu.sync(1, TimeUnit.MILLISECONDS);
    assertEquals(List.of(new Iommu.Laggard(thread, Thread.State.WAITING)), laggards);
    assertEquals("device 00:00.1 (WAITING)", laggards.get(0).toString());
    end.countDown();
    assertEquals(List.of(), iommu.sync(1, TimeUnit.MINUTES));
    thread.join();
  }
}
