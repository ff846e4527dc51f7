package dev.nestwalk.teach;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Outcome;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.explain.Step;
import java.util.List;

/** A refusal in plain words: who asked, where the walk ended, what to look at. */
final class FaultWords {
  /** Some sentences; empty if the walk was not refused. */
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
    String asked = (walk.request().access() & Access.WRITE) != 0 ? "write" : "read";
    String record = walk.trace().fault().isRecorded() ? "The unit records it." : silence(code);
    return "The device asked to %s at 0x%x. The walk ended with %s: %s. %s %s"
        .formatted(
            asked,
            walk.request().iova(),
            what,
            Faults.condition(walk.format(), code),
            hint(walk.format(), code),
            record)
        .replace("  ", " ");
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
    return switch (code) {
      case 0x01, 0x02, 0x39, 0x41, 0x51, 0x59, 0x71 ->
          "The entry's present bit is 0, so everything it would cover is unmapped.";
      case 0x79 -> "R and W of the entry are both 0, so everything it would cover is unmapped.";
      case 0x05, 0x85 ->
          "A write needs the write right in every entry on the way: the rights are the AND of all"
              + " levels, and of both stages.";
      case 0x06, 0x86 ->
          "A read needs the read right in every entry on the way: the rights are the AND of all"
              + " levels, and of both stages.";
      case 0x0a, 0x0b, 0x0c, 0x3a, 0x42, 0x52, 0x5a, 0x72, 0x7a ->
          "A bit is set that this unit does not define, or an address field is wider than the"
              + " unit's addresses.";
      case 0x03, 0x5b -> "The entry asks for something that the unit's capabilities do not have.";
      case 0x07, 0x08, 0x09, 0x38, 0x40, 0x50, 0x58, 0x70, 0x73, 0x78, 0x7b ->
          "The table lies where there is no memory.";
      case 0x75, 0x76 -> "The guest put its table where the host lets nobody read.";
      case 0x77 -> "The walk has to set a flag in the guest's table, and the host forbids writes.";
      case 0x80 -> "The upper bits have to repeat the highest translated bit.";
      case 0x81 -> "U/S has to be 1 in every entry on the way for a user request.";
      case 0x82 -> "The page is marked as data.";
      case 0x04, 0x83, 0x84 -> "The address has more bits than the tables translate.";
      case 0x74 -> "The guest's address has more bits than the host's tables translate.";
      case 0x0e, 0x87 -> "0xfee00000 to 0xfeefffff is where interrupts go, not memory.";
      default -> "";
    };
  }

  private static String smmu(int code) {
    return switch (code) {
      case 0x10 ->
          "The descriptor's TYPE says invalid, or the address lies outside the translated range.";
      case 0x11 -> "An address has more bits than the configured output size.";
      case 0x12 -> "The access flag AF is 0, and hardware was not asked to set it.";
      case 0x13 -> "One of the stages does not grant the right that was asked for.";
      case 0x03, 0x09, 0x0b -> "The structure lies where there is no memory.";
      case 0x04, 0x0a -> "The step names what is illegal in it.";
      case 0x02, 0x08 -> "The number has no entry in its table.";
      default -> "";
    };
  }

  private FaultWords() {}
}
