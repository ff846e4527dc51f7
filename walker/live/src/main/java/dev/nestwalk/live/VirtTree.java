package dev.nestwalk.live;

/**
 * The device tree of QEMU's {@code virt} machine for arm64, with GICv2, one processor, and an
 * SMMUv3 that QEMU does not know. QEMU adds the memory's size and the kernel's command line.
 *
 * <p>The addresses are those of that machine (hw/arm/virt.c, "base_memmap"); they have not changed
 * since QEMU 3.0.
 */
final class VirtTree {
  /** Where RAM begins; the tree is at its start. */
  static final long RAM = 0x4000_0000L;

  /** PCI Express configuration space. */
  static final long ECAM = 0x40_1000_0000L;

  /** Address of the SMMU's registers: in QEMU's PCI window, but not in the guest's. */
  static final long REGISTERS = 0x3e00_0000L;

  /** Address to which devices write messages: the GICv2m frame. */
  static final long DOORBELL = 0x0802_0040L;

  /** Address at which the boot ROM places the initial RAM disk. */
  static final long INITRD = RAM + (256L << 20);

  /**
   * Size of the largest initial RAM disk. The tree is written before the guest's is known, so it
   * names an end after that many bytes. The server has cleared them, and Linux skips zeros.
   */
  static final long INITRD_LIMIT = 96L << 20;

  private static final long REGISTERS_SIZE = 0x2_0000;
  private static final long PCI_MEMORY = 0x1000_0000L;
  private static final long PCI_IO = 0x3eff_0000L;
  private static final int CLOCK = 1;
  private static final int GIC = 2;
  private static final int MESSAGES = 3;
  private static final int SMMU = 4;
  private static final int SPI = 0;
  private static final int PPI = 1;
  private static final int LEVEL_HIGH = 4;
  private static final int LEVEL_HIGH_CPU0 = 0x104;

  private final FlatTree tree = new FlatTree();

  private VirtTree() {}

  /**
   * The tree's bytes.
   *
   * @param ramSize bytes
   * @param firstId first requester id behind the SMMU; StreamIDs are requester ids
   * @param ids number of consecutive ids
   */
  static byte[] bytes(long ramSize, int firstId, int ids) {
    VirtTree virt = new VirtTree();
    virt.tree.node("", () -> virt.root(ramSize, firstId, ids));
    return virt.tree.toBytes();
  }

  private static long high(long value) {
    return value >>> 32;
  }

  private FlatTree reg(long address, long size) {
    return tree.cells("reg", high(address), address, high(size), size);
  }

  private void root(long ramSize, int firstId, int ids) {
    tree.text("compatible", "linux,dummy-virt").text("model", "linux,dummy-virt");
    tree.cells("#address-cells", 2).cells("#size-cells", 2).cells("interrupt-parent", GIC);
    tree.cells("dma-coherent");
    tree.node("chosen", this::chosen);
    tree.node("aliases", () -> tree.text("serial0", "/pl011@9000000"));
    tree.node(
        "memory@40000000",
        () -> {
          tree.text("device_type", "memory");
          reg(RAM, ramSize);
        });
    tree.node("cpus", this::processors);
    tree.node(
        "psci",
        () -> tree.text("compatible", "arm,psci-1.0", "arm,psci-0.2").text("method", "hvc"));
    tree.node("timer", this::timer);
    tree.node("apb-pclk", this::clock);
    tree.node("intc@8000000", this::interruptController);
    tree.node("pl011@9000000", () -> peripheral("arm,pl011", 0x0900_0000L, 1, true));
    tree.node("pl031@9010000", () -> peripheral("arm,pl031", 0x0901_0000L, 2, false));
    tree.node("iommu@%x".formatted(REGISTERS), this::smmu);
    tree.node("pcie@10000000", () -> pci(firstId, ids));
  }

  private void chosen() {
    tree.text("stdout-path", "/pl011@9000000");
    tree.cells("linux,initrd-start", high(INITRD), INITRD);
    long end = INITRD + INITRD_LIMIT;
    tree.cells("linux,initrd-end", high(end), end);
  }

  private void processors() {
    tree.cells("#address-cells", 1).cells("#size-cells", 0);
    tree.node(
        "cpu@0",
        () -> {
          tree.text("device_type", "cpu").text("compatible", "arm,cortex-a57");
          tree.cells("reg", 0);
        });
  }

  private void timer() {
    tree.text("compatible", "arm,armv8-timer").cells("always-on");
    int f = LEVEL_HIGH_CPU0;
    tree.cells("interrupts", PPI, 13, f, PPI, 14, f, PPI, 11, f, PPI, 10, f);
  }

  private void clock() {
    tree.text("compatible", "fixed-clock").text("clock-output-names", "clk24mhz");
    tree.cells("clock-frequency", 24_000_000).cells("#clock-cells", 0).cells("phandle", CLOCK);
  }

  private void interruptController() {
    tree.text("compatible", "arm,cortex-a15-gic").cells("interrupt-controller").cells("ranges");
    tree.cells("#interrupt-cells", 3).cells("#address-cells", 2).cells("#size-cells", 2);
    tree.cells("reg", 0, 0x0800_0000L, 0, 0x1_0000, 0, 0x0801_0000L, 0, 0x1_0000);
    tree.cells("phandle", GIC);
    tree.node(
        "v2m@8020000",
        () -> {
          tree.text("compatible", "arm,gic-v2m-frame").cells("msi-controller");
          reg(0x0802_0000L, 0x1000).cells("phandle", MESSAGES);
        });
  }

  private void peripheral(String name, long address, int interrupt, boolean twoClocks) {
    tree.text("compatible", name, "arm,primecell");
    reg(address, 0x1000).cells("interrupts", SPI, interrupt, LEVEL_HIGH);
    if (twoClocks) {
      tree.text("clock-names", "uartclk", "apb_pclk").cells("clocks", CLOCK, CLOCK);
    } else {
      tree.text("clock-names", "apb_pclk").cells("clocks", CLOCK);
    }
  }

  private void smmu() {
    tree.text("compatible", "arm,smmu-v3").cells("#iommu-cells", 1).cells("dma-coherent");
    reg(REGISTERS, REGISTERS_SIZE).cells("msi-parent", MESSAGES).cells("phandle", SMMU);
  }

  private void pci(int firstId, int ids) {
    tree.text("compatible", "pci-host-ecam-generic").text("device_type", "pci");
    tree.cells("#address-cells", 3).cells("#size-cells", 2).cells("#interrupt-cells", 1);
    tree.cells("bus-range", 0, 0xff).cells("linux,pci-domain", 0).cells("dma-coherent");
    reg(ECAM, 256L << 20);
    long memory = REGISTERS - PCI_MEMORY; // ends where the SMMU's registers begin
    tree.cells(
        "ranges",
        0x100_0000,
        0,
        0,
        0,
        PCI_IO,
        0,
        0x1_0000,
        0x200_0000,
        0,
        PCI_MEMORY,
        0,
        PCI_MEMORY,
        0,
        memory,
        0x300_0000,
        0x80,
        0,
        0x80,
        0,
        0x80,
        0);
    tree.cells("ats-supported");
    tree.cells("msi-map", 0, MESSAGES, 0, 0x1_0000);
    tree.cells("iommu-map", firstId, SMMU, firstId, ids);
    tree.cells("interrupt-map-mask", 0x1800, 0, 0, 7);
    long[] map = new long[16 * 10];
    for (int slot = 0; slot < 4; slot++) {
      for (int pin = 0; pin < 4; pin++) {
        int at = 10 * (4 * slot + pin);
        map[at] = (long) slot << 11;
        map[at + 3] = pin + 1L;
        map[at + 4] = GIC;
        map[at + 7] = SPI;
        map[at + 8] = 3L + (slot + pin) % 4;
        map[at + 9] = LEVEL_HIGH;
      }
    }
    tree.cells("interrupt-map", map);
  }
}
