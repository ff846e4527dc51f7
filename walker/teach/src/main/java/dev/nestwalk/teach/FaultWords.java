package dev.nestwalk.teach;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Outcome;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.explain.Step;
import dev.nestwalk.smmu.EventType;
import dev.nestwalk.vtd.FaultReason;
import java.util.List;

/** Describes a refusal in plain words: who asked, where the walk ended, and what to look at. */
final class FaultWords {
  /** The description; empty if the walk was not refused. */
  static String of(Explanation walk) {
    long answer = walk.trace().translation();
    if (!Translation.isFault(answer)) {
      return "";
    }
    int code = Translation.code(answer);
    int place = decidedBy(walk.trace().steps());
    Step step = walk.trace().steps().get(place);
    String what =
        step.read().isEmpty()
            ? "step %d, %s".formatted(place + 1, step.title())
            : "what step %d read, %s at %s 0x%x"
                .formatted(place + 1, step.title(), step.space(), step.address());
    String asked = asked(walk.request().access());
    String record = walk.trace().fault().isRecorded() ? "The unit records it." : silence(code);
    return "The device asked %s at 0x%x. The walk ended with %s: %s. %s %s"
        .formatted(
            asked,
            walk.request().iova(),
            what,
            Faults.condition(walk.format(), code),
            hint(walk.format(), code),
            record)
        .replace("  ", " ");
  }

  private static String asked(int access) {
    if (access == Access.READ || access == Access.WRITE) {
      return "to " + AccessWords.of(access);
    }
    String words = AccessWords.of(access);
    return (words.matches("[aeiou].*") ? "for an " : "for a ") + words;
  }

  /** The clause that the deciding step names. */
  static String section(Explanation walk) {
    List<Step> steps = walk.trace().steps();
    return steps.get(decidedBy(steps)).section();
  }

  /** The step before the refusal itself. */
  private static int decidedBy(List<Step> steps) {
    return Math.max(0, steps.size() - 2);
  }

  private static String silence(int code) {
    return Outcome.isLibraryCode(code)
        ? "No fault is recorded for it."
        : "It is not recorded: the configuration says so.";
  }

  private static String hint(String format, int code) {
    if (Outcome.isLibraryCode(code)) {
      return "";
    }
    return format.equals("vtd") ? vtd(code) : smmu(code);
  }

  private static String vtd(int code) {
    FaultReason reason = FaultReason.of(code);
    if (reason == null) {
      return "";
    }
    return switch (reason) {
      case LRT_2, LCT_2, SRT_2, SCT_2, SPD_2, SPT_2, SFS_2 ->
          "The entry's present bit is 0, so everything it would cover is unmapped.";
      case SSS_2 -> "R and W of the entry are both 0, so everything it would cover is unmapped.";
      case LGN_2, SGN_6 ->
          "A write needs the write right in every entry on the way: the rights are the AND of all"
              + " levels, and of both stages.";
      case LGN_3, SGN_7 ->
          "A read needs the read right in every entry on the way: the rights are the AND of all"
              + " levels, and of both stages.";
      case LRT_3, LCT_3, LSS_2, SRT_3, SCT_3, SPD_3, SPT_3, SFS_3, SSS_3 ->
          "A bit is set that this unit does not define, or an address field is wider than the"
              + " unit's addresses.";
      case LCT_4, SPT_4 -> "The entry asks for something that the unit's capabilities do not have.";
      case LSS_1, LRT_1, LCT_1, SRT_1, SCT_1, SPD_1, SPT_1, SFS_1, SFS_4, SSS_1, SSS_4 ->
          "The table lies where there is no memory.";
      case SFS_6, SFS_7 -> "The guest put its table where the host lets nobody read.";
      case SFS_8 -> "The walk has to set a flag in the guest's table, and the host forbids writes.";
      case SGN_1 -> "The upper bits have to repeat the highest translated bit.";
      case SGN_2 -> "U/S has to be 1 in every entry on the way for a user request.";
      case SGN_3 -> "The page is marked as data.";
      case LGN_1, SGN_4, SGN_5 -> "The address has more bits than the tables translate.";
      case SFS_5 -> "The guest's address has more bits than the host's tables translate.";
      case LGN_4, SGN_8 -> "0xfee00000 to 0xfeefffff is where interrupts go, not memory.";
      default -> "";
    };
  }

  private static String smmu(int code) {
    EventType event = EventType.of(code);
    if (event == null) {
      return "";
    }
    return switch (event) {
      case F_TRANSLATION ->
          "The descriptor's TYPE says invalid, or the address lies outside the translated range.";
      case F_ADDR_SIZE -> "An address has more bits than the configured output size.";
      case F_ACCESS -> "The access flag AF is 0, and hardware was not asked to set it.";
      case F_PERMISSION -> "One of the stages does not grant the right that was asked for.";
      case F_STE_FETCH, F_CD_FETCH, F_WALK_EABT -> "The structure lies where there is no memory.";
      case C_BAD_STE, C_BAD_CD -> "The step names what is illegal in it.";
      case C_BAD_STREAMID, C_BAD_SUBSTREAMID -> "The number has no entry in its table.";
      default -> "";
    };
  }

  private FaultWords() {}
}
