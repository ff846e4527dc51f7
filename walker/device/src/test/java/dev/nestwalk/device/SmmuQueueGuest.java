package dev.nestwalk.device;

import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.smmu.ContextEntry;
import dev.nestwalk.fixtures.smmu.SmmuMachine;
import dev.nestwalk.fixtures.smmu.StreamEntry;
import dev.nestwalk.fixtures.smmu.VmsaTables;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;

/** Stage 1, queue of 256 commands, CMD_SYNC that is polled. */
final class SmmuQueueGuest extends QueueGuest {
  /** Valid page, AF, nG, AP[1]. */
  private static final long LEAF = 3 | 1L << 10 | 1L << 11 | 1L << 6;

  private static final int LOG2 = 8;

  private final VmsaTables tables;
  private final SmmuMachine machine;
  private final SmmuUnit unit;
  private final long events;

  SmmuQueueGuest(TableMemory memory, UnitOptions options, long first, int pages) {
    super(memory);
    events = memory.allocate();
    tables = new VmsaTables(memory, 12, 1, 39);
    for (int i = 0; i < pages; i++) {
      tables.map(first + i * 4096L, memory.page(0), 3, LEAF);
      memory.put(tables.descriptorAddress(first + i * 4096L, 3), 0);
    }
    machine = new SmmuMachine(memory);
    long contexts = memory.allocate();
    machine.context(contexts, new ContextEntry(48).lower(tables));
    machine.stream(SOURCE, new StreamEntry(5).stage1(contexts, 0, 0, 0));
    Map<String, Long> registers = new HashMap<>(machine.registers());
    registers.put("IDR0", SmmuMachine.IDR0 | 1L << 24); // STALL_MODEL 01: no stalls
    registers.put("IDR1", SmmuMachine.IDR1 | (long) LOG2 << 21 | 5L << 16);
    unit = SmmuUnit.of(options, registers);
  }

  @Override
  SmmuUnit unit() {
    return unit;
  }

  @Override
  void switchOn() {
    unit.mmioWrite(0x80, 8, Objects.requireNonNull(machine.registers().get("STRTAB_BASE")));
    unit.mmioWrite(0x88, 4, Objects.requireNonNull(machine.registers().get("STRTAB_BASE_CFG")));
    unit.mmioWrite(0x90, 8, queue | LOG2); // CMDQ_BASE
    unit.mmioWrite(0x98, 4, 0);
    unit.mmioWrite(0x9c, 4, 0);
    unit.mmioWrite(0xa0, 8, events | 5); // EVENTQ_BASE
    unit.mmioWrite(0x20, 4, 8); // CMDQEN
    submit(4, 31, 0x30, 0, 0x46, 0); // CFGI_ALL, TLBI_NSNH_ALL, SYNC
    unit.mmioWrite(0x50, 4, 5); // IRQ_CTRL: EVENTQ, GERROR
    unit.mmioWrite(0x20, 4, 0xd); // EVENTQEN, SMMUEN
  }

  @Override
  void map(long iova, long page) {
    memory.put(tables.descriptorAddress(iova, 3), page == 0 ? 0 : page | LEAF);
  }

  @Override
  void invalidate(long iova) {
    long mine = submit(0x12, iova | 1, 0x46 | 2L << 12, 0); // TLBI_NH_VA leaf, SYNC
    until(() -> consumed() >= mine);
  }

  /** Commands of two words each, one doorbell; how many were submitted by then. */
  synchronized long submit(long... words) {
    until(() -> submitted - consumed() <= QUEUE_ENTRIES - words.length / 2);
    for (int i = 0; i < words.length; i += 2) {
      long at = queue + submitted % QUEUE_ENTRIES * 16;
      memory.put(at, words[i]);
      memory.put(at + 8, words[i + 1]);
      submitted++;
    }
    unit.mmioWrite(0x98, 4, submitted & (2 * QUEUE_ENTRIES - 1));
    return submitted;
  }

  private long consumed() {
    long modulus = 2 * QUEUE_ENTRIES;
    long now = submitted;
    return now - (now - unit.mmioRead(0x9c, 4) + modulus) % modulus;
  }
}
