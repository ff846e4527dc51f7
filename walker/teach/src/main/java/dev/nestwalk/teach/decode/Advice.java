package dev.nestwalk.teach.decode;

import java.util.List;

/**
 * What usually lies behind a fault, and what to look at next.
 *
 * @param causes the likeliest first
 * @param next commands and places
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

  /** About a reason of VT-d. */
  static Advice vtd(int code, String where) {
    String walk = "nestwalk explain IMAGE " + where + " on a dump of the machine shows the entry";
    List<String> causes =
        switch (code) {
          case 0x01, 0x02, 0x39, 0x41 -> List.of(NO_DRIVER, ALIAS);
          case 0x03, 0x5b ->
              List.of("the entry asks for a width or mode that CAP and ECAP do not have");
          case 0x04, 0x83, 0x84, 0x80 ->
              List.of(
                  "the device emits an address that no driver gave it (cut off, sign-extended or"
                      + " taken from the wrong register)",
                  "the address is wider than CAP.MGAW or the context's AW");
          case 0x05, 0x85 -> List.of(UNMAPPED, DIRECTION, FIRMWARE);
          case 0x06, 0x86 -> List.of(UNMAPPED, DIRECTION, FIRMWARE);
          case 0x71, 0x79 -> List.of(UNMAPPED, FIRMWARE);
          case 0x51, 0x59 ->
              List.of(NO_DRIVER, "the PASID, or RID_PASID of the context entry, was never bound");
          case 0x0a, 0x0b, 0x0c, 0x3a, 0x42, 0x52, 0x5a, 0x72, 0x7a ->
              List.of(
                  OVERWRITTEN,
                  "software set a bit that this unit does not have (large pages, SNP, an address"
                      + " beyond the host address width)");
          case 0x07, 0x08, 0x09, 0x38, 0x40, 0x50, 0x58, 0x70, 0x73, 0x78, 0x7b ->
              List.of("the entry above leads to where there is no memory", OVERWRITTEN);
          case 0x74, 0x75, 0x76, 0x77 ->
              List.of(
                  "the guest's tables lie in memory that the host does not map for the device",
                  STALE);
          case 0x0e, 0x87 ->
              List.of("a table maps something onto 0xfee00000 to 0xfeefffff, where interrupts go");
          case 0x0d, 0x44 -> List.of("ATS is on in the device and off in its context entry");
          case 0x31, 0x45, 0x46, 0x48 ->
              List.of("the device sends a PASID that its configuration does not admit");
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
    boolean interrupt = code >= 0x20 && code <= 0x28;
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

  /** About an event of SMMUv3. */
  static Advice smmu(int code, String where) {
    List<String> causes =
        switch (code) {
          case 0x02 ->
              List.of(
                  "the StreamID is beyond the stream table or in no table of level 2",
                  NO_DRIVER,
                  "the IORT or device tree maps the device to another StreamID");
          case 0x03, 0x09, 0x0b ->
              List.of("a pointer leads to where there is no memory", OVERWRITTEN);
          case 0x04, 0x0a -> List.of("the structure is illegal for this SMMU", OVERWRITTEN);
          case 0x05, 0x07 -> List.of("ATS is on in the device and off in its STE");
          case 0x06, 0x08 ->
              List.of("the device sends a SubstreamID that its STE does not admit, or none");
          case 0x10 -> List.of(UNMAPPED, FIRMWARE, STALE);
          case 0x11 ->
              List.of("a table holds an address beyond the output size (IPS, S2PS)", OVERWRITTEN);
          case 0x12 -> List.of("AF is 0 and hardware does not set it (HA, HTTU)");
          case 0x13 -> List.of(DIRECTION, "the access is privileged or executes, the page is not");
          default -> List.of();
        };
    return new Advice(
        causes,
        List.of(
            "nestwalk explain IMAGE " + where + " on a dump of the machine shows the entry",
            "nestwalk regions show on the IORT tells whether firmware reserved the page"));
  }
}
