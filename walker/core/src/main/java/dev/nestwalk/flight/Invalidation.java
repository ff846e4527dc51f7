package dev.nestwalk.flight;

import dev.nestwalk.cache.InvalidationListener.Stage;
import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Enabled;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.MemoryAddress;
import jdk.jfr.Name;

/** Translations or configurations that software dropped. */
@Name("nestwalk.Invalidation")
@Label("IOMMU Invalidation")
@Description("What an invalidation names; caches may drop more")
@Category({"nestwalk"})
@Enabled(false)
final class Invalidation extends Event {
  private static final Invalidation PROBE = new Invalidation();

  @Label("Format")
  @Description("VT-d or SMMUv3")
  String format = "";

  @Label("Of")
  @Description("translations, first stage, second stage, or configurations")
  String of = "";

  @Label("Source")
  @Description("Of configurations: requester id or StreamID, -1 for every one")
  long sourceId = -1;

  @Label("Ignored Source Bits")
  @Description("Of configurations: bits of the source that do not count")
  int ignoredSourceBits;

  @Label("PASID")
  @Description("PASID or SubstreamID of configurations, PASID or ASID of translations; -1 for all")
  int pasid = -1;

  @Label("Domain")
  @Description("Domain id or VMID (0x10000 for EL2), -1 for every one")
  int domain = -1;

  @Label("First Address")
  @MemoryAddress
  long first;

  @Label("Last Address")
  @MemoryAddress
  long last = -1;

  private Invalidation() {}

  static void translations(
      String format, Stage stage, int domain, int process, long first, long last) {
    if (!PROBE.isEnabled()) {
      return;
    }
    Invalidation event = new Invalidation();
    event.format = format;
    event.of =
        switch (stage) {
          case ANY -> "translations";
          case FIRST -> "first stage";
          case SECOND -> "second stage";
        };
    event.domain = domain;
    event.pasid = process;
    event.first = first;
    event.last = last;
    event.commit();
  }

  static void configurations(String format, long sourceId, int ignored, int pasid, int domain) {
    if (!PROBE.isEnabled()) {
      return;
    }
    Invalidation event = new Invalidation();
    event.format = format;
    event.of = "configurations";
    event.sourceId = sourceId;
    event.ignoredSourceBits = ignored;
    event.pasid = pasid;
    event.domain = domain;
    event.commit();
  }
}
