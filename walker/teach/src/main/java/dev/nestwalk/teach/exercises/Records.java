package dev.nestwalk.teach.exercises;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.FaultRecord;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.explain.Trace;
import dev.nestwalk.fixtures.Chance;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;

/** Questions about fault records and permissions. */
final class Records {
  /** A refused request, with PASID or without. */
  private static Subject refused(Draft draft, Chance chance, Arena arena) {
    Subject subject =
        draft.isVtd() && chance.percent(60)
            ? Lookup.withPasid(chance, arena, chance.below(4))
            : Scenes.single(chance, arena, draft.format());
    Subject asking = subject.asking(subject.request().asking(Scenes.readOrWrite(chance)));
    Breakage.any(chance, Breakage.all(asking)).apply(asking);
    return asking;
  }

  static Exercise recordWord(Draft draft, Chance chance, Arena arena) {
    Subject subject = refused(draft, chance, arena);
    Subject.Request request = subject.request();
    Trace trace = subject.trace();
    int code = Translation.code(trace.translation());
    draft
        .about(subject)
        .fact(
            draft.isVtd() ? "requester" : "StreamID",
            request.source(),
            draft.isVtd()
                ? "%s (%s)".formatted(Text.bdf(request.source()), Text.hex(request.source()))
                : Text.hex(request.source()))
        .access(request.access())
        .hex("input address", request.address())
        .fact("fault", code, Text.fault(draft.format(), code));
    if (draft.isVtd()) {
      int pasid = request.pasid();
      return draft
          .fact("PASID", pasid, pasid < 0 ? "none" : Text.hex(pasid))
          .ask("Which value has the upper half, bits 127:64, of the fault record?")
          .step("F, bit 127, is 1; T1, bit 126, is 1 for a read and 0 for a write.")
          .step("FR, bits 103:96, is the reason; SID, bits 79:64, the requester.")
          .step(
              pasid < 0
                  ? "Without PASID PP, bit 95, and PV, bits 123:104, are 0."
                  : "PP, bit 95, is 1 and PV, bits 123:104, the PASID.")
          .value(trace.fault().word(1), Answer.Style.HEX);
    }
    int stage = Translation.stage(trace.translation());
    return draft
        .count("stage", stage)
        .ask(
            "Which value has word 1, bits 127:64, of the event record? The fault is one of the"
                + " input address: CLASS is IN.")
        .step("RnW, bit 99, is 1 for a read; S2, bit 103, for stage 2.")
        .step(
            "CLASS, bits 105:104, is 2 for IN. Nothing else is set: no stall, unprivileged, data.")
        .value(trace.fault().word(1), Answer.Style.HEX);
  }

  private static String who(Draft draft, int source, int pasid, int access, long page) {
    String requester = draft.isVtd() ? Text.bdf(source) : "StreamID " + Text.hex(source);
    String process = pasid < 0 ? "" : " with PASID " + Text.hex(pasid);
    return "%s by %s%s, page %s"
        .formatted(Text.access(access), requester, process, Text.hex(page & -4096));
  }

  static Exercise readRecord(Draft draft, Chance chance, Arena arena) {
    Subject subject = refused(draft, chance, arena);
    Subject.Request request = subject.request();
    FaultRecord fault = subject.trace().fault();
    int source = request.source();
    int pasid = request.pasid();
    long page = request.address() & -4096;
    int other = request.access() == Access.READ ? Access.WRITE : Access.READ;
    List<String> wrong = new ArrayList<>();
    wrong.add(who(draft, source, pasid, other, page));
    wrong.add(who(draft, source ^ 1 + chance.below(7), pasid, request.access(), page));
    wrong.add(who(draft, source, pasid, request.access(), page ^ 0x1000));
    if (pasid >= 0) {
      wrong.add(who(draft, source, -1, request.access(), page));
      wrong.add(who(draft, source, pasid ^ 1 << chance.below(12), request.access(), page));
    }
    draft.about(subject);
    int words = draft.isVtd() ? 2 : 3;
    for (int i = 0; i < words; i++) {
      draft.word("word " + i, fault.word(i));
    }
    return draft
        .ask(
            draft.isVtd()
                ? "Which request does this fault record tell of? Word 0 is the low half."
                : "Which request does this event record tell of? Word 0 comes first in memory.")
        .step(
            draft.isVtd()
                ? "SID is bits 15:0 of word 1, PP bit 31, PV bits 59:40, T1 bit 62 (1 a read);"
                    + " FI, bits 63:12 of word 0, is the page."
                : "StreamID is bits 63:32 of word 0, RnW bit 35 of word 1, the address word 2.")
        .choice(chance, who(draft, source, pasid, request.access(), page), wrong);
  }

  private Records() {}
}
