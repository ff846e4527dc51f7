package dev.nestwalk.flight;

import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Enabled;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import org.jspecify.annotations.Nullable;

/** A thread that waits until no translator can use what was invalidated. */
@Name("nestwalk.Sync")
@Label("IOMMU Sync")
@Description("How long a thread waited until no translator could use what was invalidated")
@Category({"nestwalk"})
@Enabled(false)
final class SyncWait extends Event implements UnitEvents.Wait {
  private static final SyncWait PROBE = new SyncWait();

  @Label("Format")
  @Description("VT-d or SMMUv3")
  String format = "";

  @Label("Complete")
  @Description("False if the time was over first, or the thread was interrupted")
  boolean complete;

  @Label("Translators Waited For")
  @Description("How many translators had not yet applied the invalidations")
  int translators;

  @Label("Last Waited For")
  @Description("Thread of the translator that came last; none if nobody had to be waited for")
  @Nullable Thread last;

  private SyncWait() {}

  static UnitEvents.@Nullable Wait begin(String format) {
    if (!PROBE.isEnabled()) {
      return null;
    }
    SyncWait event = new SyncWait();
    event.format = format;
    event.begin();
    return event;
  }

  @Override
  public void waitsFor(Thread thread) {
    translators++;
    last = thread;
  }

  @Override
  public void end(boolean isComplete) {
    complete = isComplete;
    commit();
  }
}
