package dev.nestwalk.device;

/**
 * Wired interrupt outputs. Each trigger is one edge (a pulse); an emulator with level-triggered
 * inputs has to convert it.
 */
public enum InterruptLine {
  /** SMMUv3: the event queue is no longer empty (IHI 0070, 3.18). */
  EVTQ,
  /** SMMUv3: the page request queue has work. */
  PRIQ,
  /** SMMUv3: a global error became active. */
  GERROR,
  /** SMMUv3: a CMD_SYNC that asked for an interrupt completed. */
  CMD_SYNC
}
