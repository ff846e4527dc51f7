package dev.nestwalk.device;

import dev.nestwalk.dma.Access;
import dev.nestwalk.smmu.EventRecord;
import dev.nestwalk.smmu.QueueIndex;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * The state of an SMMUv3 as a {@link Snapshot} has it: registers by name, stalled accesses, what is
 * under way. All of it is checked before any of it is used.
 *
 * @param registers every register's value
 * @param stalls accesses with a tag
 * @param unanswered a device did not answer an invalidation since the last CMD_SYNC
 * @param failed service failure mode
 */
record SmmuState(
    Map<SmmuRegister, Long> registers,
    List<SmmuStalls.Held> stalls,
    boolean unanswered,
    boolean failed) {
  private static final String UNIT = "smmuv3";
  private static final String STALLS = "STALLS";
  private static final String UNANSWERED = "UNANSWERED";
  private static final String FAILED = "FAILED";

  /** StreamID, SubstreamID, address, access, whether recorded, the record's four words. */
  private static final int STALL_WORDS = 9;

  static Snapshot save(
      SmmuRegisters registers, SmmuStalls stalls, boolean unanswered, boolean failed) {
    Snapshot.Builder state = new Snapshot.Builder(UNIT);
    for (SmmuRegister register : SmmuRegister.values()) {
      state.put(register.name(), registers.get(register));
    }
    List<SmmuStalls.Held> held = stalls.held();
    long[] words = new long[held.size() * STALL_WORDS];
    for (int i = 0; i < held.size(); i++) {
      SmmuStalls.Held one = held.get(i);
      int at = i * STALL_WORDS;
      words[at] = Integer.toUnsignedLong(one.streamId);
      words[at + 1] = one.substreamId;
      words[at + 2] = one.iova;
      words[at + 3] = one.access;
      words[at + 4] = one.recorded ? 1 : 0;
      System.arraycopy(one.record, 0, words, at + 5, one.record.length);
    }
    return state
        .put(STALLS, words)
        .put(UNANSWERED, unanswered ? 1 : 0)
        .put(FAILED, failed ? 1 : 0)
        .build();
  }

  /**
   * Reads and checks.
   *
   * @param unit registers of the unit that is to take the state
   * @param mostStalls accesses that may have a tag
   * @throws IllegalArgumentException if the state cannot be one of this unit's
   */
  static SmmuState of(Snapshot snapshot, SmmuRegisters unit, int mostStalls) {
    require(snapshot.unit().equals(UNIT), "snapshot of " + snapshot.unit(), UNIT);
    Map<SmmuRegister, Long> values = new EnumMap<>(SmmuRegister.class);
    for (SmmuRegister register : SmmuRegister.values()) {
      long value = snapshot.value(register.name());
      if (register.compareTo(SmmuRegister.AIDR) <= 0) {
        require(
            value == unit.get(register),
            shown(register, value),
            "0x%x, as this unit has it".formatted(unit.get(register)));
      }
      long bits = possible(register, unit);
      require((value & ~bits) == 0, shown(register, value), "bits of 0x%x".formatted(bits));
      values.put(register, value);
    }
    List<SmmuStalls.Held> held = stalls(snapshot.values(STALLS), mostStalls);
    return new SmmuState(values, held, flag(snapshot, UNANSWERED), flag(snapshot, FAILED));
  }

  private static String shown(SmmuRegister register, long value) {
    return "%s of 0x%x".formatted(register.name(), value);
  }

  private static long possible(SmmuRegister register, SmmuRegisters unit) {
    return switch (register) {
      case IDR0, IDR1, IDR2, IDR3, IDR4, IDR5, IIDR, AIDR -> unit.get(register);
      case CR0ACK -> unit.writableBits(SmmuRegister.CR0);
      case IRQ_CTRLACK -> unit.writableBits(SmmuRegister.IRQ_CTRL);
      case GERROR -> unit.writableBits(SmmuRegister.GERRORN);
      case CMDQ_CONS -> unit.writableBits(register) | QueueIndex.ERR.mask();
      case STATUSR -> 0;
      default -> unit.writableBits(register);
    };
  }

  private static List<SmmuStalls.Held> stalls(long[] words, int most) {
    int count = words.length / STALL_WORDS;
    require(
        words.length % STALL_WORDS == 0 && count <= most,
        "%d words of stalled accesses".formatted(words.length),
        "%d for each of at most %d".formatted(STALL_WORDS, most));
    List<SmmuStalls.Held> held = new ArrayList<>();
    BitSet tags = new BitSet();
    for (int at = 0; at < words.length; at += STALL_WORDS) {
      int access = (int) words[at + 3];
      long[] record = new long[EventRecord.TRANSLATION.words()];
      System.arraycopy(words, at + 5, record, 0, record.length);
      long substream = words[at + 1];
      boolean possible =
          words[at] >>> 32 == 0
              && substream >= -1
              && substream < 1L << EventRecord.SUBSTREAMID.width()
              && words[at + 3] == access
              && Access.isValid(access)
              && words[at + 4] >>> 1 == 0
              && EventRecord.STALL.in(record[EventRecord.STALL.word()]);
      int stream = (int) words[at];
      SmmuStalls.Held one =
          new SmmuStalls.Held(
              stream, (int) substream, words[at + 2], access, record, words[at + 4] != 0);
      require(possible && !tags.get(one.tag()), "stalled access", "one with a tag of its own");
      tags.set(one.tag());
      held.add(one);
    }
    return held;
  }

  private static boolean flag(Snapshot snapshot, String name) {
    long value = snapshot.value(name);
    require(value >>> 1 == 0, "%s of 0x%x".formatted(name, value), "0 or 1");
    return value != 0;
  }

  private static void require(boolean holds, String found, String expected) {
    if (!holds) {
      throw new IllegalArgumentException("snapshot: %s, expected %s".formatted(found, expected));
    }
  }
}
