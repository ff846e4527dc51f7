package dev.nestwalk.teach.exercises;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.explain.Step;
import dev.nestwalk.explain.Trace;
import dev.nestwalk.fixtures.Chance;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.vtd.PasidEntry;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import dev.nestwalk.vtd.FaultReason;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/** Questions about the path from a VT-d requester to its tables. */
final class Lookup {
  private static final long PRESENT = 1;

  private static Step step(Subject subject, String title) {
    return subject.trace().steps().stream()
        .filter(step -> step.title().contains(title) && !step.read().isEmpty())
        .findFirst()
        .orElseThrow();
  }

  /** Words around a place, filled with entries that lead elsewhere. */
  private static SortedMap<Long, Long> among(
      Chance chance, Subject subject, long place, int stride) {
    SortedMap<Long, Long> words = new TreeMap<>();
    words.put(place, subject.word(place));
    for (int more = 0; more < 4; more++) {
      long other = (place & -4096) + (chance.bits() & 4095 & -stride) + (place & stride - 1);
      if (subject.word(other) == 0) {
        subject.put(other, Scenes.somewhere(chance, 38, 12) | PRESENT);
      }
      words.put(other, subject.word(other));
    }
    return words;
  }

  static Exercise contextEntry(Draft draft, Chance chance, Arena arena) {
    Subject subject = VtdScenes.single(chance, arena, 1 + chance.below(2));
    Step root = step(subject, "root entry");
    Step context = step(subject, "context entry");
    boolean scalable = context.read().size() == 4;
    int source = subject.request().source();
    int half = scalable && (source & 0x80) != 0 ? 8 : 0;
    draft.memory(among(chance, subject, root.address() + half, 16));
    if (scalable) {
      draft.memory(Words.of(subject, root.address(), 2));
    }
    int function = scalable ? source & 0x7f : source & 0xff;
    int size = scalable ? 32 : 16;
    return draft
        .about(subject)
        .ask("At which address is this requester's context entry?")
        .fact("requester", source, Text.bdf(source))
        .fact("mode", scalable ? 1 : 0, scalable ? "scalable" : "legacy")
        .hex("root table", root.address() & -4096)
        .step(
            "Bus 0x%02x: the root entry is 16 bytes at %s + 16 * 0x%x = %s."
                .formatted(
                    source >> 8,
                    Text.hex(root.address() & -4096),
                    source >> 8,
                    Text.hex(root.address())))
        .step(
            scalable
                ? "Device %d is in the %s half, so word %d of it counts."
                    .formatted(source >> 3 & 31, half == 0 ? "lower" : "upper", half / 8)
                : "Its lower word points to the context table.")
        .step(
            "Context entries have %d bytes: %s + %d * 0x%x = %s."
                .formatted(
                    size,
                    Text.hex(context.address() & -4096),
                    size,
                    function,
                    Text.hex(context.address())))
        .value(context.address(), Answer.Style.HEX);
  }

  /** A machine with a request that has a PASID. */
  static Subject withPasid(Chance chance, Arena arena, int pdts) {
    TableMemory host = VtdScenes.hostMemory(chance, arena);
    VtdMachine machine = new VtdMachine(host).scalable();
    Scenes.Scattered space = new Scenes.Scattered(chance, host);
    int source = VtdScenes.source(chance);
    int pasid = 64 + chance.below((1 << pdts + 13) - 64);
    SecondStageTables second = new SecondStageTables(space, 4);
    Geometry geometry = VtdScenes.geometry(2, 4, second.root());
    long address = VtdScenes.address(chance, geometry);
    second.map(address, Scenes.somewhere(chance, 44, 12), 12, VtdScenes.SECOND_PAGE);
    machine.scalableContext(source, 4 | 8, pdts, 0);
    space.allocate();
    PasidEntry entry = PasidEntry.secondStage(2, second.root()).walkSnoop();
    machine.pasid(source, pasid, entry.domain(1 + chance.below(500)));
    Subject.Request request = new Subject.Request(source, pasid, address, Access.READ);
    return new Subject(Format.VTD, machine.registers(), request, List.of(geometry)).with(host);
  }

  static Exercise directoryEntry(Draft draft, Chance chance, Arena arena) {
    Subject subject = withPasid(chance, arena, chance.below(4));
    Step entry = step(subject, "PASID directory entry");
    int pasid = subject.request().pasid();
    long directory = entry.address() - 8L * (pasid >> 6);
    return draft
        .about(subject)
        .ask("At which address is this PASID's entry of the PASID directory?")
        .hex("PASID", pasid)
        .hex("PASIDDIRPTR", directory)
        .step("A PASID table has 64 entries, so bits 19:6 of the PASID index the directory.")
        .step(
            "%s >> 6 = %s; entries have 8 bytes: %s + 8 * %s."
                .formatted(
                    Text.hex(pasid),
                    Text.hex(pasid >> 6),
                    Text.hex(directory),
                    Text.hex(pasid >> 6)))
        .value(entry.address(), Answer.Style.HEX);
  }

  static Exercise pasidEntry(Draft draft, Chance chance, Arena arena) {
    Subject subject = withPasid(chance, arena, chance.below(4));
    Step directory = step(subject, "PASID directory entry");
    Step entry = step(subject, "PASID table entry");
    int pasid = subject.request().pasid();
    return draft
        .about(subject)
        .ask("At which address is this PASID's entry of its PASID table?")
        .hex("PASID", pasid)
        .hex("PASIDDIRPTR", directory.address() - 8L * (pasid >> 6))
        .memory(among(chance, subject, directory.address(), 8))
        .step(
            "The directory entry is at %s: %s."
                .formatted(Text.hex(directory.address()), Text.word(directory.read().get(0))))
        .step("Its bits 63:12 are the PASID table, which bits 5:0 of the PASID index.")
        .step(
            "%s + 64 * %d = %s."
                .formatted(
                    Text.hex(entry.address() & -4096), pasid & 63, Text.hex(entry.address())))
        .value(entry.address(), Answer.Style.HEX);
  }

  static Exercise pasidLimit(Draft draft, Chance chance, Arena arena) {
    int pdts = chance.below(5);
    Subject subject = withPasid(chance, arena, pdts);
    long supported = 13L + chance.below(7);
    subject.registers().merge("ECAP", 0L, (e, none) -> e & ~(31L << 35) | supported - 1 << 35);
    long highest = 0;
    for (int bits = 1; bits <= 20; bits++) {
      int pasid = (1 << bits) - 1;
      Subject.Request request =
          new Subject.Request(
              subject.request().source(), pasid, subject.request().address(), Access.READ);
      long answer = subject.trace(request).translation();
      int code = Translation.isFault(answer) ? Translation.code(answer) : 0;
      if (code != FaultReason.SCT_7.code() && code != FaultReason.SGN_10.code()) {
        highest = pasid;
      }
    }
    Step context = step(subject, "context entry");
    return draft
        .about(subject)
        .ask("Which is the highest PASID that this context serves?")
        .word("context entry, word 0", context.read().get(0))
        .count("ECAP.PSS", supported - 1)
        .step("PDTS, bits 11:9, is %d: 2^%d directory entries.".formatted(pdts, pdts + 7))
        .step("Each leads to 64 PASIDs: %d bits.".formatted(pdts + 13))
        .step("PSS allows %d bits; the smaller counts.".formatted(supported))
        .value(highest, Answer.Style.HEX);
  }

  static Exercise whichStages(Draft draft, Chance chance, Arena arena) {
    Subject subject =
        switch (chance.below(3)) {
          case 0 -> Scenes.single(chance, arena, draft.format(), 1);
          case 1 -> Scenes.single(chance, arena, draft.format(), 2);
          default -> Scenes.nested(chance, arena, draft.format());
        };
    boolean vtd = draft.isVtd();
    if (vtd && subject.trace().steps().stream().noneMatch(s -> s.title().contains("PASID table"))) {
      subject = Scenes.single(chance, arena, draft.format(), 1);
    }
    Step entry = step(subject, vtd ? "PASID table entry" : "STE of");
    boolean off = chance.percent(25);
    if (off) {
      long word = subject.word(entry.address());
      subject.put(
          entry.address(),
          vtd ? word & ~(7L << 6) | 4L << 6 | 3L << 2 : word & ~(7L << 1) | 4L << 1);
    }
    Trace trace = subject.trace();
    List<Step> reads = Subject.reads(trace);
    boolean first = reads.stream().anyMatch(step -> step.stage() == 1);
    boolean second = reads.stream().anyMatch(step -> step.stage() == 2);
    List<String> options =
        List.of(
            vtd ? "first stage alone" : "stage 1 alone",
            vtd ? "second stage alone" : "stage 2 alone",
            vtd ? "first stage over second stage" : "stage 1 over stage 2",
            vtd ? "none: pass-through" : "none: bypass");
    return draft
        .about(subject)
        .ask("Which stages translate the request?")
        .word(vtd ? "PASID table entry, word 0" : "STE, word 0", subject.word(entry.address()))
        .step(
            vtd
                ? "PGTT, bits 8:6: 001 first, 010 second, 011 nested, 100 pass-through."
                : "Config, bits 3:1: 100 bypass, 101 stage 1, 110 stage 2, 111 both.")
        .ordered(options, first && second ? 2 : first ? 0 : second ? 1 : 3);
  }

  private Lookup() {}
}
