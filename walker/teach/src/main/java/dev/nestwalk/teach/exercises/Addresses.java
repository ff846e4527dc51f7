package dev.nestwalk.teach.exercises;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.explain.Step;
import dev.nestwalk.explain.Trace;
import dev.nestwalk.fixtures.Chance;
import dev.nestwalk.vtd.FaultCode;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;

/** Questions about one entry: its address, and where it leads. */
final class Addresses {
  private static final int[] IGNORED = {52, 53, 54, 55, 56, 57};

  /**
   * Address of the table that holds an entry. Tables below the start have the size of a granule and
   * are aligned to it.
   */
  static long table(Geometry geometry, Step step) {
    return step.level() == geometry.start()
        ? geometry.root()
        : step.address() & -(1L << geometry.granule());
  }

  private static Step pick(Chance chance, List<Step> reads) {
    return reads.get(chance.below(reads.size()));
  }

  static Exercise tableIndex(Draft draft, Chance chance, Arena arena) {
    Subject subject = Scenes.single(chance, arena, draft.format());
    Geometry geometry = subject.stage();
    Step step = pick(chance, Subject.reads(subject.trace()));
    long address = subject.request().address();
    return draft
        .about(subject)
        .ask("Which index of its table does the walk read at level %d?".formatted(step.level()))
        .shape(geometry)
        .hex("input address", address)
        .count("level", step.level())
        .step(geometry.indexStep(address, step.level()))
        .value((step.address() - table(geometry, step)) / 8, Answer.Style.COUNT);
  }

  static Exercise entryAddress(Draft draft, Chance chance, Arena arena) {
    Subject subject = Scenes.single(chance, arena, draft.format());
    Geometry geometry = subject.stage();
    Step step = pick(chance, Subject.reads(subject.trace()));
    long address = subject.request().address();
    long table = table(geometry, step);
    return draft
        .about(subject)
        .ask("At which address does the walk read its entry of level %d?".formatted(step.level()))
        .shape(geometry)
        .hex("table of that level", table)
        .hex("input address", address)
        .count("level", step.level())
        .step(geometry.indexStep(address, step.level()))
        .step(
            "An entry has 8 bytes: %s + 8 * %s = %s."
                .formatted(
                    Text.hex(table),
                    Text.hex(geometry.index(address, step.level())),
                    Text.hex(step.address())))
        .value(step.address(), Answer.Style.HEX);
  }

  /** Sets bits of an entry that do not affect where it leads. */
  private static void decorate(Chance chance, Subject subject, Step step, boolean leaf) {
    long word = subject.word(step.host());
    if (subject.format() == Format.VTD) {
      for (int bit : IGNORED) {
        word |= chance.percent(40) ? 1L << bit : 0;
      }
    } else if (leaf) {
      word |= chance.some(0x7L << 55 | 3L << 53, 50);
    } else if (step.stage() == 1) {
      word |= chance.some(3L << 59, 60);
    }
    subject.put(step.host(), word);
  }

  static Exercise nextTable(Draft draft, Chance chance, Arena arena) {
    Subject subject;
    List<Step> reads;
    do {
      subject = Scenes.single(chance, arena, draft.format());
      reads = Subject.reads(subject.trace());
    } while (reads.size() < 2);
    int which = chance.below(reads.size() - 1);
    decorate(chance, subject, reads.get(which), false);
    reads = Subject.reads(subject.trace());
    Step step = reads.get(which);
    Geometry geometry = subject.stage();
    long next = reads.get(which + 1).address() & -(1L << geometry.granule());
    int top = subject.format() == Format.VTD ? Subject.HOST_ADDRESS_WIDTH - 1 : 47;
    return draft
        .about(subject)
        .ask("Where is the table that this entry points to?")
        .shape(geometry)
        .count("level", step.level())
        .word("entry", step.read().get(0))
        .step(
            "The entry points to a table: its address is bits %d:%d, the rest are rights and"
                    .formatted(top, geometry.granule())
                + " attributes.")
        .value(next, Answer.Style.HEX);
  }

  static Exercise leafOutput(Draft draft, Chance chance, Arena arena) {
    Subject subject = Scenes.single(chance, arena, draft.format());
    List<Step> reads = Subject.reads(subject.trace());
    decorate(chance, subject, reads.get(reads.size() - 1), true);
    Trace trace = subject.trace();
    Step leaf = Subject.reads(trace).get(reads.size() - 1);
    Geometry geometry = subject.stage();
    long address = subject.request().address();
    return draft
        .about(subject)
        .ask(
            "This entry maps a %s. Which output address does the input address get?"
                .formatted(geometry.leafName(leaf.level())))
        .shape(geometry)
        .count("level", leaf.level())
        .word("entry", leaf.read().get(0))
        .hex("input address", address)
        .step(
            "A %s of level %d has %s: bits %d:0 of the input address are the offset."
                .formatted(
                    geometry.leafName(leaf.level()),
                    leaf.level(),
                    Text.size(Translation.span(trace.translation())),
                    geometry.shift(leaf.level()) - 1))
        .step(
            "The address bits of the entry above them are the %1$s; %1$s and offset together."
                .formatted(geometry.leafName(leaf.level())))
        .value(Translation.address(trace.translation()), Answer.Style.HEX);
  }

  static Exercise whichAddress(Draft draft, Chance chance, Arena arena) {
    Subject subject;
    List<Step> reads;
    do {
      subject = Scenes.single(chance, arena, draft.format());
      reads = Subject.reads(subject.trace());
    } while (reads.size() < 3);
    Geometry geometry = subject.stage();
    draft.about(subject).shape(geometry);
    long address = subject.request().address();
    Step leaf = reads.get(reads.size() - 1);
    for (Step step : reads) {
      draft.count("index at level " + step.level(), (step.address() - table(geometry, step)) / 8);
      draft.step(
          "Index %s of level %d goes to bits %d:%d."
              .formatted(
                  Text.hex(geometry.index(address, step.level())),
                  step.level(),
                  geometry.top(step.level()),
                  geometry.shift(step.level())));
    }
    long offset = address & (1L << geometry.shift(leaf.level())) - 1;
    if (geometry.upper()) {
      draft.step("The tables are those of the upper range, so the bits above are all 1.");
    }
    return draft
        .hex("offset", offset)
        .ask(
            "A walk reads these indices and ends at a %s. Which input address does it translate?"
                .formatted(geometry.leafName(leaf.level())))
        .value(address, Answer.Style.HEX);
  }

  static Exercise canonical(Draft draft, Chance chance, Arena arena) {
    Subject subject = VtdScenes.single(chance, arena, 1);
    Geometry geometry = subject.stage();
    int sign = geometry.bits() - 1;
    boolean upper = chance.percent(50);
    List<String> wrong = new ArrayList<>();
    String right = "";
    while (wrong.size() < 3 || right.isEmpty()) {
      long low = chance.bits() & (1L << sign) - 1;
      long address = upper ? low | -1L << sign : low;
      if (!right.isEmpty()) {
        address ^= 1L << (chance.percent(60) ? sign : sign + 1 + chance.below(63 - sign));
      }
      boolean refused = isNotCanonical(subject.trace(subject.request().at(address)));
      if (refused) {
        wrong.add(Text.word(address));
      } else {
        right = Text.word(address);
      }
    }
    return draft
        .about(subject)
        .ask("Which of these addresses is canonical for this first stage?")
        .shape(geometry)
        .step("Bits 63:%d have to be all equal.".formatted(sign))
        .choice(chance, right, wrong);
  }

  private static boolean isNotCanonical(Trace trace) {
    return Translation.isFault(trace.translation())
        && Translation.code(trace.translation()) == FaultCode.SGN_1;
  }

  static Exercise widestAddress(Draft draft, Chance chance, Arena arena) {
    Subject subject = VtdScenes.single(chance, arena, 2);
    Geometry geometry = subject.stage();
    long width = chance.percent(70) ? 35 + chance.below(14) : 57;
    subject.registers().merge("CAP", 0L, (cap, none) -> cap & ~(63L << 16) | width - 1 << 16);
    int bits = 64;
    while (bits > 0 && isTooWide(subject, -1L >>> 64 - bits)) {
      bits--;
    }
    return draft
        .about(subject)
        .ask("Which is the highest address that this second stage takes?")
        .shape(geometry)
        .count("CAP.MGAW", width - 1)
        .step("%d levels resolve %d bits.".formatted(geometry.start(), geometry.bits()))
        .step("The unit takes MGAW + 1 = %d bits; the smaller counts.".formatted(width))
        .value(-1L >>> 64 - bits, Answer.Style.HEX);
  }

  private static boolean isTooWide(Subject subject, long address) {
    long answer = subject.trace(subject.request().at(address)).translation();
    int code = Translation.code(answer);
    return Translation.isFault(answer) && (code == FaultCode.LGN_1 || code == FaultCode.SGN_5);
  }

  static Exercise readsAs(Draft draft, Chance chance, Arena arena) {
    boolean upper = chance.percent(50);
    Subject subject = SmmuScenes.first(chance, arena, SmmuScenes.granule(chance), 40, upper);
    Subject.Request request = subject.request().asking(Access.READ);
    long span = Translation.span(subject.trace(request).translation());
    String right =
        switch (Long.numberOfTrailingZeros(span)) {
          case 12, 21, 30 -> "4K";
          case 14, 25 -> "16K";
          default -> "64K";
        };
    long cd = contextAddress(subject);
    return draft
        .about(subject)
        .ask("Which granule do the tables have that translate this address?")
        .word("CD word 0", subject.word(cd))
        .hex("input address", request.address())
        .step(
            "Bit 55 of the address is %d: the %s range, so %s counts."
                .formatted(
                    request.address() >>> 55 & 1,
                    upper ? "upper" : "lower",
                    upper ? "TG1, bits 23:22" : "TG0, bits 7:6"))
        .step("TG0: 0 is 4K, 1 is 64K, 2 is 16K. TG1: 1 is 16K, 2 is 4K, 3 is 64K.")
        .ordered(List.of("4K", "16K", "64K"), List.of("4K", "16K", "64K").indexOf(right));
  }

  /** Address of the walk's context descriptor. */
  static long contextAddress(Subject subject) {
    return subject.trace().steps().stream()
        .filter(step -> step.title().startsWith("CD "))
        .findFirst()
        .orElseThrow()
        .host();
  }

  private Addresses() {}
}
