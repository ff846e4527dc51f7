package dev.nestwalk.teach.exercises;

import dev.nestwalk.dma.Access;
import dev.nestwalk.explain.Step;
import dev.nestwalk.explain.Trace;
import dev.nestwalk.fixtures.Chance;
import dev.nestwalk.fixtures.TableLevels;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.smmu.ContextEntry;
import dev.nestwalk.fixtures.smmu.SmmuMachine;
import dev.nestwalk.fixtures.smmu.StreamEntry;
import dev.nestwalk.fixtures.smmu.VmsaTables;
import java.lang.foreign.Arena;
import java.util.List;

/** Questions about the start of an SMMUv3 walk. */
final class StartTables {
  static Exercise startLevel(Draft draft, Chance chance, Arena arena) {
    Subject subject = SmmuScenes.first(chance, arena);
    Geometry geometry = subject.stage();
    Step first = Subject.reads(subject.trace()).get(0);
    int entry = geometry.granule() - 3;
    return draft
        .about(subject)
        .ask("At which level does the walk of stage 1 start?")
        .shape(geometry)
        .step("The input has 64 - %d = %d bits.".formatted(64 - geometry.bits(), geometry.bits()))
        .step(
            "A page takes %d bits, each level below the start %d; levels are numbered down to 3."
                .formatted(geometry.granule(), entry))
        .step(
            "Level %d starts at bit %d and is left with %d bits."
                .formatted(
                    geometry.start(),
                    geometry.shift(geometry.start()),
                    geometry.bits() - geometry.shift(geometry.start())))
        .value(first.level(), Answer.Style.COUNT);
  }

  /**
   * Number of bytes between the first and the last entry that a walk can read first, both
   * inclusive.
   */
  private static long startBytes(Subject subject, long lowest, long highest) {
    long first = firstRead(subject, lowest).address();
    long last = firstRead(subject, highest).address();
    return last - first + 8;
  }

  private static Step firstRead(Subject subject, long address) {
    return Subject.reads(subject.trace(subject.request().at(address))).get(0);
  }

  private static long highest(Geometry geometry) {
    return (1L << geometry.bits()) - 1;
  }

  static Exercise joinedTables(Draft draft, Chance chance, Arena arena) {
    int granule = SmmuScenes.granule(chance);
    int bits;
    boolean join = chance.percent(75);
    do {
      bits = granule == 14 ? 26 + chance.below(22) : 26 + chance.below(23);
    } while (join && SmmuScenes.joined(granule, TableLevels.vmsa(granule).start(bits), bits) == 0);
    Subject subject = SmmuScenes.second(chance, arena, granule, bits, join);
    Geometry geometry = subject.stage();
    long bytes = startBytes(subject, 0, highest(geometry));
    int left = bits - geometry.shift(geometry.start());
    return draft
        .about(subject)
        .ask("How many tables are concatenated at the start level of stage 2? (1 if none are)")
        .shape(geometry)
        .step("S2SL0 says start level %d.".formatted(geometry.start()))
        .step("Of %d input bits, %d are left for it: 2^%d entries.".formatted(bits, left, left))
        .step(
            "A table of %s has 2^%d entries."
                .formatted(geometry.granuleName(), geometry.granule() - 3))
        .value(Math.max(1, bytes >>> geometry.granule()), Answer.Style.COUNT);
  }

  static Exercise startTableSize(Draft draft, Chance chance, Arena arena) {
    Subject subject =
        SmmuScenes.first(chance, arena, SmmuScenes.granule(chance), 25 + chance.below(24), false);
    Geometry geometry = subject.stage();
    int left = geometry.bits() - geometry.shift(geometry.start());
    return draft
        .about(subject)
        .ask("How many bytes of its start table can this stage 1 read?")
        .shape(geometry)
        .step(
            "The walk starts at level %d, whose index has bits %d:%d: 2^%d entries of 8 bytes."
                .formatted(
                    geometry.start(), geometry.bits() - 1, geometry.shift(geometry.start()), left))
        .value(startBytes(subject, 0, highest(geometry)), Answer.Style.SIZE);
  }

  private static Subject bothRanges(Chance chance, Arena arena) {
    TableMemory host = SmmuScenes.hostMemory(chance, arena);
    SmmuMachine machine = new SmmuMachine(host);
    VmsaTables lower = SmmuScenes.tables(chance, host, 12, 30 + chance.below(19));
    VmsaTables upper = SmmuScenes.tables(chance, host, 12, 30 + chance.below(19));
    long contexts = host.allocate();
    machine.context(contexts, new ContextEntry(48).lower(lower).upper(upper));
    int stream = 1 + chance.below(63);
    machine.stream(stream, new StreamEntry(5).stage1(contexts, 0, 0, 0));
    Subject.Request request = new Subject.Request(stream, -1, 0, Access.READ);
    return new Subject(
            Format.SMMUV3,
            machine.registers(),
            request,
            List.of(SmmuScenes.geometry(1, lower, false), SmmuScenes.geometry(1, upper, true)))
        .with(host);
  }

  static Exercise whichRange(Draft draft, Chance chance, Arena arena) {
    Subject made = bothRanges(chance, arena);
    Geometry lower = made.stages().get(0);
    Geometry upper = made.stages().get(1);
    int low = lower.bits();
    int high = upper.bits();
    long address =
        switch (chance.below(4)) {
          case 0 -> chance.bits() & (1L << low) - 1;
          case 1 -> chance.bits() | -1L << high;
          case 2 -> (chance.bits() & (1L << low) - 1) | 1L << low + chance.below(55 - low);
          default -> (chance.bits() | -1L << high) & ~(1L << high + chance.below(55 - high));
        };
    Subject subject = made.asking(made.request().at(address));
    List<Step> reads = Subject.reads(subject.trace());
    long start = reads.isEmpty() ? 0 : reads.get(0).address();
    boolean inLower = start >= lower.root() && start < lower.root() + 4096;
    int right = reads.isEmpty() ? 2 : inLower ? 0 : 1;
    return draft
        .about(subject)
        .ask("Which table does the walk of this address start at? Top bytes are not ignored.")
        .count("T0SZ", 64 - low)
        .count("T1SZ", 64 - high)
        .word("input address", address)
        .step("Bit 55 chooses the range: it is %d.".formatted(address >>> 55 & 1))
        .step(
            "In the lower range bits 63:%d have to be 0, in the upper one bits 63:%d have to be 1."
                .formatted(low, high))
        .ordered(List.of("TTB0", "TTB1", "neither: F_TRANSLATION"), right);
  }

  static Exercise rangeLimit(Draft draft, Chance chance, Arena arena) {
    Subject subject = bothRanges(chance, arena);
    boolean upper = chance.percent(50);
    int bits = 55;
    while (!isInside(subject, edge(upper, bits))) {
      bits--;
    }
    Geometry geometry = subject.stages().get(upper ? 1 : 0);
    return draft
        .about(subject)
        .ask(
            upper
                ? "Which is the lowest address of the upper range?"
                : "Which is the highest address of the lower range?")
        .count(upper ? "T1SZ" : "T0SZ", 64 - geometry.bits())
        .step(
            "The range has 64 - %d = %d bits; the bits above them are all %d."
                .formatted(64 - geometry.bits(), geometry.bits(), upper ? 1 : 0))
        .value(edge(upper, bits), Answer.Style.HEX);
  }

  private static long edge(boolean upper, int bits) {
    return upper ? -1L << bits : (1L << bits) - 1;
  }

  private static boolean isInside(Subject subject, long address) {
    Trace trace = subject.trace(subject.request().at(address));
    return !Subject.reads(trace).isEmpty();
  }

  private StartTables() {}
}
