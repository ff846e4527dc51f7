package dev.nestwalk.live;

/** The unit that a guest sees. */
public enum LiveFormat {
  /** Intel VT-d, in QEMU's {@code q35} machine. */
  VTD,
  /** Arm SMMUv3, in QEMU's {@code virt} machine. */
  SMMUV3
}
