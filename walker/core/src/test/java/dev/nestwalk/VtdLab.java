package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.FaultRecord;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.explain.References;
import dev.nestwalk.explain.Trace;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.vtd.FirstStageTables;
import dev.nestwalk.fixtures.vtd.GuestSpace;
import dev.nestwalk.fixtures.vtd.PasidEntry;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import dev.nestwalk.memory.GuestMemory;
import java.lang.foreign.Arena;

/**
 * A small VT-d machine to break on purpose: function 00:02.0, PASID 3 where one is used, one page
 * mapped at {@link #IOVA}. Each request goes through both walkers and through caches, which must
 * agree.
 */
final class VtdLab {
  static final int SOURCE = 0x0010;
  static final int PASID = 3;
  static final long IOVA = 0x4030_2000L;
  static final long PAGE = 0x8000_0000L;
  static final long GUEST_PAGE = 0x7000_0000L;
  static final long GUEST_TABLES = 0x6000_0000L;
  static final long OUTSIDE = 0x7f_ffff_f000L;
  static final int HAW = 46;
  static final long RW = SecondStageTables.R | SecondStageTables.W;
  static final long USER_PAGE =
      FirstStageTables.P
          | FirstStageTables.RW
          | FirstStageTables.US
          | FirstStageTables.A
          | FirstStageTables.D;

  final TableMemory memory;
  final VtdMachine machine;
  private final Arena arena;
  private boolean rom;
  private boolean queries;
  private long answer;
  private FaultRecord fault = new FaultRecord();

  VtdLab(Arena arena) {
    this.arena = arena;
    memory = new TableMemory(arena).run(0x10_0000, 60);
    machine = new VtdMachine(memory);
  }

  /** Legacy mode with a 4-level second stage. */
  SecondStageTables legacy() {
    SecondStageTables second = mapped();
    machine.context(SOURCE, 0, 2, 5, second.root());
    return second;
  }

  private SecondStageTables mapped() {
    return new SecondStageTables(memory, 4).map(IOVA, PAGE, 12, RW);
  }

  VtdLab scalable() {
    machine.scalable();
    machine.scalableContext(SOURCE, 4 | 8, 0, PASID);
    return this;
  }

  VtdLab pasid(PasidEntry entry) {
    machine.pasid(SOURCE, PASID, entry.domain(5));
    return this;
  }

  /** Scalable mode with a 4-level second stage. */
  SecondStageTables second() {
    SecondStageTables second = mapped();
    scalable().pasid(secondEntry(second));
    return second;
  }

  static PasidEntry secondEntry(SecondStageTables second) {
    return PasidEntry.secondStage(second.levels() - 2, second.root()).walkSnoop();
  }

  /** Scalable mode with a 4-level first stage. */
  FirstStageTables first() {
    FirstStageTables first = new FirstStageTables(memory, 4).map(IOVA, PAGE, 12, USER_PAGE);
    scalable().pasid(firstEntry(first));
    return first;
  }

  static PasidEntry firstEntry(FirstStageTables first) {
    return PasidEntry.firstStage(first.levels(), first.root()).walkSnoop().noExecute();
  }

  /** Scalable mode, nested: tables at {@link #GUEST_TABLES}, the page at {@link #GUEST_PAGE}. */
  Nested nested() {
    return nested(RW);
  }

  Nested nested(long tableMapping) {
    SecondStageTables second = new SecondStageTables(memory, 4).map(GUEST_PAGE, PAGE, 12, RW);
    GuestSpace guest = new GuestSpace(memory, second, GUEST_TABLES).mappingFlags(tableMapping);
    FirstStageTables first = new FirstStageTables(guest, 4).map(IOVA, GUEST_PAGE, 12, USER_PAGE);
    PasidEntry entry = PasidEntry.nested(first, second).walkSnoop().noExecute();
    scalable().pasid(entry);
    return new Nested(first, second, guest, entry);
  }

  record Nested(
      FirstStageTables first, SecondStageTables second, GuestSpace guest, PasidEntry entry) {}

  /** From now on memory refuses writes. */
  VtdLab readOnlyMemory() {
    rom = true;
    return this;
  }

  void flip(long address, int bit) {
    long at = address + bit / 64 * 8L;
    memory.put(at, memory.get(at) ^ 1L << bit % 64);
  }

  /** Asks both walkers on copies of the memory; the hot walker's flags stay. */
  VtdLab ask(int pasid, long iova, int access) {
    return ask(SOURCE, pasid, iova, access);
  }

  /** From now on plain requests are asked as translation requests, by functions that may. */
  VtdLab asTranslationRequests() {
    queries = true;
    return this;
  }

  /** Lets a function use a device-TLB: TT 00b of legacy mode becomes 01b, DTE is set. */
  private void serve(int source) {
    boolean legacy = registerOf("RTADDR") == machine.root();
    long half = !legacy && (source & 0x80) != 0 ? 8 : 0;
    long table = memory.get(machine.root() + (source >> 8) * 16L + half) & -4096;
    if (table < memory.page(0) || table >= memory.page(memory.pagesUsed())) {
      return;
    }
    long at = table + (legacy ? (source & 0xff) * 16L : (source & 0x7f) * 32L);
    long entry = memory.get(at);
    boolean plain = legacy ? (entry & 13) == 1 : (entry & 1) == 1;
    memory.put(at, plain ? entry | 4 : entry);
  }

  private long registerOf(String name) {
    Long value = machine.registers().get(name);
    return value == null ? 0 : value;
  }

  /** Asks without a look at whether the function may use a device-TLB. */
  VtdLab askUnserved(int pasid, long iova, int plain) {
    boolean before = queries;
    queries = false;
    ask(SOURCE, pasid, iova, before ? plain | Access.TRANSLATION_REQUEST : plain);
    queries = before;
    return this;
  }

  VtdLab ask(int source, int pasid, long iova, int plain) {
    int access = plain;
    int ats = Access.TRANSLATED | Access.TRANSLATION_REQUEST;
    if (queries && (plain & ats) == 0) {
      serve(source);
      access = plain & ~Access.ZERO_LENGTH | Access.TRANSLATION_REQUEST;
    }
    TableMemory other = rom ? memory : memory.copy(arena);
    TableMemory third = rom ? memory : memory.copy(arena);
    Translator hot = Iommu.vtd(open(memory), machine.registers(), HAW).newUncachedTranslator();
    answer = hot.translate(source, pasid, iova, access);
    fault = hot.lastFault();
    Trace trace =
        References.vtd(open(other), machine.registers(), HAW)
            .translate(source, pasid, iova, access);
    assertEquals("", Comparison.difference(answer, fault, trace));
    assertEquals(-1, memory.firstDifference(other), "memory after the walk");
    Iommu unit = Iommu.vtd(open(third), machine.registers(), HAW);
    assertEquals("", Comparison.throughCaches(unit, source, pasid, iova, access, trace));
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

  /** Fault code of the last answer, 0 for a translation. */
  int code() {
    return Translation.isFault(answer) ? Translation.code(answer) : 0;
  }
}
