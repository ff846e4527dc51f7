package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.cache.CacheCounters;
import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.AtsReply;
import dev.nestwalk.dma.FaultRecord;
import dev.nestwalk.dma.Outcome;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.smmu.ContextEntry;
import dev.nestwalk.fixtures.smmu.SmmuMachine;
import dev.nestwalk.fixtures.smmu.StreamEntry;
import dev.nestwalk.fixtures.smmu.VmsaTables;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionKind;
import dev.nestwalk.region.RegionSet;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The code of docs/embed.md, and what that page says of it. */
@Timeout(value = 120, unit = TimeUnit.SECONDS)
class EmbedGuideTest {
  private static final int DEVICE = 0x0010;
  private static final int DOMAIN = 2;

  @TempDir private Path folder = Path.of("");

  /** Guest pages 0x1000 to 0x4fff at 0x20000; 0x8000 read-only at 0x28000; ring page 0x9000. */
  private static final class Board {
    final TableMemory tables;
    final VtdMachine machine;
    final SecondStageTables pages;
    final GuestMemory memory;
    final MemorySegment ram;

    Board(Arena arena) {
      tables = new TableMemory(arena).run(0, 64);
      machine = new VtdMachine(tables);
      pages = new SecondStageTables(tables, 4);
      for (long page = 0x1000; page <= 0x4000; page += 0x1000) {
        pages.map(page, 0x2_0000 + page, 12, 3);
      }
      pages.map(0x8000, 0x2_8000, 12, SecondStageTables.R);
      pages.map(0x9000, 0x2_9000, 12, 3);
      pages.map(0xa000, 0x1000_0000, 12, 3);
      machine.context(DEVICE, 0, 2, DOMAIN, pages.root());
      ram = tables.runs().get(0).bytes();
      memory = GuestMemory.of(ram, 0);
    }

    Iommu iommu() {
      return Iommu.vtd(memory, machine.registers(), 46);
    }
  }

  @Test
  void memoryOfSeveralRunsIsOneGuestMemory() throws IOException {
    Path ramFile = folder.resolve("ram");
    Files.write(ramFile, new byte[0x20_0000]);
    long lowSize = 0x10_0000;
    long highSize = 0x10_0000;
    byte[] firmwareBytes = new byte[0x1_0000];
    // begin memory
    Arena arena = Arena.ofShared(); // every thread may translate; close it after the last of them
    MemorySegment ram;
    try (FileChannel file =
        FileChannel.open(ramFile, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      ram = file.map(FileChannel.MapMode.READ_WRITE, 0, lowSize + highSize, arena);
    }
    MemorySegment firmware = arena.allocate(firmwareBytes.length, 8);
    MemorySegment.copy(firmwareBytes, 0, firmware, ValueLayout.JAVA_BYTE, 0, firmwareBytes.length);
    GuestMemory memory =
        GuestMemory.builder()
            .window(0x0, ram, 0, lowSize)
            .window(0x1_0000_0000L, ram, lowSize, highSize)
            .rom(0xffff_0000L, firmware)
            .build();
    // end memory
    assertTrue(memory.holds(0xf_fff8));
    assertTrue(!memory.holds(0x10_0000) && !memory.holds(0x8000_0000L));
    assertTrue(memory.isWritable(0x1_000f_fff8L) && !memory.isWritable(0xffff_0000L));
    arena.close();
  }

  @Test
  void unitsAreMadeOfRegisters() {
    try (Arena arena = Arena.ofConfined()) {
      TableMemory tables = new TableMemory(arena).run(0, 64);
      SmmuMachine smmu = new SmmuMachine(tables);
      GuestMemory memory = GuestMemory.of(tables.runs().get(0).bytes(), 0);
      VtdMachine vtd = new VtdMachine(tables);
      long cap = VtdMachine.CAP;
      long ecap = VtdMachine.ECAP;
      long gsts = 1L << 31;
      long rtaddr = vtd.root();
      Map<String, Long> smmuRegisters = smmu.registers();
      // begin units
      Iommu vtdUnit =
          Iommu.vtd(memory, Map.of("CAP", cap, "ECAP", ecap, "GSTS", gsts, "RTADDR", rtaddr), 46);
      Iommu smmuUnit = Iommu.smmuv3(memory, smmuRegisters); // IDR0, IDR1, IDR5, CR0, STRTAB_BASE …
      // end units
      assertTrue(Translation.isFault(vtdUnit.newTranslator().translate(1, -1, 0, Access.READ)));
      assertTrue(Translation.isFault(smmuUnit.newTranslator().translate(1, -1, 0, Access.READ)));
    }
  }

  @Test
  void translationRequestsAreAnsweredAsCompletions() {
    try (Arena arena = Arena.ofConfined()) {
      Board board = new Board(arena);
      board.machine.context(DEVICE, 1, 2, DOMAIN, board.pages.root()); // TT = 01b: device-TLB
      Endpoint device = board.iommu().newTranslator().endpoint(DEVICE, -1);
      List<String> told = new ArrayList<>();
      for (long iova : new long[] {0x8008, 0x7000, 0xfee0_1000L}) {
        // begin ats
        long answer = device.translate(iova, Access.ATOMIC | Access.TRANSLATION_REQUEST);
        switch (AtsReply.status(answer)) {
          case SUCCESS -> {
            int rights = AtsReply.rights(answer); // READ, WRITE, EXECUTE; maybe none
            long translated = AtsReply.address(answer); // of a block of so many bytes:
            long size = 1L << AtsReply.sizeLog2(answer);
            boolean untranslated = AtsReply.isUntranslatedOnly(answer); // an interrupt's address
            told.add("%x %x %d %b".formatted(translated, size, rights, untranslated));
          }
          case UNSUPPORTED_REQUEST -> told.add("UR: this function may not use ATS");
          case COMPLETER_ABORT -> told.add("CA: broken tables");
          case NONE -> throw new AssertionError("not a translation request");
        }
        // end ats
      }
      assertEquals(List.of("28000 1000 1 false", "0 1000 0 false", "0 1000 2 true"), told);
    }
  }

  @Test
  void answersComeSinglyInBatchesAndAsRuns() {
    try (Arena arena = Arena.ofConfined()) {
      Board board = new Board(arena);
      Iommu iommu = board.iommu();
      int sourceId = DEVICE;
      long iova = 0x1008;
      long[] iovas = {0x1000, 0x2000, 0x7000, 0x3000};
      // begin translate-one
      Translator translator = iommu.newTranslator(); // on the thread that will use it
      Endpoint device = translator.endpoint(sourceId, -1); // once per requester, and kept
      long answer = device.translate(iova, Access.WRITE);
      if (Translation.isFault(answer)) {
        System.out.printf("refused: code 0x%x%n", Translation.code(answer));
      } else {
        long physical = Translation.address(answer); // of this very byte
        long block = Translation.span(answer); // bytes around it for which the answer holds
        System.out.printf("0x%x, in a block of %d bytes%n", physical, block);
      }
      // end translate-one
      assertEquals(
          "ok 0x21008 span=0x1000 rw", Translation.describe(answer), "answer of the first example");
      // begin translate-many
      long[] answers = new long[iovas.length];
      int refused = device.translate(iovas, answers, 0, iovas.length, Access.READ);
      DmaRuns runs = new DmaRuns(16); // filled anew each time
      long covered = device.translateRange(0x1000, 0x4000, Access.READ, runs);
      for (int i = 0; i < runs.count(); i++) {
        System.out.printf("0x%x, %d bytes%n", runs.address(i), runs.length(i));
      }
      // end translate-many
      assertEquals(1, refused);
      assertEquals(0x2_3000, Translation.address(answers[3]));
      assertEquals(0x4000, covered);
      assertEquals(1, runs.count());
      assertEquals(0x4000, device.translateRange(0x1000, 0x5000, Access.READ, runs));
      assertTrue(Translation.isFault(runs.refusal()));
    }
  }

  @Test
  void dmaIsReadWrittenAndSliced() {
    try (Arena arena = Arena.ofConfined()) {
      Board board = new Board(arena);
      board.ram.set(ValueLayout.JAVA_LONG, 0x2_1ff8, 7);
      Endpoint device = board.iommu().newTranslator().endpoint(DEVICE, -1);
      MemorySegment buffer = arena.allocate(16);
      // begin dma
      long done = device.read(0x1ff8, buffer); // crosses a page
      if (done < buffer.byteSize()) {
        long why = device.stoppedBy(); // a refusal, or an address where there is no memory
        System.out.println("stopped by " + Translation.describe(why));
      }
      device.write(0x2000, buffer);
      MemorySegment window = device.slice(0x1000, 0x4000, Access.ATOMIC); // null if not contiguous
      // end dma
      assertEquals(16, done);
      assertEquals(7, buffer.get(ValueLayout.JAVA_LONG, 0));
      assertEquals(7, board.ram.get(ValueLayout.JAVA_LONG, 0x2_2000));
      assertNotNull(window);
      assertEquals(7, window.get(ValueLayout.JAVA_LONG, 0x1000));
      assertEquals(8, device.read(0x4ff8, buffer));
      assertTrue(Translation.isFault(device.stoppedBy()));
      assertEquals(0, device.read(0xa000, buffer));
      assertTrue(!Translation.isFault(device.stoppedBy()), "translated, but no memory there");
    }
  }

  // begin device
  /** Copies memory to memory by commands of three words: source, destination, bytes. */
  static final class Copier {
    private static final int COMMAND = 24;
    private static final long LARGEST = 16 << 20;
    private static final ValueLayout.OfLong WORD = ValueLayout.JAVA_LONG_UNALIGNED;

    private final Translator translator;
    private final Endpoint dma;
    private final FaultLog faults;
    private final MemorySegment command = Arena.ofAuto().allocate(COMMAND, 8);
    private final MemorySegment buffer = Arena.ofAuto().allocate(4096, 8);

    /** A copier for the thread that calls this. */
    Copier(Iommu iommu, int sourceId, FaultLog faults) {
      translator = iommu.newTranslator();
      dma = translator.endpoint(sourceId, -1);
      this.faults = faults;
    }

    /** The doorbell: carries out the command at an address; bytes copied, less after a refusal. */
    long ring(long address) {
      if (dma.read(address, command) < COMMAND) {
        faults.report(dma, translator);
        return 0;
      }
      long from = command.get(WORD, 0);
      long to = command.get(WORD, 8);
      long length = command.get(WORD, 16);
      if (length < 0 || length > LARGEST) {
        return 0; // the guest's word: neither negative nor without an end
      }
      for (long done = 0; done < length; ) {
        MemorySegment piece = buffer.asSlice(0, Math.min(buffer.byteSize(), length - done));
        if (dma.read(from + done, piece) < piece.byteSize()
            || dma.write(to + done, piece) < piece.byteSize()) {
          faults.report(dma, translator);
          return done;
        }
        done += piece.byteSize();
      }
      return length;
    }
  }

  /** What the unit's fault recording registers would take. */
  static final class FaultLog {
    final List<String> lines = new ArrayList<>();

    void report(Endpoint dma, Translator translator) {
      long answer = dma.stoppedBy();
      if (!Translation.isFault(answer)) {
        lines.add("no memory at 0x%x".formatted(Translation.address(answer)));
        return;
      }
      FaultRecord fault = translator.lastFault(); // filled again by the next refusal
      if (fault.code() == Outcome.INTERRUPT.code()) {
        lines.add("interrupt, to the interrupt controller: 0x%x".formatted(fault.iova()));
      } else if (fault.isRecorded()) {
        lines.add("record %016x:%016x".formatted(fault.word(1), fault.word(0)));
      }
    }
  }

  // end device

  private static void command(Board board, long from, long to, long length) {
    board.ram.set(ValueLayout.JAVA_LONG, 0x2_9000, from);
    board.ram.set(ValueLayout.JAVA_LONG, 0x2_9008, to);
    board.ram.set(ValueLayout.JAVA_LONG, 0x2_9010, length);
  }

  @Test
  void theDeviceCopiesAndReports() {
    try (Arena arena = Arena.ofConfined()) {
      Board board = new Board(arena);
      FaultLog faults = new FaultLog();
      Copier copier = new Copier(board.iommu(), DEVICE, faults);
      board.ram.set(ValueLayout.JAVA_LONG, 0x2_2ff0, 99);
      command(board, 0x1000, 0x3000, 0x2000);
      assertEquals(0x2000, copier.ring(0x9000));
      assertEquals(99, board.ram.get(ValueLayout.JAVA_LONG, 0x2_4ff0));
      for (long length : new long[] {-1, Long.MIN_VALUE, (16 << 20) + 1, Long.MAX_VALUE}) {
        command(board, 0x1000, 0x3000, length);
        assertEquals(0, copier.ring(0x9000));
      }
      command(board, 0x1000, 0x8000, 8);
      assertEquals(0, copier.ring(0x9000));
      command(board, 0x1000, 0xfee0_0000L, 8);
      assertEquals(0, copier.ring(0x9000));
      command(board, 0x1000, 0xa000, 8);
      assertEquals(0, copier.ring(0x9000));
      assertEquals(
          List.of(
              "record 8000000500000010:0000000000008000",
              "interrupt, to the interrupt controller: 0xfee00000",
              "no memory at 0x10000000"),
          faults.lines);
    }
  }

  // begin queue
  /** The invalidation queue of a VT-d unit: what a write of IQT sets off; the new IQH. */
  static long drain(Iommu iommu, GuestMemory memory, long queue, long head, long tail, long bytes)
      throws InterruptedException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment words = arena.allocate(16, 8);
      for (long at = head; at != tail; at = (at + 16) % bytes) {
        memory.read(queue + at, words, 0, 16);
        long low = words.get(ValueLayout.JAVA_LONG, 0);
        long high = words.get(ValueLayout.JAVA_LONG, 8);
        int error = iommu.vtdInvalidations().submit(low, high);
        if (error != VtdInvalidations.DONE) {
          return at; // FSTS.IQE, IQERCD.IQEI = error: the queue stops here
        }
        if ((low & 0xf) == 5) { // invalidation wait
          iommu.sync();
          if ((low & 1 << 5) != 0) { // status write
            words.set(ValueLayout.JAVA_INT, 0, (int) (low >>> 32));
            memory.write(high & -4, words, 0, 4);
          }
        }
      }
      return tail;
    }
  }

  // end queue

  @Test
  void theQueueDropsWhatTheGuestUnmapped() throws InterruptedException {
    try (Arena arena = Arena.ofConfined()) {
      Board board = new Board(arena);
      Iommu iommu = board.iommu();
      Endpoint device = iommu.newTranslator().endpoint(DEVICE, -1);
      assertTrue(!Translation.isFault(device.translate(0x1000, Access.READ)));
      board.tables.put(board.pages.entryAddress(0x1000, 1), 0);
      assertTrue(!Translation.isFault(device.translate(0x1000, Access.READ)), "still kept");
      long queue = 0x3_0000;
      board.tables.put(queue, 2L | 2 << 4 | (long) DOMAIN << 16); // IOTLB, domain-selective
      board.tables.put(queue + 16, 5L | 1 << 5 | 0x1234L << 32); // wait, with status
      board.tables.put(queue + 24, 0x3_1000);
      assertEquals(32, drain(iommu, board.memory, queue, 0, 32, 4096));
      assertEquals(0x1234, board.tables.get(0x3_1000));
      assertTrue(Translation.isFault(device.translate(0x1000, Access.READ)));
      board.tables.put(queue + 32, 0xfL);
      assertEquals(32, drain(iommu, board.memory, queue, 32, 48, 4096), "stops at the bad one");
    }
  }

  @Test
  void invalidationsHaveMethodsAndCommands() throws InterruptedException {
    try (Arena arena = Arena.ofConfined()) {
      Board board = new Board(arena);
      Iommu vtdUnit = board.iommu();
      TableMemory tables = new TableMemory(arena).run(0x4000_0000, 64);
      SmmuMachine smmu = new SmmuMachine(tables);
      VmsaTables first = new VmsaTables(tables, 12, 0, 48);
      first.map(0x1000, 0x9000, 3, 1L << 10 | 1L << 6);
      long contexts = tables.allocate();
      smmu.context(contexts, new ContextEntry(48).lower(first));
      smmu.stream(8, new StreamEntry(5).stage1(contexts, 0, 0, 0));
      Iommu smmuUnit =
          Iommu.smmuv3(GuestMemory.of(tables.runs().get(0).bytes(), 0x4000_0000), smmu.registers());
      Translator translator = smmuUnit.newTranslator();
      assertEquals(0x9000, Translation.address(translator.translate(8, -1, 0x1000, Access.READ)));
      tables.put(first.descriptorAddress(0x1000, 3), 0);
      int domain = DOMAIN;
      int vmid = 0;
      int asid = 0;
      // begin invalidate
      VtdInvalidations vtd = vtdUnit.vtdInvalidations();
      vtd.iotlbPages(domain, 0x1000, 0, true); // one page, only leaves changed
      vtd.contextDevice(0x0010, 0);
      SmmuInvalidations arm = smmuUnit.smmuInvalidations();
      arm.stage1Range(vmid, asid, 0x1000, 0x1fff, true);
      int error = arm.submit(0x11L, 0); // CMD_TLBI_NH_ASID, as the guest queued it
      vtdUnit.sync();
      smmuUnit.sync(); // as for CMD_SYNC
      // end invalidate
      assertEquals(SmmuInvalidations.DONE, error);
      assertTrue(Translation.isFault(translator.translate(8, -1, 0x1000, Access.READ)));
    }
  }

  @Test
  void threadsNeedNotBeWaitedForWhileTheySleep() throws InterruptedException {
    try (Arena arena = Arena.ofShared()) {
      Board board = new Board(arena);
      Iommu iommu = board.iommu();
      CountDownLatch asleep = new CountDownLatch(1);
      CountDownLatch work = new CountDownLatch(1);
      long[] answers = new long[2];
      Thread thread =
          new Thread(
              () -> {
                // begin thread
                Translator translator = iommu.newTranslator();
                Endpoint device = translator.endpoint(0x0010, -1);
                answers[0] = device.translate(0x1000, Access.READ);
                translator.pause(); // sync() does not wait for this thread …
                asleep.countDown();
                try {
                  work.await();
                } catch (InterruptedException e) {
                  return;
                }
                translator.resume(); // … which applies what was invalidated meanwhile
                answers[1] = device.translate(0x1000, Access.READ);
                // end thread
              });
      thread.start();
      asleep.await();
      // begin unmap
      board.tables.put(board.pages.entryAddress(0x1000, 1), 0); // the guest unmaps,
      iommu.vtdInvalidations().iotlbPages(DOMAIN, 0x1000, 0, true); // invalidates
      iommu.sync(); // and waits: from here on it may use the page for something else
      // end unmap
      work.countDown();
      thread.join();
      assertTrue(!Translation.isFault(answers[0]));
      assertTrue(Translation.isFault(answers[1]));
    }
  }

  @Test
  void cachesHaveAGeometryAndCount() {
    try (Arena arena = Arena.ofConfined()) {
      Board board = new Board(arena);
      Iommu iommu = board.iommu();
      // begin caches
      CacheOptions options =
          CacheOptions.DEFAULT.withIotlb(65_536, 4).withStructures(4096, 4096, 0).withCounters();
      Translator translator = iommu.newTranslator(options);
      translator.translate(0x0010, -1, 0x1000, Access.READ);
      translator.translate(0x0010, -1, 0x1008, Access.READ);
      CacheCounters counters = translator.counters();
      System.out.println(counters);
      // end caches
      assertEquals(1, counters.hits());
      assertEquals(1, counters.misses());
      assertEquals(4, counters.references());
    }
  }

  @Test
  void reservedAddressesAreRefused() throws InterruptedException {
    try (Arena arena = Arena.ofConfined()) {
      Board board = new Board(arena);
      Iommu iommu = board.iommu();
      Translator translator = iommu.newTranslator();
      // begin restrict
      RegionSet barred = RegionSet.of(List.of(new Region(0x3000, 0x3fff, RegionKind.RESERVED)));
      iommu.restrict(0x0010, -1, barred, RegionSet.EMPTY);
      iommu.sync();
      long answer = translator.translate(0x0010, -1, 0x3008, Access.READ);
      System.out.println(Outcome.of(Translation.code(answer)).text());
      // end restrict
      assertEquals(Outcome.RESERVED.code(), Translation.code(answer));
    }
  }

  @Test
  void flagsAreWrittenUnlessMemoryIsReadOnly() {
    try (Arena arena = Arena.ofConfined()) {
      Board board = new Board(arena);
      GuestMemory frozen = GuestMemory.builder().ram(0, board.ram).readOnly().build();
      Iommu iommu = Iommu.vtd(frozen, board.machine.registers(), 46);
      Endpoint device = iommu.newTranslator().endpoint(DEVICE, -1);
      assertTrue(!Translation.isFault(device.translate(0x1000, Access.WRITE)));
      MemorySegment buffer = arena.allocate(8);
      assertEquals(0, device.write(0x1000, buffer));
    }
  }
}
