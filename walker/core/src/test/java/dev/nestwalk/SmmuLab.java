package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nestwalk.dma.FaultRecord;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.explain.References;
import dev.nestwalk.explain.Trace;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.smmu.ContextEntry;
import dev.nestwalk.fixtures.smmu.SmmuMachine;
import dev.nestwalk.fixtures.smmu.StreamEntry;
import dev.nestwalk.fixtures.smmu.VmsaTables;
import dev.nestwalk.memory.GuestMemory;
import java.lang.foreign.Arena;

/**
 * A small SMMUv3 to break on purpose: stream 1 with stage 1, stream 2 with stage 2, stream 3 nested
 * with its tables at equal intermediate and physical addresses; one page at {@link #ADDRESS}. Each
 * request goes through both walkers and through caches, which must agree.
 */
final class SmmuLab {
  static final int PAGES = 96;
  static final int FIRST = 1;
  static final int SECOND = 2;
  static final int NESTED = 3;
  static final int BYPASS = 4;
  static final long ADDRESS = 0x4030_2000L;
  static final long PAGE = 0x8000_0000L;
  static final long IPA = 0x7000_0000L;
  static final long OUTSIDE = 0x7f_ffff_f000L;

  /** AF, user and privileged read and write. */
  static final long FIRST_PAGE = 1L << 10 | 1L << 6;

  /** AF, read and write, Normal memory. */
  static final long SECOND_PAGE = 1L << 10 | 3L << 6 | 15L << 2;

  final TableMemory memory;
  final SmmuMachine machine;
  final VmsaTables first;
  final VmsaTables second;
  final VmsaTables guest;
  final long contexts;
  final long guestContexts;
  private final Arena arena;
  private boolean rom;
  private long answer;
  private FaultRecord fault = new FaultRecord();

  SmmuLab(Arena arena) {
    this.arena = arena;
    memory = new TableMemory(arena).run(0x10_0000, PAGES);
    machine = new SmmuMachine(memory);
    first = new VmsaTables(memory, 12, 1, 39).map(ADDRESS, PAGE, 3, FIRST_PAGE);
    second = new VmsaTables(memory, 12, 1, 39).map(ADDRESS, PAGE, 3, SECOND_PAGE);
    second.map(IPA, PAGE, 3, SECOND_PAGE);
    guest = new VmsaTables(memory, 12, 1, 39).map(ADDRESS, IPA, 3, FIRST_PAGE);
    contexts = memory.allocate();
    guestContexts = memory.allocate();
    for (long page = memory.page(0); page <= memory.page(PAGES - 1); page += 4096) {
      second.map(page, page, 3, SECOND_PAGE);
    }
    machine.context(contexts, firstContext());
    machine.context(guestContexts, guestContext());
    machine.stream(FIRST, firstStream());
    machine.stream(SECOND, secondStream());
    machine.stream(NESTED, nestedStream());
    machine.stream(BYPASS, new StreamEntry(4));
  }

  ContextEntry firstContext() {
    return new ContextEntry(48).lower(first);
  }

  ContextEntry guestContext() {
    return new ContextEntry(48).lower(guest);
  }

  StreamEntry firstStream() {
    return new StreamEntry(5).stage1(contexts, 0, 0, 0);
  }

  StreamEntry secondStream() {
    return new StreamEntry(6).stage2(second, 48);
  }

  StreamEntry nestedStream() {
    return new StreamEntry(7).stage1(guestContexts, 0, 0, 0).stage2(second, 48);
  }

  /** Rewrites the stage 1 stream's CD with bits flipped. */
  SmmuLab context(int... bits) {
    ContextEntry entry = firstContext();
    for (int bit : bits) {
      entry.flip(bit);
    }
    machine.context(contexts, entry);
    return this;
  }

  /** Rewrites a stream's entry with bits flipped. */
  SmmuLab stream(int stream, int... bits) {
    StreamEntry entry =
        stream == FIRST ? firstStream() : stream == SECOND ? secondStream() : nestedStream();
    for (int bit : bits) {
      entry.flip(bit);
    }
    machine.stream(stream, entry);
    return this;
  }

  /** Flips a bit of a stream's entry as it is. */
  SmmuLab flipStream(int stream, int bit) {
    long at = machine.streamAddress(stream) + bit / 64 * 8L;
    memory.put(at, memory.get(at) ^ 1L << bit % 64);
    return this;
  }

  /** Changes bits of a register. */
  SmmuLab register(String name, long clear, long set) {
    Long value = machine.registers().get(name);
    machine.register(name, (value == null ? 0 : value) & ~clear | set);
    return this;
  }

  /** From now on memory refuses writes. */
  SmmuLab readOnlyMemory() {
    rom = true;
    return this;
  }

  SmmuLab ask(int stream, long address, int access) {
    return ask(stream, -1, address, access);
  }

  SmmuLab ask(int stream, int substream, long address, int access) {
    TableMemory other = rom ? memory : memory.copy(arena);
    TableMemory third = rom ? memory : memory.copy(arena);
    Translator hot = Iommu.smmuv3(open(memory), machine.registers()).newUncachedTranslator();
    answer = hot.translate(stream, substream, address, access);
    fault = hot.lastFault();
    Trace trace =
        References.smmuv3(open(other), machine.registers())
            .translate(stream, substream, address, access);
    assertEquals("", Comparison.difference(answer, fault, trace));
    assertEquals(-1, memory.firstDifference(other), "memory after the walk");
    Iommu unit = Iommu.smmuv3(open(third), machine.registers());
    assertEquals("", Comparison.throughCaches(unit, stream, substream, address, access, trace));
    assertEquals(-1, third.firstDifference(other), "memory after the walk of an endpoint");
    return this;
  }

  private GuestMemory open(TableMemory tables) {
    return Comparison.inTwoRuns(tables, rom);
  }

  long answer() {
    return answer;
  }

  FaultRecord fault() {
    return fault;
  }

  /** Event number of the last answer, 0 for a translation. */
  int code() {
    return Translation.isFault(answer) ? Translation.code(answer) : 0;
  }
}
