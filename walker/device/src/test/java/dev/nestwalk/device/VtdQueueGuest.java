package dev.nestwalk.device;

import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import java.util.Map;

/** Legacy mode, queue of 256 descriptors of 16 bytes, waits by status write. */
final class VtdQueueGuest extends QueueGuest {
  private static final int DOMAIN = 5;

  private final SecondStageTables tables;
  private final VtdMachine machine;
  private final VtdUnit unit;
  private final long status;

  VtdQueueGuest(TableMemory memory, UnitOptions options, long first, int pages) {
    super(memory);
    status = memory.allocate();
    tables = new SecondStageTables(memory, 4);
    for (int i = 0; i < pages; i++) {
      tables.map(first + i * 4096L, 0, 12, 0);
    }
    machine = new VtdMachine(memory).context(SOURCE, 0, 2, DOMAIN, tables.root());
    // Legacy waits, page-selective invalidation (PSI 39) up to MAMV 53:48 = 9; QI is ECAP 1.
    long cap = VtdMachine.CAP | 1L << 39 | 9L << 48;
    Map<String, Long> capabilities = Map.of("CAP", cap, "ECAP", VtdMachine.ECAP | 2);
    unit = VtdUnit.of(options, capabilities, 46);
  }

  @Override
  VtdUnit unit() {
    return unit;
  }

  @Override
  void switchOn() {
    unit.mmioWrite(0x88, 8, 0); // IQT
    unit.mmioWrite(0x90, 8, queue); // IQA: 256 entries of 16 bytes
    unit.mmioWrite(0x18, 4, 1L << 26); // QIE
    unit.mmioWrite(0x20, 8, machine.root()); // RTADDR
    unit.mmioWrite(0x18, 4, 1L << 26 | 1L << 30); // SRTP
    submit(1 | 1L << 4, 0); // context cache, global
    submit(2 | 1L << 4, 0); // IOTLB, global
    unit.mmioWrite(0x38, 4, 0); // FECTL: not masked
    unit.mmioWrite(0x18, 4, 1L << 26 | 1L << 31); // TE
  }

  @Override
  void map(long iova, long page) {
    memory.put(tables.entryAddress(iova, 1), page == 0 ? 0 : page | 3);
  }

  @Override
  void invalidate(long iova) {
    long slot = status + 8 * (Thread.currentThread().threadId() & 511);
    memory.put(slot, 0);
    submit(2 | 3L << 4 | (long) DOMAIN << 16, iova, 5 | 1L << 5 | 1L << 32, slot);
    until(() -> (memory.get(slot) & 0xffff_ffffL) == 1);
  }

  /** Descriptors of two words each, one doorbell. */
  synchronized void submit(long... words) {
    // One slot stays free.
    until(() -> free() >= words.length / 2 + 1);
    for (int i = 0; i < words.length; i += 2) {
      long at = queue + submitted % QUEUE_ENTRIES * 16;
      memory.put(at, words[i]);
      memory.put(at + 8, words[i + 1]);
      submitted++;
    }
    unit.mmioWrite(0x88, 4, submitted % QUEUE_ENTRIES * 16);
  }

  private long free() {
    long head = unit.mmioRead(0x80, 4) / 16;
    return QUEUE_ENTRIES - (submitted - head + QUEUE_ENTRIES) % QUEUE_ENTRIES;
  }
}
