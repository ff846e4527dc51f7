package dev.nestwalk.live;

/** Constants of the vfio-user protocol, version 0.0 (QEMU, docs/interop/vfio-user). */
final class VfioUser {
  static final int VERSION = 1;
  static final int DMA_MAP = 2;
  static final int DMA_UNMAP = 3;
  static final int DEVICE_GET_INFO = 4;
  static final int DEVICE_GET_REGION_INFO = 5;
  static final int DEVICE_GET_IRQ_INFO = 7;
  static final int DEVICE_SET_IRQS = 8;
  static final int REGION_READ = 9;
  static final int REGION_WRITE = 10;
  static final int DMA_WRITE = 12;
  static final int DEVICE_RESET = 13;

  /** Header: id 16, command 16, size of the whole message 32, flags 32, errno 32. */
  static final int HEADER = 16;

  static final int TYPE_MASK = 0xf;
  static final int TYPE_COMMAND = 0;
  static final int TYPE_REPLY = 1;
  static final int NO_REPLY = 1 << 4;
  static final int ERROR = 1 << 5;

  /** Largest number of data bytes in one message; the client is told this limit. */
  static final int MAX_DATA = 1 << 16;

  /** Largest size of one message; the largest fixed part is 40 bytes. */
  static final int MAX_MESSAGE = HEADER + 64 + MAX_DATA;

  /** Regions: six BARs, ROM, configuration space, VGA. */
  static final int REGIONS = 9;

  static final int CONFIG_REGION = 7;

  /** Interrupt kinds: INTx, MSI, MSI-X, error, request. */
  static final int IRQ_KINDS = 5;

  static final int INTX = 0;
  static final int MSI = 1;
  static final int ERROR_INTERRUPT = 3;

  static final int REGION_READABLE = 1;
  static final int REGION_WRITABLE = 2;
  static final int DEVICE_RESETS = 1;
  static final int DEVICE_IS_PCI = 2;
  static final int IRQ_EVENTFD = 1;
  static final int IRQ_MASKABLE = 2;
  static final int IRQ_AUTOMASKED = 4;
  static final int IRQ_NO_RESIZE = 8;

  static final int EINVAL = 22;
  static final int ENOSYS = 38;

  private VfioUser() {}
}
