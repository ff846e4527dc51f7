package dev.nestwalk.live;

import dev.nestwalk.device.Port;
import dev.nestwalk.dma.Outcome;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.smmu.EventType;
import dev.nestwalk.vtd.FaultReason;
import java.util.function.Consumer;

/**
 * Reports refused accesses in words, a limited number per second, since a guest can cause any
 * number of them.
 *
 * <p>Threads: any.
 */
final class LiveFaults {
  private static final int A_SECOND = 20;
  private static final long SECOND = 1_000_000_000L;

  private final boolean vtd;
  private final Consumer<String> say;
  private long second = System.nanoTime();
  private int told;
  private long untold;

  LiveFaults(boolean vtd, Consumer<String> say) {
    this.vtd = vtd;
    this.say = say;
  }

  /** Reports one refused access. */
  void tell(String function, Port port, boolean write, long address, long answer) {
    String line = words(function, port, write, address, answer);
    String more = "";
    synchronized (this) {
      long now = System.nanoTime();
      if (now - second >= SECOND) {
        second = now;
        told = 0;
        more = untold == 0 ? "" : "; %d more were not told before".formatted(untold);
        untold = 0;
      }
      if (told == A_SECOND) {
        untold++;
        return;
      }
      told++;
    }
    say.accept(line + more);
  }

  private String words(String function, Port port, boolean write, long address, long answer) {
    String pasid = port.pasid() < 0 ? "" : " with PASID 0x%x".formatted(port.pasid());
    String access =
        "%s: %s of 0x%x%s".formatted(function, write ? "write" : "read", address, pasid);
    if (!Translation.isFault(answer)) {
      return "%s reaches 0x%x, where nothing is".formatted(access, Translation.address(answer));
    }
    return "%s refused: %s at stage %d, level %d"
        .formatted(
            access,
            reason(Translation.code(answer)),
            Translation.stage(answer),
            Translation.level(answer));
  }

  private String reason(int code) {
    if (Outcome.isLibraryCode(code)) {
      return Outcome.of(code).text();
    }
    FaultReason reason = vtd ? FaultReason.of(code) : null;
    EventType event = vtd ? null : EventType.of(code);
    if (reason != null) {
      return "0x%02x %s (%s)".formatted(code, reason.mnemonic(), reason.condition());
    }
    return event == null
        ? "0x%02x".formatted(code)
        : "0x%02x %s (%s)".formatted(code, event.name(), event.condition());
  }
}
