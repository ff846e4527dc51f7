package dev.nestwalk.teach.decode;

import dev.nestwalk.smmu.EventType;
import dev.nestwalk.vtd.FaultReason;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Likely causes of a fault, and what to look at next.
 *
 * @param causes the likeliest first
 * @param next commands and places to look at
 */
record Advice(List<String> causes, List<String> next) {
  private static final String UNMAPPED =
      "the driver unmapped the buffer while the device still used it, or never mapped it";
  private static final String DIRECTION =
      "the buffer is mapped for the other direction only (DMA_TO_DEVICE, DMA_FROM_DEVICE)";
  private static final String ALIAS =
      "the requester id is not the function's own: a PCIe-to-PCI bridge or a device with DMA"
          + " aliases, which needs a quirk";
  private static final String NO_DRIVER = "no driver set the device up, yet it makes DMA";
  private static final String FIRMWARE =
      "firmware goes on using memory that it did not declare (an RMRR, RMR or IVMD is missing)";
  private static final String OVERWRITTEN = "the table was overwritten, or freed too early";
  private static final String STALE = "an invalidation is missing or came too late";

  /** Advice about a VT-d fault reason. */
  static Advice vtd(int code, String where) {
    String walk = "nestwalk explain IMAGE " + where + " on a dump of the machine shows the entry";
    boolean interrupt = VtdFaults.isInterrupt(code);
    List<String> causes = interrupt ? ofInterrupt(code) : ofTranslation(FaultReason.of(code));
    return interrupt
        ? new Advice(
            causes,
            List.of(
                "/proc/interrupts and lspci -vv of the device: its MSI address and data",
                "Linux's debugfs iommu/intel/ir_translation_struct: the entry at this index"))
        : new Advice(
            causes,
            List.of(
                walk,
                "nestwalk regions show on the DMAR tells whether firmware reserved the page",
                "the lines before in the log: the driver's own error, a reset, a suspend"));
  }

  private static List<String> ofTranslation(@Nullable FaultReason reason) {
    if (reason == null) {
      return List.of();
    }
    return switch (reason) {
      case LRT_2, LCT_2, SRT_2, SCT_2 -> List.of(NO_DRIVER, ALIAS);
      case LCT_4, SPT_4 ->
          List.of("the entry asks for a width or mode that CAP and ECAP do not have");
      case LGN_1, SGN_4, SGN_5, SGN_1 ->
          List.of(
              "the device emits an address that no driver gave it (cut off, sign-extended or"
                  + " taken from the wrong register)",
              "the address is wider than CAP.MGAW or the context's AW");
      case LGN_2, SGN_6 -> List.of(UNMAPPED, DIRECTION, FIRMWARE);
      case LGN_3, SGN_7 -> List.of(UNMAPPED, DIRECTION, FIRMWARE);
      case SFS_2, SSS_2 -> List.of(UNMAPPED, FIRMWARE);
      case SPD_2, SPT_2 ->
          List.of(NO_DRIVER, "the PASID, or RID_PASID of the context entry, was never bound");
      case LRT_3, LCT_3, LSS_2, SRT_3, SCT_3, SPD_3, SPT_3, SFS_3, SSS_3 ->
          List.of(
              OVERWRITTEN,
              "software set a bit that this unit does not have (large pages, SNP, an address"
                  + " beyond the host address width)");
      case LSS_1, LRT_1, LCT_1, SRT_1, SCT_1, SPD_1, SPT_1, SFS_1, SFS_4, SSS_1, SSS_4 ->
          List.of("the entry above leads to where there is no memory", OVERWRITTEN);
      case SFS_5, SFS_6, SFS_7, SFS_8 ->
          List.of(
              "the guest's tables lie in memory that the host does not map for the device", STALE);
      case LGN_4, SGN_8 ->
          List.of("a table maps something onto 0xfee00000 to 0xfeefffff, where interrupts go");
      case LCT_5, SCT_5 -> List.of("ATS is on in the device and off in its context entry");
      case RTA_2, SCT_6, SCT_7, SCT_9 ->
          List.of("the device sends a PASID that its configuration does not admit");
      default -> List.of();
    };
  }

  /**
   * Causes for the reasons of interrupt remapping (VT-d 7.1.2), whose numbers {@link VtdFaults}
   * names.
   */
  private static List<String> ofInterrupt(int reason) {
    return switch (reason) {
      case 0x20, 0x21, 0x23, 0x24 ->
          List.of("the device's MSI registers hold an address that the kernel did not write");
      case 0x22 ->
          List.of(
              "the interrupt was freed while the device still raised it",
              "the device kept its MSI registers over a kexec or a resume");
      case 0x25 ->
          List.of(
              "the device raises an MSI in the compatibility format: its registers were not"
                  + " written by this kernel (firmware, kexec, a reset)");
      case 0x26 -> List.of(ALIAS);
      default -> List.of();
    };
  }

  /** Advice about an SMMUv3 event. */
  static Advice smmu(int code, String where) {
    EventType event = EventType.of(code);
    List<String> causes = event == null ? List.of() : ofEvent(event);
    return new Advice(
        causes,
        List.of(
            "nestwalk explain IMAGE " + where + " on a dump of the machine shows the entry",
            "nestwalk regions show on the IORT tells whether firmware reserved the page"));
  }

  private static List<String> ofEvent(EventType event) {
    return switch (event) {
      case C_BAD_STREAMID ->
          List.of(
              "the StreamID is beyond the stream table or in no table of level 2",
              NO_DRIVER,
              "the IORT or device tree maps the device to another StreamID");
      case F_STE_FETCH, F_CD_FETCH, F_WALK_EABT ->
          List.of("a pointer leads to where there is no memory", OVERWRITTEN);
      case C_BAD_STE, C_BAD_CD -> List.of("the structure is illegal for this SMMU", OVERWRITTEN);
      case F_BAD_ATS_TREQ, F_TRANSL_FORBIDDEN ->
          List.of("ATS is on in the device and off in its STE");
      case F_STREAM_DISABLED, C_BAD_SUBSTREAMID ->
          List.of("the device sends a SubstreamID that its STE does not admit, or none");
      case F_TRANSLATION -> List.of(UNMAPPED, FIRMWARE, STALE);
      case F_ADDR_SIZE ->
          List.of("a table holds an address beyond the output size (IPS, S2PS)", OVERWRITTEN);
      case F_ACCESS -> List.of("AF is 0 and hardware does not set it (HA, HTTU)");
      case F_PERMISSION ->
          List.of(DIRECTION, "the access is privileged or executes, the page is not");
      default -> List.of();
    };
  }
}
