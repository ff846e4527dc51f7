package dev.nestwalk.flight;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.FaultRecord;
import dev.nestwalk.dma.Translation;
import java.util.function.IntFunction;
import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Enabled;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.MemoryAddress;
import jdk.jfr.Name;
import jdk.jfr.Unsigned;

/** A DMA or a translation request that was refused. */
@Name("nestwalk.TranslationFault")
@Label("IOMMU Translation Fault")
@Description("A device's request that the IOMMU refused; the stack trace is the device's")
@Category({"nestwalk"})
@Enabled(false)
final class TranslationFault extends Event {
  private static final TranslationFault PROBE = new TranslationFault();

  @Label("Format")
  @Description("VT-d or SMMUv3")
  String format = "";

  @Label("Source")
  @Description("Requester id (VT-d) or StreamID (SMMUv3)")
  @Unsigned
  int sourceId;

  @Label("PASID")
  @Description("PASID or SubstreamID, -1 for a request without one")
  int pasid;

  @Label("IOVA")
  @Description("The address that was asked for")
  @MemoryAddress
  long iova;

  @Label("Access")
  @Description("r, w; then x fetch, p privileged, z no bytes, q translation request, t translated")
  String access = "";

  @Label("Reason")
  @Description("Fault reason or event by name, and what it stands for")
  String reason = "";

  @Label("Stage")
  @Description("1 or 2; 0 if no page table was at fault")
  int stage;

  @Label("Level")
  @Description("Level of the entry at fault, as the architecture counts")
  int level;

  @Label("Intermediate Address")
  @Description(
      "Guest-physical or intermediate address at fault in the second of two stages, else 0")
  @MemoryAddress
  long intermediate;

  @Label("Recorded")
  @Description("Whether the architecture records the fault where software sees it")
  boolean recorded;

  private TranslationFault() {}

  static void record(String format, IntFunction<String> reasons, FaultRecord fault) {
    if (!PROBE.isEnabled()) {
      return;
    }
    TranslationFault event = new TranslationFault();
    event.format = format;
    event.sourceId = fault.sourceId();
    event.pasid = fault.pasid();
    event.iova = fault.iova();
    event.access = Access.describe(fault.access());
    event.reason = reasons.apply(fault.code());
    event.stage = Translation.stage(fault.translation());
    event.level = Translation.level(fault.translation());
    event.intermediate = fault.intermediate();
    event.recorded = fault.isRecorded();
    event.commit();
  }
}
