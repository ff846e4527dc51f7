package dev.nestwalk.teach.exercises;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.explain.Step;
import dev.nestwalk.explain.Trace;
import dev.nestwalk.fixtures.Chance;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.smmu.ContextEntry;
import dev.nestwalk.fixtures.smmu.SmmuMachine;
import dev.nestwalk.fixtures.smmu.StreamEntry;
import dev.nestwalk.fixtures.smmu.VmsaTables;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import java.lang.foreign.Arena;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Questions about the reads of a walk, the size of tables, and the capacity of an IOTLB. */
final class Costs {
  private static final int DOMAIN = 1;
  private static final int STREAM = 1;

  static Exercise readsSingle(Draft draft, Chance chance, Arena arena) {
    Subject subject = Scenes.single(chance, arena, draft.format());
    Trace trace = subject.trace();
    Geometry geometry = subject.stage();
    List<Step> reads = Subject.reads(trace);
    int last = reads.get(reads.size() - 1).level();
    return draft
        .about(subject)
        .ask("How many table entries does a walk read, its configuration being known?")
        .shape(geometry)
        .size("page", Translation.span(trace.translation()))
        .step("The walk starts at level %d.".formatted(geometry.start()))
        .step(
            "Entries of level %d map %s, so it ends there."
                .formatted(last, Text.size(Translation.span(trace.translation()))))
        .value(reads.size(), Answer.Style.COUNT);
  }

  static Exercise readsNested(Draft draft, Chance chance, Arena arena) {
    Subject subject = Scenes.nested(chance, arena, draft.format());
    Trace trace = subject.trace();
    Geometry one = subject.stages().get(0);
    Geometry two = subject.stages().get(1);
    List<Step> reads = Subject.reads(trace);
    // Reads that find the context descriptor belong to the configuration.
    List<Step> counted = reads.subList(configuration(trace), reads.size());
    Step first = counted.stream().filter(s -> s.stage() == 1).reduce((a, b) -> b).orElseThrow();
    Step last = counted.get(counted.size() - 1);
    Step tableLeaf = counted.get(counted.indexOf(firstOf(counted)) - 1);
    long firsts = counted.stream().filter(step -> step.stage() == 1).count();
    int perTable = Math.abs(tableLeaf.level() - two.start()) + 1;
    int perPage = Math.abs(last.level() - two.start()) + 1;
    return draft
        .about(subject)
        .ask(
            "How many table entries does a walk of both stages read? Nothing is cached; the"
                + " configuration is known.")
        .shape(one)
        .shape(two)
        .size(one.stageName() + " page", 1L << one.shift(first.level()))
        .size(
            two.stageName() + " pages that hold the first stage's tables",
            1L << two.shift(tableLeaf.level()))
        .size(two.stageName() + " page that holds the data", 1L << two.shift(last.level()))
        .step("The first stage reads %d entries.".formatted(firsts))
        .step(
            "Each of them lies at an intermediate address: %d reads of the second stage before it."
                .formatted(perTable))
        .step("The output takes another %d reads.".formatted(perPage))
        .step("%d * (%d + 1) + %d = %d.".formatted(firsts, perTable, perPage, counted.size()))
        .value(counted.size(), Answer.Style.COUNT);
  }

  private static Step firstOf(List<Step> reads) {
    return reads.stream().filter(step -> step.stage() == 1).findFirst().orElseThrow();
  }

  /** Number of table entries read before the configuration is known. */
  private static int configuration(Trace trace) {
    int entries = 0;
    int known = 0;
    for (Step step : trace.steps()) {
      if (!step.read().isEmpty()) {
        entries += step.stage() > 0 ? 1 : 0;
        known = step.stage() == 0 ? entries : known;
      }
    }
    return known;
  }

  static Exercise readsConfiguration(Draft draft, Chance chance, Arena arena) {
    boolean nested = chance.percent(50);
    Subject subject =
        nested
            ? Scenes.nested(chance, arena, draft.format())
            : Scenes.single(chance, arena, draft.format());
    boolean twoLevel = !draft.isVtd() && chance.percent(50);
    if (twoLevel) {
      level1(chance, subject);
    }
    Trace trace = subject.trace();
    int reads = 0;
    int count = 0;
    StringBuilder line = new StringBuilder();
    for (Step step : trace.steps()) {
      if (!step.read().isEmpty()) {
        reads++;
        if (step.stage() == 0) {
          count = reads;
          line.append(line.isEmpty() ? "" : ", ").append(step.title());
        }
      }
    }
    int second = configuration(trace);
    draft.about(subject);
    if (draft.isVtd()) {
      boolean scalable = trace.steps().stream().anyMatch(s -> s.title().contains("PASID table"));
      draft.fact("mode", scalable ? 1 : 0, scalable ? "scalable" : "legacy");
    } else {
      draft.fact("stream table", twoLevel ? 2 : 1, twoLevel ? "two levels" : "linear");
      int stages = nested ? 3 : subject.stage().stage();
      draft.fact(
          "stages",
          stages,
          stages == 3
              ? "stage 1 over stage 2, one CD"
              : stages == 1 ? "stage 1, one CD" : "stage 2");
      if (nested) {
        Geometry two = subject.stages().get(1);
        draft.shape(two);
        Step leaf = Subject.reads(trace).get(second - 1);
        draft.size("stage 2 page that holds the CD", 1L << two.shift(leaf.level()));
      }
    }
    return draft
        .ask(
            "How many structures and table entries are read until the configuration is known?"
                + " A structure counts once, whatever its size.")
        .step(line + ".")
        .step(
            second == 0
                ? "No table entry is read for it."
                : "The CD lies at an intermediate address, which takes %d entries of stage 2."
                    .formatted(second))
        .value(count, Answer.Style.COUNT);
  }

  /** Adds a level 1 table to a machine's stream table. */
  private static void level1(Chance chance, Subject subject) {
    Long linear = subject.registers().get("STRTAB_BASE");
    long streams = linear == null ? 0 : linear;
    // The stream table is 4 KiB for 64 streams; the page after it is unused.
    long level1 = streams + 4096;
    subject.put(level1, streams | 7);
    subject.put(level1 + 8, Scenes.somewhere(chance, 38, 16) | 7);
    subject.registers().put("STRTAB_BASE", level1);
    subject.registers().put("STRTAB_BASE_CFG", 8L | 6L << 6 | 1L << 16);
  }

  /** Makes the mappings of a question. */
  private interface Mapping {
    void map(long from, long to, int sizeLog2);
  }

  /** A machine whose second stage a question fills, with 4K tables of four or three levels. */
  private static final class Filled {
    final Subject subject;
    final Mapping mapping;

    Filled(Chance chance, Arena arena, Format format) {
      int pages = 160;
      TableMemory host = new TableMemory(arena).run(Scenes.somewhere(chance, 38, 20), pages);
      Geometry geometry;
      java.util.Map<String, Long> registers;
      Subject.Request request;
      if (format == Format.VTD) {
        VtdMachine machine = new VtdMachine(host);
        SecondStageTables second = new SecondStageTables(host, 3 + chance.below(2));
        int source = VtdScenes.source(chance);
        machine.context(source, 0, second.levels() - 2, DOMAIN, second.root());
        geometry = VtdScenes.geometry(2, second.levels(), second.root());
        mapping = (from, to, size) -> second.map(from, to, size, VtdScenes.SECOND_PAGE);
        registers = machine.registers();
        request = new Subject.Request(source, -1, 0, Access.READ);
      } else {
        SmmuMachine machine = new SmmuMachine(host);
        VmsaTables first = new VmsaTables(host, 12, 0, 40 + chance.below(9));
        long contexts = host.allocate();
        machine.context(contexts, new ContextEntry(48).lower(first));
        machine.stream(STREAM, new StreamEntry(5).stage1(contexts, 0, 0, 0));
        geometry = SmmuScenes.geometry(1, first, false);
        mapping =
            (from, to, size) -> first.map(from, to, 3 - (size - 12) / 9, SmmuScenes.FIRST_PAGE);
        registers = machine.registers();
        request = new Subject.Request(STREAM, -1, 0, Access.READ);
      }
      subject = new Subject(format, registers, request, List.of(geometry)).with(host);
    }
  }

  static Exercise tablesNeeded(Draft draft, Chance chance, Arena arena) {
    Filled filled = new Filled(chance, arena, draft.format());
    Geometry geometry = filled.subject.stage();
    int pages = chance.percent(50) ? 2 + chance.below(40) : 200 + chance.below(1800);
    int boundary = chance.oneOf(21, 21, 30, 30);
    long edge = (1L + chance.below(30) << 30) + (boundary == 21 ? 1 + chance.below(500) << 21 : 0);
    long drawn = chance.percent(70) ? edge - 4096L * (1 + chance.below(pages - 1)) : edge;
    long first = clearOfInterrupts(drawn, pages);
    long output = Scenes.somewhere(chance, 44, 30);
    Set<Long> tables = new HashSet<>();
    for (int page = 0; page < pages; page++) {
      filled.mapping.map(first + 4096L * page, output + 4096L * page, 12);
    }
    for (int page = 0; page < pages; page++) {
      // One walk per last-level table, and at both ends, finds all tables.
      boolean tells = page == 0 || page == pages - 1 || (first + 4096L * page & 0x1f_ffffL) == 0;
      if (tells) {
        Subject.Request request = filled.subject.request().at(first + 4096L * page);
        for (Step step : Subject.reads(filled.subject.trace(request))) {
          tables.add(step.address() & -4096);
        }
      }
    }
    long last = first + 4096L * pages - 1;
    draft
        .about(filled.subject)
        .ask(
            "How many tables does it take to map these pages, each by an entry of its own? Count"
                + " the start table; nothing else is mapped.")
        .shape(geometry)
        .count("pages of 4K", pages)
        .hex("first page", first);
    for (int level : geometry.levels()) {
      if (level != geometry.start()) {
        int shift = geometry.shift(level) + 9;
        draft.step(
            "A table of level %d covers %s: %s to %s lie in %d."
                .formatted(
                    level,
                    Text.size(1L << shift),
                    Text.hex(first),
                    Text.hex(last),
                    (last >>> shift) - (first >>> shift) + 1));
      }
    }
    return draft.step("And the start table.").value(tables.size(), Answer.Style.COUNT);
  }

  /**
   * Moves pages of 4K that touch 0xFEE00000 to 0xFEEFFFFF up by 1 GiB, where they take as many
   * tables. In a VT-d unit addresses of that range are interrupts, for which no table is read.
   */
  static long clearOfInterrupts(long first, int pages) {
    boolean touches = first < 0xfef0_0000L && first + 4096L * pages > 0xfee0_0000L;
    return touches ? first + (1L << 30) : first;
  }

  static Exercise iotlbEntries(Draft draft, Chance chance, Arena arena) {
    Filled filled = new Filled(chance, arena, draft.format());
    long large = chance.percent(50) ? 1L << 21 : 1L << 30;
    long blocks = large == 1L << 21 ? 1 + chance.below(12) : 1 + chance.below(3);
    // Above 4 GiB, away from the interrupt range; small pages before and after the large ones.
    long before = 4096L * chance.below(60);
    long after = 4096L * chance.below(60);
    long edge = 4L + chance.below(40) << 30;
    edge += large == 1L << 21 ? (long) chance.below(500) << 21 : 0;
    long start = edge - before;
    long bytes = before + blocks * large + after;
    long output = Scenes.somewhere(chance, 43, 30) | start & (1L << 30) - 1;
    for (long at = start; at < start + bytes; ) {
      int size = 30;
      while (size > 12 && ((at & (1L << size) - 1) != 0 || at + (1L << size) > start + bytes)) {
        size -= 9;
      }
      filled.mapping.map(at, output + (at - start), size);
      at += 1L << size;
    }
    int entries = 0;
    int[] ofSize = new int[3];
    for (long at = start; at < start + bytes; ) {
      long answer = filled.subject.trace(filled.subject.request().at(at)).translation();
      long span = Translation.span(answer);
      at = (at & -span) + span;
      entries++;
      ofSize[(Translation.spanLog2(answer) - 12) / 9]++;
    }
    return draft
        .about(filled.subject)
        .ask(
            "The buffer is mapped by the largest pages that fit (4K, 2M, 1G; input and output"
                + " equally aligned), and nothing beside it. How many IOTLB entries hold all of it,"
                + " one per page?")
        .hex("first byte", start)
        .hex("bytes", bytes)
        .step("The end is %s.".formatted(Text.hex(start + bytes)))
        .step("%d pages of 4K, %d of 2M, %d of 1G.".formatted(ofSize[0], ofSize[1], ofSize[2]))
        .value(entries, Answer.Style.COUNT);
  }

  static Exercise iotlbReach(Draft draft, Chance chance, Arena arena) {
    Subject subject = Scenes.nested(chance, arena, draft.format());
    Trace trace = subject.trace();
    List<Step> reads = Subject.reads(trace);
    Step first = reads.stream().filter(s -> s.stage() == 1).reduce((a, b) -> b).orElseThrow();
    Step second = reads.get(reads.size() - 1);
    Geometry one = subject.stages().get(0);
    Geometry two = subject.stages().get(1);
    long entries = 1L << 5 + chance.below(8);
    long span = Translation.span(trace.translation());
    return draft
        .about(subject)
        .ask(
            "Everything is mapped like this. How many bytes does a full IOTLB reach, if an entry"
                + " covers what one translation holds for?")
        .count("IOTLB entries", entries)
        .size(one.stageName() + " pages", 1L << one.shift(first.level()))
        .size(two.stageName() + " pages", 1L << two.shift(second.level()))
        .step("A nested translation holds over the smaller of both: %s.".formatted(Text.size(span)))
        .step("%d entries of it.".formatted(entries))
        .value(entries * span, Answer.Style.SIZE);
  }

  private Costs() {}
}
