package dev.nestwalk;

import dev.nestwalk.explain.Reference;
import dev.nestwalk.explain.References;
import dev.nestwalk.fixtures.Chance;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.smmu.ContextEntry;
import dev.nestwalk.fixtures.smmu.SmmuMachine;
import dev.nestwalk.fixtures.smmu.StreamEntry;
import dev.nestwalk.fixtures.smmu.VmsaTables;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeSet;

/** An SMMUv3: streams, SubstreamIDs, VMIDs, ASIDs, EL2, global pages, ignored top bytes, ranges. */
final class PreciseSmmu implements PreciseScene {
  private static final int[] STREAMS = {8, 9, 10, 13, 20};
  private static final int[] SUBSTREAMS = {-1, 1, 2};
  private static final int CONTEXTS = 4;
  private static final int EL2 = -1;

  /** CR0.SMMUEN. */
  private static final long TRANSLATES = 1;

  private static final long NOT_GLOBAL = 1L << 11;
  private static final long ACCESSED = 1L << 10;
  private static final long FIRST_LEAF = 1L << 6;
  private static final long READ_ONLY = 1L << 7;

  /** DBM: with HD, AP[2] or S2AP[1] tell whether the page is clean. */
  private static final long TELLS_DIRTY = 1L << 51;

  /** Neighbours may be kept as one: a hint, which promises nothing here. */
  private static final long CONTIGUOUS = 1L << 52;

  private static final long SECOND_LEAF = 1L << 6 | 15L << 2;
  private static final long SECOND_WRITE = 1L << 7;

  /** What a CD says: tables of the lower and the upper range, ASID, ignored top bytes. */
  private record Context(int lower, int upper, int asid, int ignoresTop) {}

  /** What an STE says; VMID {@link #EL2} for streams of EL2. */
  private record Stream(int vmid, boolean first, int second) {}

  /** One set of tables with the builder's view of them. */
  private record Tables(PreciseTables entries, VmsaTables start) {}

  private final TableMemory memory;

  /** Stream tables of the same devices; the registers are those of the first. */
  private final SmmuMachine[] machines;

  /** The one in force. */
  private int table;

  private final Iommu iommu;

  /** Whether EL2 has ASIDs and an upper range. */
  private boolean e2h;

  /** HA, and HD above it, of all CDs and of all STEs. */
  private final int firstFlags;

  private final int secondFlags;
  private final Tables[] firsts = new Tables[4];
  private final Tables[] seconds = new Tables[2];
  private final Context[][] contexts = new Context[64][CONTEXTS];
  private final long[] contextTables = new long[64];
  private final Stream[][] streams = new Stream[2][64];
  private final Pending pending = new Pending();

  PreciseSmmu(TableMemory memory, Chance chance) {
    this.memory = memory;
    machines = new SmmuMachine[] {new SmmuMachine(memory), new SmmuMachine(memory)};
    SmmuMachine machine = machines[0];
    e2h = chance.below(2) == 0;
    firstFlags = chance.oneOf(0, 1, 3);
    secondFlags = chance.oneOf(0, 1, 3);
    // RIL; RECINVSID and E2H.
    machine.register("IDR3", SmmuMachine.IDR3 | 1L << 10).register("CR2", e2h ? 3 : 2);
    for (int i = 0; i < firsts.length; i++) {
      boolean global = i % 2 == 1;
      long optional = CONTIGUOUS | READ_ONLY | TELLS_DIRTY | (global ? NOT_GLOBAL : 0);
      long leaf = FIRST_LEAF | (global ? 0 : NOT_GLOBAL);
      firsts[i] = tables(leaf, optional, firstFlags, global, chance);
      firsts[i].entries.fill(chance);
    }
    for (int i = 0; i < seconds.length; i++) {
      long optional = SECOND_WRITE | CONTIGUOUS | TELLS_DIRTY;
      seconds[i] = tables(SECOND_LEAF, optional, secondFlags, false, chance);
      // The tables' own pages take flags of the first stage: writable.
      seconds[i].entries.identity(0, 0, ACCESSED | SECOND_WRITE);
      seconds[i].entries.identity(0x2000_0000L, 0, ACCESSED | SECOND_WRITE);
      seconds[i].entries.fill(chance);
    }
    for (int stream : STREAMS) {
      contextTables[stream] = memory.allocate();
      for (int i = 0; i < CONTEXTS; i++) {
        write(stream, i, context(chance));
      }
      for (table = 1; table >= 0; table--) {
        write(stream, stream(chance));
      }
      table = 0;
    }
    iommu = Iommu.smmuv3(Comparison.over(memory), machine.registers());
  }

  /** Tables of any granule: 39, 36 or 42 input bits, two or three levels. */
  private Tables tables(long least, long possible, int unitSets, boolean global, Chance chance) {
    long leaf = unitSets == 0 ? least | ACCESSED : least;
    long optional = unitSets == 0 ? possible : possible | ACCESSED;
    long flags = unitSets == 0 ? READ_ONLY : READ_ONLY | ACCESSED;
    int granule = chance.oneOf(12, 12, 12, 14, 16);
    int start = granule == 12 ? 1 : 2;
    VmsaTables tables =
        new VmsaTables(memory, granule, start, granule == 12 ? 39 : granule == 14 ? 36 : 42);
    int[] shifts = new int[4 - start];
    for (int level = start; level <= 3; level++) {
      shifts[level - start] = tables.shift(level);
    }
    PreciseTables.Shape shape =
        new PreciseTables.Shape(shifts, 0, 30, 3, 3, leaf | 3, leaf | 1, optional, flags);
    return new Tables(new PreciseTables(memory, shape, tables.root(), global), tables);
  }

  private Context context(Chance chance) {
    int upper = chance.below(2) == 0 ? -1 : chance.below(firsts.length);
    return new Context(
        chance.below(firsts.length), upper, 1 + chance.below(3), chance.oneOf(0, 0, 1, 2, 3, 3));
  }

  private Stream stream(Chance chance) {
    int kind = chance.below(8);
    int second = kind < 4 ? chance.below(seconds.length) : -1;
    boolean first = kind != 0;
    return new Stream(kind == 7 ? EL2 : 1 + chance.below(2), first, second);
  }

  private void write(int stream, int index, Context context) {
    contexts[stream][index] = context;
    ContextEntry entry = new ContextEntry(48).lower(firsts[context.lower].start);
    if (context.upper >= 0) {
      entry.upper(firsts[context.upper].start);
    }
    for (int bit = 0; bit < 2; bit++) {
      if ((context.asid >> bit & 1) != 0) {
        entry.set(48 + bit);
      }
      if ((context.ignoresTop >> bit & 1) != 0) {
        entry.set(38 + bit);
      }
    }
    for (int bit = 0; bit < 2; bit++) {
      if ((firstFlags >> bit & 1) != 0) {
        entry.set(43 - bit);
      }
    }
    machines[table].context(contextTables[stream] + 64L * index, entry);
  }

  private void write(int stream, Stream config) {
    streams[table][stream] = config;
    int kind = 4 | (config.first ? 1 : 0) | (config.second >= 0 ? 2 : 0);
    StreamEntry entry = new StreamEntry(kind);
    if (config.first) {
      // Two bits of SubstreamIDs, linear; without one, substream 0.
      entry.stage1(contextTables[stream], 2, 0, 2);
    }
    if (config.second >= 0) {
      entry.stage2(seconds[config.second].start, 48);
      for (int bit = 0; bit < 2; bit++) {
        if ((secondFlags >> bit & 1) != 0) {
          entry.set(184 - bit);
        }
      }
    }
    if (config.vmid == EL2) {
      entry.set(95);
    } else {
      entry.set(127 + config.vmid);
    }
    machines[table].stream(stream, entry);
  }

  @Override
  public Iommu iommu() {
    return iommu;
  }

  @Override
  public Reference reference() {
    return References.smmuv3(iommu.memory(), machines[0].registers());
  }

  @Override
  public int[] sources() {
    return STREAMS;
  }

  @Override
  public int[] pasids() {
    return SUBSTREAMS;
  }

  @Override
  public long name(long page, Chance chance) {
    long bits = chance.oneOf(36L, 39L, 42L);
    long address = chance.below(3) == 0 ? page | -1L << bits : page;
    return chance.below(4) == 0 ? address << 8 >>> 8 | chance.bits() << 56 : address;
  }

  @Override
  public boolean isNested(int source, int pasid) {
    Stream stream = streams[table][source];
    return stream.first && stream.second >= 0;
  }

  @Override
  public void change(Chance chance) {
    switch (chance.below(8)) {
      case 0 -> changeContext(chance);
      case 1 -> changeStream(chance);
      default -> changeEntry(chance);
    }
  }

  @Override
  public void changeEntry(Chance chance) {
    long page = PreciseTables.PAGES[chance.below(PreciseTables.PAGES.length)];
    if (chance.below(2) == 0) {
      int which = chance.below(firsts.length);
      changedFirst(which, firsts[which].entries.change(page, chance), chance);
    } else {
      int which = chance.below(seconds.length);
      changedSecond(which, seconds[which].entries.change(page, chance), chance);
    }
  }

  private void changeContext(Chance chance) {
    int stream = STREAMS[chance.below(STREAMS.length)];
    int index = chance.below(CONTEXTS);
    Context before = contexts[stream][index];
    write(stream, index, context(chance));
    int vmid = streams[table][stream].vmid;
    int how = chance.below(6);
    pending.add(
        Kind.PROCESS,
        () -> {
          SmmuInvalidations unit = iommu.smmuInvalidations();
          switch (how) {
            case 0 -> unit.configContexts(stream);
            case 1 -> unit.configStream(stream);
            default -> unit.configContext(stream, index);
          }
          dropAsid(unit, vmid, before.asid);
        });
  }

  /** An ASID's translations; the global ones of its tables go with all of the VMID's. */
  private static void dropAsid(SmmuInvalidations unit, int vmid, int asid) {
    if (vmid == EL2) {
      unit.el2All();
    } else if (asid == 3) {
      unit.stage1All(vmid);
    } else {
      unit.stage1Asid(vmid, asid);
      unit.stage1RangeOfAll(vmid, 0, -1, false);
    }
  }

  private void changeStream(Chance chance) {
    int stream = STREAMS[chance.below(STREAMS.length)];
    Stream before = streams[table][stream];
    write(stream, stream(chance));
    int range = chance.below(8);
    int named = range < 5 ? stream ^ chance.below(2 << range) : stream;
    pending.add(
        Kind.DEVICE,
        () -> {
          SmmuInvalidations unit = iommu.smmuInvalidations();
          if (range < 5) {
            unit.configStreams(named, range);
          } else {
            unit.configStream(stream);
          }
          if (before.vmid == EL2) {
            unit.el2All();
          } else {
            unit.vmidAll(before.vmid);
          }
        });
  }

  @Override
  public boolean isOn() {
    return (machines[0].registers().getOrDefault("CR0", 0L) & TRANSLATES) != 0;
  }

  @Override
  public void reconfigure(Chance chance) {
    boolean keeps = chance.below(4) != 0;
    Map<String, Long> changes = new HashMap<>();
    Map<String, Long> now = machines[0].registers();
    long cr0 = now.getOrDefault("CR0", 0L);
    int what = chance.below(12);
    if (!isOn()) {
      changes.put("CR0", cr0 | TRANSLATES);
    } else if (what == 11) {
      changes.put("CR0", cr0 & ~TRANSLATES);
      // What passes by the unit is aborted, or not.
      changes.put("GBPA", (long) chance.below(2) << 20);
    } else if (what > 7) {
      // With or without event records; the queue's enable changes no answer.
      changes.put("CR0", cr0 ^ 1L << 2);
    } else if (what > 3) {
      table ^= 1;
      changes.put("STRTAB_BASE", machines[table].streamAddress(0));
    }
    if (!isOn() && chance.below(2) == 0) {
      // CR2 is writable only while translation is off.
      e2h = !e2h;
      changes.put("CR2", e2h ? 3L : 2L);
    }
    if (keeps && (changes.containsKey("STRTAB_BASE") || changes.containsKey("CR2"))) {
      pending.add(Kind.REGISTERS, this::invalidateAll);
    }
    now.putAll(changes);
    iommu.reconfigure(changes, keeps);
  }

  private void changedFirst(int which, PreciseTables.Edit edit, Chance chance) {
    PreciseTables tables = firsts[which].entries;
    boolean wasGlobal =
        edit.leafOnly() && tables.global && (edit.before() & NOT_GLOBAL) == 0 && edit.before() != 0;
    TreeSet<Long> tags = new TreeSet<>();
    for (int stream : STREAMS) {
      for (Context context : contexts[stream]) {
        for (int upper = 0; upper < 2; upper++) {
          if (which == (upper == 0 ? context.lower : context.upper)) {
            long vmid = streams[table][stream].vmid;
            int ignores = context.ignoresTop >> upper & 1;
            tags.add(vmid << 32 | (long) context.asid << 2 | ignores << 1 | upper);
          }
        }
      }
    }
    for (long tag : tags) {
      int vmid = (int) (tag >> 32);
      int asid = (int) tag >> 2;
      // A global translation goes with any ASID's command.
      int named = wasGlobal && chance.below(3) == 0 ? 1 + chance.below(3) : asid;
      long high = (tag & 1) != 0 ? -1L << firsts[which].start.inputBits() : 0;
      int opcode = chance.below(3) == 0 ? 1 : 0;
      boolean byAsid = !tables.global && (vmid != EL2 || e2h) && chance.below(12) == 0;
      long[] range = range(edit, tables.shape.granule(), high, chance);
      if ((tag & 2) != 0) {
        // Top bytes of commands count no more than those of requests.
        range[1] ^= chance.bits() << 56;
      }
      boolean all = chance.below(25) == 0;
      pending.add(
          edit.kind(Kind.FIRST_STAGE),
          () -> {
            SmmuInvalidations unit = iommu.smmuInvalidations();
            if (all || byAsid) {
              whole(unit, vmid, byAsid ? asid : -1);
            } else if (vmid == EL2) {
              submit(0x22 + opcode, 0, named, range);
            } else {
              submit(0x12 + opcode, vmid, named, range);
            }
          });
    }
  }

  private void whole(SmmuInvalidations unit, int vmid, int asid) {
    if (vmid == EL2 && (asid < 0 || !e2h)) {
      unit.el2All();
    } else if (vmid == EL2) {
      unit.el2Asid(asid);
    } else if (asid < 0) {
      unit.stage1All(vmid);
    } else {
      unit.stage1Asid(vmid, asid);
    }
  }

  private void changedSecond(int which, PreciseTables.Edit edit, Chance chance) {
    TreeSet<Integer> vmids = new TreeSet<>();
    for (int stream : STREAMS) {
      if (streams[table][stream].second == which) {
        vmids.add(streams[table][stream].vmid);
      }
    }
    for (int vmid : vmids) {
      boolean all = chance.below(10) == 0;
      long[] range = range(edit, seconds[which].entries.shape.granule(), 0, chance);
      pending.add(
          edit.kind(Kind.SECOND_STAGE),
          () -> {
            if (all) {
              iommu.smmuInvalidations().vmidAll(vmid);
            } else {
              submit(0x2a, vmid, 0, range);
            }
          });
    }
  }

  /** Operands that name the edit: words 0 and 1 without opcode and tags. */
  private static long[] range(PreciseTables.Edit edit, int granule, long high, Chance chance) {
    long leaf = edit.leafOnly() && chance.below(4) != 0 ? 1 : 0;
    long first = edit.first() | high;
    if (edit.leafOnly() && edit.before() != 0 && chance.below(3) == 0) {
      // Any address within a leaf names it, without a range.
      return new long[] {0, first + (chance.bits() & (1L << edit.shift()) - 1 & -4096) | leaf};
    }
    int log = edit.shift() - granule;
    int within = Math.min(log, chance.below(6));
    long number = (1L << within) - 1;
    long scale = (long) log - within;
    long level = number == 0 && scale == 0 ? 3 : 0;
    long tg = (granule - 10L) / 2;
    return new long[] {number << 12 | scale << 20, first | tg << 10 | level << 8 | leaf};
  }

  private void submit(int opcode, int vmid, int asid, long[] range) {
    long word0 = opcode | range[0] | (long) vmid << 32 | (long) asid << 48;
    int result = iommu.smmuInvalidations().submit(word0, range[1]);
    if (result != 0) {
      throw new AssertionError("command %x %x: %d".formatted(word0, range[1], result));
    }
  }

  @Override
  public Pending pending() {
    return pending;
  }

  @Override
  public void invalidate(Chance chance) {
    if (chance.below(60) == 0 && pending.mayTakeAll()) {
      invalidateAll();
      pending.clear();
    } else {
      pending.run();
    }
  }

  private void invalidateAll() {
    iommu.smmuInvalidations().configAll();
    iommu.smmuInvalidations().all();
  }
}
