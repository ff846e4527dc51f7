package dev.nestwalk.teach;

import com.google.gson.JsonObject;
import dev.nestwalk.dma.FaultRecord;
import dev.nestwalk.dma.Outcome;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.smmu.EventType;
import dev.nestwalk.vtd.FaultReason;

/** Refusals as text and JSON. */
public final class Faults {
  static String mnemonic(String format, int code) {
    if (Outcome.isLibraryCode(code)) {
      return Outcome.of(code).name();
    }
    if (!format.equals("vtd")) {
      EventType event = EventType.of(code);
      return event == null ? "event" : event.name();
    }
    FaultReason reason = FaultReason.of(code);
    return reason == null ? "reserved" : reason.mnemonic();
  }

  static String condition(String format, int code) {
    if (Outcome.isLibraryCode(code)) {
      return Outcome.of(code).text();
    }
    if (!format.equals("vtd")) {
      EventType event = EventType.of(code);
      return event == null ? "" : event.condition();
    }
    FaultReason reason = FaultReason.of(code);
    return reason == null ? "" : reason.condition();
  }

  /** {@code fault 0x6 LGN.3 stage=2 level=1 iova=0x1000 record=hi:lo "condition"}. */
  public static String describe(String format, FaultRecord fault) {
    long refusal = fault.translation();
    int code = Translation.code(refusal);
    StringBuilder text = new StringBuilder(120);
    text.append("fault 0x%x %s".formatted(code, mnemonic(format, code)));
    text.append(
        " stage=%d level=%d".formatted(Translation.stage(refusal), Translation.level(refusal)));
    text.append(" iova=").append(Numbers.hex(fault.iova()));
    if (fault.intermediate() != 0) {
      text.append(" gpa=").append(Numbers.hex(fault.intermediate()));
    }
    text.append(" record=").append(fault.isRecorded() ? record(format, fault) : "none");
    String condition = condition(format, code);
    return condition.isEmpty() ? text.toString() : text + " (" + condition + ")";
  }

  /** The fault as JSON: code, name, condition, stage, level, addresses, record. */
  public static JsonObject json(String format, FaultRecord fault) {
    long refusal = fault.translation();
    int code = Translation.code(refusal);
    JsonObject json = new JsonObject();
    json.addProperty("code", Numbers.hex(code));
    json.addProperty("name", mnemonic(format, code));
    json.addProperty("condition", condition(format, code));
    json.addProperty("stage", Translation.stage(refusal));
    json.addProperty("level", Translation.level(refusal));
    json.addProperty("iova", Numbers.hex(fault.iova()));
    json.addProperty("gpa", fault.intermediate() == 0 ? null : Numbers.hex(fault.intermediate()));
    json.addProperty("record", fault.isRecorded() ? record(format, fault) : null);
    return json;
  }

  /** The raw record in the form of a scenario's {@code detail}. */
  public static String record(String format, FaultRecord fault) {
    if (format.equals("vtd")) {
      return "%016x:%016x".formatted(fault.word(1), fault.word(0));
    }
    StringBuilder bytes = new StringBuilder(64);
    for (int i = 0; i < 4; i++) {
      bytes.append("%016x".formatted(Long.reverseBytes(fault.word(i))));
    }
    return bytes.toString();
  }

  private Faults() {}
}
