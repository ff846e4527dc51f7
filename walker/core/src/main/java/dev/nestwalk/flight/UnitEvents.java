package dev.nestwalk.flight;

import dev.nestwalk.cache.InvalidationListener;
import dev.nestwalk.dma.FaultRecord;
import dev.nestwalk.dma.Outcome;
import java.util.Map;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * Hands what happens in one unit to a recording of JDK Flight Recorder, if one asks for it. While
 * none does, a call costs a look at a flag and allocates nothing.
 *
 * <p>The classes of the events are named in bodies of methods alone, behind {@link #PRESENT}: where
 * the runtime has no Flight Recorder they are never loaded.
 *
 * <p>Threads: any.
 */
public final class UnitEvents implements InvalidationListener {
  /** Whether the runtime has Flight Recorder, and this module reads it. */
  private static final boolean PRESENT =
      ModuleLayer.boot()
          .findModule("jdk.jfr")
          .filter(UnitEvents.class.getModule()::canRead)
          .isPresent();

  private final String format;
  private final IntFunction<String> reasons;
  private final boolean tells;

  private UnitEvents(String format, IntFunction<String> reasons, boolean tells) {
    this.format = format;
    this.reasons = reasons;
    this.tells = tells;
  }

  /**
   * The events of a unit.
   *
   * @param format {@code VT-d} or {@code SMMUv3}
   * @param reasons what the code of a refusal stands for
   */
  public static UnitEvents of(String format, IntFunction<String> reasons) {
    return new UnitEvents(format, reasons, PRESENT);
  }

  /** For translations that are no device's: tells nobody. */
  public static UnitEvents none() {
    return new UnitEvents("", code -> "", false);
  }

  /** A wait that is under way. */
  public interface Wait {
    /** The translator of a thread may still use what was invalidated. */
    void waitsFor(Thread thread);

    /**
     * Nothing is waited for any more.
     *
     * @param complete whether no translator can use what was invalidated; else the time was over,
     *     or the waiting thread was interrupted
     */
    void end(boolean complete);
  }

  /** A translation was refused. Requests of interrupts and replies without rights are no faults. */
  public void refused(FaultRecord fault) {
    if (tells && isFault(fault.code())) {
      TranslationFault.record(format, reasons, fault);
    }
  }

  private static boolean isFault(int code) {
    return code != Outcome.INTERRUPT.code()
        && code != Outcome.RESERVED_MSI.code()
        && code != Outcome.NO_RIGHTS.code();
  }

  /** Somebody begins to wait for the translators; null if no recording wants to know. */
  public @Nullable Wait waiting() {
    return tells ? SyncWait.begin(format) : null;
  }

  /**
   * The unit's registers were changed.
   *
   * @param changes by architectural name
   * @param keepsCaches whether what is cached survives
   */
  public void reconfigured(Map<String, Long> changes, boolean keepsCaches) {
    if (tells) {
      Reconfiguration.record(format, changes, keepsCaches);
    }
  }

  @Override
  public void unmapped(Stage stage, int domain, int process, long first, long last) {
    if (tells) {
      Invalidation.translations(format, stage, domain, process, first, last);
    }
  }

  @Override
  public void reconfigured(long sourceId, int ignoredSourceBits, int pasid, int domain) {
    if (tells) {
      Invalidation.configurations(format, sourceId, ignoredSourceBits, pasid, domain);
    }
  }
}
