package dev.nestwalk.teach.exercises;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.AtsReply;
import dev.nestwalk.dma.Completion;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.explain.Step;
import dev.nestwalk.fixtures.Chance;
import java.lang.foreign.Arena;
import java.util.List;

/** Questions about translation requests (PCIe ATS; VT-d 4.1.2; IHI 0070, 3.9.1). */
final class AtsKinds {
  private static final long VTD_DEVICE_TLB = 1L << 2;
  private static final long VTD_NO_WRITE_COUNTS = 1L << 33;
  private static final long SMMU_ATS = 1L << 10;

  /** Bit 2 of either context entry: TT = 01b of a legacy one, DTE of a scalable one. */
  private static final long CONTEXT_DEVICE_TLB = 1L << 2;

  /** EATS, bits 93:92 of an STE, in its second word. */
  private static final long STE_FULL_ATS = 1L << 28;

  private static final List<String> REPLIES =
      List.of(
          "success: read and write",
          "success: read only",
          "success: write only",
          "success without rights",
          "Unsupported Request",
          "Completer Abort");

  static Exercise reply(Draft draft, Chance chance, Arena arena) {
    Subject subject = Scenes.single(chance, arena, draft.format());
    boolean served = chance.percent(80);
    boolean present = chance.percent(75);
    List<Step> reads = Subject.reads(subject.trace());
    Walks.someRights(chance, subject);
    Step leaf = reads.get(reads.size() - 1);
    if (!present) {
      boolean secondVtd = draft.isVtd() && leaf.stage() == 2;
      subject.put(leaf.host(), subject.word(leaf.host()) & (secondVtd ? ~3L : ~1L));
    }
    allow(draft, subject, served);
    boolean noWrite = chance.percent(40);
    int access = Access.TRANSLATION_REQUEST | (noWrite ? Access.READ : Access.ATOMIC);
    Subject asked = subject.asking(subject.request().asking(access));
    long answer = asked.trace().translation();
    draft
        .about(asked)
        .tables(subject.stage())
        .hex("input address", subject.request().address())
        .count("No Write flag", noWrite ? 1 : 0)
        .memory(Words.around(chance, subject, reads))
        .ask("An unprivileged device sends a translation request. What completes it?")
        .step("A device whose configuration has no ATS gets Unsupported Request.")
        .step("What is not mapped, or not for this device, is a success without rights.")
        .step("Else it gets what all levels grant.")
        .step(
            draft.isVtd()
                ? "With the No Write flag, which counts by ECAP.NWFS, it is not given write."
                : "The No Write flag only keeps the SMMU from making a clean page dirty; a page"
                    + " that is writable already is given with write.")
        .step("Here: %s.".formatted(AtsReply.describe(answer)));
    return draft.ordered(REPLIES, REPLIES.indexOf(name(answer)));
  }

  private static String name(long answer) {
    if (AtsReply.status(answer) == Completion.UNSUPPORTED_REQUEST) {
      return REPLIES.get(4);
    }
    if (AtsReply.status(answer) != Completion.SUCCESS) {
      return REPLIES.get(5);
    }
    return switch (AtsReply.rights(answer)) {
      case Access.ATOMIC -> REPLIES.get(0);
      case Access.READ -> REPLIES.get(1);
      case Access.WRITE -> REPLIES.get(2);
      default -> REPLIES.get(3);
    };
  }

  /** Lets the device send translation requests or not; the unit itself always permits them. */
  private static void allow(Draft draft, Subject subject, boolean served) {
    String structure = draft.isVtd() ? "context entry" : "STE";
    Step configuration =
        subject.trace().steps().stream()
            .filter(step -> step.title().startsWith(structure))
            .findFirst()
            .orElseThrow();
    if (!draft.isVtd()) {
      subject.registers().merge("IDR0", SMMU_ATS, (a, b) -> a | b);
      long at = configuration.host() + 8;
      subject.put(at, subject.word(at) & ~(3L << 28) | (served ? STE_FULL_ATS : 0));
      draft.fact("STE.EATS", served ? 1 : 0, served ? "01: full ATS" : "00: no ATS");
      return;
    }
    long bits = VTD_DEVICE_TLB | VTD_NO_WRITE_COUNTS;
    subject.registers().merge("ECAP", bits, (a, b) -> a | b);
    long at = configuration.host();
    long without = subject.word(at) & ~CONTEXT_DEVICE_TLB;
    subject.put(at, without | (served ? CONTEXT_DEVICE_TLB : 0));
    boolean scalable = configuration.read().size() > 2;
    if (scalable) {
      draft.count("context entry, DTE", served ? 1 : 0);
    } else {
      draft.fact("context entry, TT", served ? 1 : 0, served ? "01" : "00");
    }
    draft.count("ECAP.DT", 1).count("ECAP.NWFS", 1);
  }

  static Exercise address(Draft draft, Chance chance, Arena arena) {
    Subject subject = Scenes.single(chance, arena, draft.format());
    allow(new Draft(draft.kind(), draft.format()), subject, true);
    int access = Access.TRANSLATION_REQUEST | Access.ATOMIC;
    Subject asked = subject.asking(subject.request().asking(access));
    long answer = asked.trace().translation();
    long size = 1L << AtsReply.sizeLog2(answer);
    long field = AtsReply.address(answer) | (size >>> 1) - 1 & -1L << AtsReply.SMALLEST;
    return draft
        .about(asked)
        .hex("output address of the request", Translation.address(answer))
        .size("translation holds for", size)
        .ask(
            "A completion states bits 63:12 of an address and, with S = 1, the size in its low"
                + " bits: the lowest of them that is 0 is half the size. Which address does it"
                + " state, bits 11:0 being 0?")
        .step("The block begins at %s.".formatted(Text.hex(AtsReply.address(answer))))
        .step(
            size == 1L << AtsReply.SMALLEST
                ? "A block of 4K has S = 0: its address as it is."
                : "Half of %s is bit %d: it is 0, those from 12 up to it are 1."
                    .formatted(Text.size(size), AtsReply.sizeLog2(answer) - 1))
        .value(field, Answer.Style.HEX);
  }

  private AtsKinds() {}
}
