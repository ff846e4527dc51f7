package dev.nestwalk.flight;

import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Enabled;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;

/** Registers of a unit that were changed. */
@Name("nestwalk.Reconfiguration")
@Label("IOMMU Reconfiguration")
@Description("Registers of the IOMMU were changed; each later request uses the new ones")
@Category({"nestwalk"})
@Enabled(false)
final class Reconfiguration extends Event {
  private static final Reconfiguration PROBE = new Reconfiguration();

  @Label("Format")
  @Description("VT-d or SMMUv3")
  String format = "";

  @Label("Registers")
  @Description("Architectural names and new values")
  String registers = "";

  @Label("Keeps Caches")
  @Description("Whether cached configurations and translations survive")
  boolean keepsCaches;

  private Reconfiguration() {}

  static void record(String format, Map<String, Long> changes, boolean keepsCaches) {
    if (!PROBE.isEnabled()) {
      return;
    }
    Reconfiguration event = new Reconfiguration();
    event.format = format;
    event.registers =
        new TreeMap<>(changes)
            .entrySet().stream()
                .map(register -> "%s=0x%x".formatted(register.getKey(), register.getValue()))
                .collect(Collectors.joining(" "));
    event.keepsCaches = keepsCaches;
    event.commit();
  }
}
