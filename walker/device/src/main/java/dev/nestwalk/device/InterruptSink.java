package dev.nestwalk.device;

/**
 * Where interrupts go: the unit's own, and those that devices write through their ports.
 *
 * <p>Threads: a unit's own interrupts come with its lock held, on the thread that caused them (a
 * vCPU or a device thread); what caused them is visible in registers and memory by then. So these
 * methods return soon, do not wait for other threads, and do not write the unit's registers. {@link
 * #deviceMessage} comes on the device's thread without the lock.
 */
@FunctionalInterface
public interface InterruptSink {
  /**
   * A message of the unit itself (MSI): a write of 32 bits by physical address, not translated.
   *
   * @param address physical address
   * @param data 32 bits
   * @return false if nothing takes writes there, which an SMMUv3 reports (GERROR.MSI_*_ABT)
   */
  boolean message(long address, int data);

  /** An edge on a wired output; ignored unless overridden. */
  default void wire(InterruptLine line) {}

  /**
   * A message that a device wrote: VT-d's interrupt range as the device addressed it, or a doorbell
   * ({@link UnitOptions#withDoorbells}) as translation gave it.
   *
   * @param sourceId requester id or StreamID of the device
   * @param address physical address
   * @param data 32 bits
   * @return false if nothing takes writes there
   */
  default boolean deviceMessage(int sourceId, long address, int data) {
    return message(address, data);
  }
}
