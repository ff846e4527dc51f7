package dev.nestwalk.live;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.device.DeviceTlb;
import dev.nestwalk.device.InterruptSink;
import dev.nestwalk.device.PageResponses;
import dev.nestwalk.device.Port;
import dev.nestwalk.device.Unit;
import dev.nestwalk.device.UnitOptions;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.memory.MemoryRange;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A unit and the functions behind it, served to a QEMU: device A, which holds the unit's registers;
 * an NVMe controller per disk; a test function. {@link #command} is QEMU's command line.
 *
 * <p>Threads: any.
 */
public final class LiveMachine implements AutoCloseable {
  /** Where SeaBIOS places device A's BAR on a PC that has only these functions. */
  static final long SEABIOS_REGISTERS = 0xfebf_c000L;

  /** Number of bits of a physical address on a PC. */
  public static final int HOST_ADDRESS_WIDTH = 46;

  private static final long PC_LOW_RAM = 0x8000_0000L;
  private static final long PC_LOW_RAM_LIMIT = 0xb000_0000L;
  private static final long PC_HIGH_RAM = 0x1_0000_0000L;
  private static final int MEMORY_DISK_BLOCKS = 1 << 17;
  private static final int MAX_DISKS = 16;

  /** Longest path of a UNIX socket, in bytes (unix(7)). */
  private static final int MAX_SOCKET_PATH = 107;

  private static final long BIG_MAP = 1 << 20;

  private final LiveOptions options;
  private final Consumer<String> say;
  private final LiveCounters counters = new LiveCounters();
  private final List<AutoCloseable> open;
  private final List<PciFunction> functions = new CopyOnWriteArrayList<>();
  private final List<Path> sockets = new ArrayList<>();
  private final CountDownLatch left = new CountDownLatch(1);
  private final LiveFaults faults;
  private final GuestMemory memory;
  private final Unit unit;
  private @Nullable TracedPage tracedPage;
  private @Nullable DmaTrace dmaTrace;
  private int connections;
  private boolean mapTold;

  /**
   * Starts serving.
   *
   * @param say receives one line at a time, from any thread
   * @throws IOException if a file or socket is not available, or options contradict each other;
   *     nothing stays open then
   */
  public static LiveMachine start(LiveOptions options, Consumer<String> say) throws IOException {
    List<AutoCloseable> open = new ArrayList<>();
    try {
      return new LiveMachine(options, say, open);
    } catch (IOException | RuntimeException e) {
      closeAll(open);
      throw e;
    }
  }

  private LiveMachine(LiveOptions options, Consumer<String> say, List<AutoCloseable> open)
      throws IOException {
    this.options = options;
    this.say = say;
    this.open = open;
    faults = new LiveFaults(isVtd(), say);
    check();
    Files.createDirectories(options.dir());
    open.add(
        LockedFile.open(
            options.dir().resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE));
    // Before any file is opened that a server in this folder may be using.
    VfioUserServer.removeDead(socket(RegisterFunction.NAME));
    GuestRam ram = GuestRam.open(options.ram(), options.size());
    open.add(ram);
    if (!isVtd()) {
      ram.clear(VirtTree.INITRD - VirtTree.RAM, VirtTree.INITRD_LIMIT);
    }
    memory = isVtd() ? pcMemory(ram) : ram.at(VirtTree.RAM);
    CacheOptions caches = CacheOptions.DEFAULT.withCounters();
    UnitOptions given =
        UnitOptions.of(memory, new Messages())
            .withCaches(caches)
            .withDoorbells(doorbells())
            .withDeviceTlb(this::dropTranslations)
            .withPageResponses(this::pageResponse);
    unit = LiveUnits.make(options.mode(), options.levels(), HOST_ADDRESS_WIDTH, given);
    if (options.ignoresInvalidations()) {
      unit.iommu().ignoreInvalidations();
    }
    unit.iommu()
        .addListener((stage, domain, process, first, last) -> counters.invalidations.increment());
    List<Disk> disks = openDisks(); // first: a refusal leaves older traces as they are
    functions.add(new RegisterFunction(registerPage(), this::placed));
    Path trace = options.probes().trace();
    if (trace != null) {
      DmaTrace opened = new DmaTrace(trace, isVtd(), System::nanoTime, say);
      open.add(opened);
      unit.iommu().addListener(opened);
      dmaTrace = opened;
    }
    addControllers(disks);
    int testId = nextSourceId();
    TestFunction test =
        new TestFunction("test", options.test().classCode(), testId, this::openDma, say);
    functions.add(test);
    open.add(test::end);
    for (PciFunction function : functions) {
      Path socket = socket(function.name());
      sockets.add(socket);
      open.add(new VfioUserServer(socket, function, new Listener()));
    }
    writeTables();
  }

  private RegisterPage registerPage() throws IOException {
    RegisterPage page = new CountedPage(unit, counters, isVtd());
    Path record = options.probes().record();
    if (record != null) {
      Map<String, Long> offered = options.mode().registers(options.levels());
      TracedPage traced = new TracedPage(page, memory, isVtd(), offered, record, say);
      open.add(traced);
      tracedPage = traced;
      page = traced;
    }
    return page;
  }

  private boolean isVtd() {
    return options.mode().format() == LiveFormat.VTD;
  }

  private void check() throws IOException {
    if (options.levels() != 4 && !(options.levels() == 5 && isVtd())) {
      throw new IOException(
          "tables of %d levels: expected 4%s".formatted(options.levels(), isVtd() ? " or 5" : ""));
    }
    if (options.size() % (1 << 20) != 0 || options.size() < 128L << 20) {
      throw new IOException(
          "guest RAM of %d bytes: expected whole MiB, at least 128".formatted(options.size()));
    }
    long needed = VirtTree.INITRD + VirtTree.INITRD_LIMIT - VirtTree.RAM;
    if (!isVtd() && options.size() < needed) {
      throw new IOException("guest RAM: expected at least %d MiB".formatted(needed >> 20));
    }
    if (!isVtd()) {
      checkSize("kernel", options.kernel(), BootRom.KERNEL_LIMIT);
      checkSize("initial RAM disk", options.initrd(), VirtTree.INITRD_LIMIT);
    }
    if (options.disks().size() > MAX_DISKS) {
      throw new IOException(
          "%d disks: expected up to %d".formatted(options.disks().size(), MAX_DISKS));
    }
    if (isVtd() && table().toString().contains(":")) {
      throw new IOException(
          "%s: expected a folder without a colon, at which QEMU's -acpitable would cut its name"
              .formatted(options.dir()));
    }
    Path longest = options.dir().resolve("nvme00.sock").toAbsolutePath();
    if (longest.toString().getBytes(StandardCharsets.UTF_8).length > MAX_SOCKET_PATH) {
      throw new IOException(
          "%s: too long for sockets in it, expected up to %d bytes with their names"
              .formatted(options.dir(), MAX_SOCKET_PATH));
    }
  }

  /**
   * A file that the boot ROM loads has to fit where it goes; one of another machine may not be
   * here.
   */
  private static void checkSize(String what, @Nullable Path file, long limit) throws IOException {
    if (file != null && Files.isRegularFile(file) && Files.size(file) > limit) {
      throw new IOException(
          "%s: %s of %d bytes, expected up to %d MiB"
              .formatted(file, what, Files.size(file), limit >> 20));
    }
  }

  private static GuestMemory pcMemory(GuestRam ram) {
    return ram.size() < PC_LOW_RAM_LIMIT ? ram.at(0) : ram.split(PC_LOW_RAM, PC_HIGH_RAM);
  }

  private List<MemoryRange> doorbells() {
    long page = VirtTree.DOORBELL & -4096;
    return isVtd() ? List.of() : List.of(new MemoryRange(page, page + 4095));
  }

  private int nextSourceId() {
    return QemuCommand.FIRST_SLOT + functions.size() << 3;
  }

  private List<Disk> openDisks() throws IOException {
    List<Disk> disks = new ArrayList<>();
    for (Path path : options.disks()) {
      Disk disk = Disk.file(path);
      open.add(disk);
      disks.add(disk);
    }
    if (disks.isEmpty()) {
      disks.add(Disk.inMemory(MEMORY_DISK_BLOCKS));
    }
    return disks;
  }

  private void addControllers(List<Disk> disks) {
    for (Disk disk : disks) {
      String name = "nvme" + (functions.size() - 1);
      Nvme nvme = new Nvme(name, nextSourceId(), this::openDma, disk, say);
      functions.add(nvme);
      open.add(nvme::end);
    }
  }

  /** Called on the device's thread. */
  private Dma openDma(int sourceId, int pasid) {
    List<PortDma.Observer> observers = new ArrayList<>();
    DmaTrace trace = dmaTrace;
    if (trace != null) {
      observers.add(trace::access);
    }
    if (options.probes().watches()) {
      InvalidationWatch watch = new InvalidationWatch(unit.iommu(), isVtd(), say);
      observers.add(
          (port, write, address, length) ->
              watch.access(name(port.sourceId()), port, write, address, length));
    }
    Port port = unit.port(sourceId, pasid);
    counters.add(port.counters());
    return new PortDma(port, counters, this::refused, observers);
  }

  private void refused(Port port, boolean write, long address, long answer) {
    faults.tell(name(port.sourceId()), port, write, address, answer);
  }

  private String name(int sourceId) {
    PciFunction function = function(sourceId);
    return function == null ? "%04x".formatted(sourceId) : function.name();
  }

  /** The function with a requester id, or null, since a guest's commands may name any. */
  private @Nullable PciFunction function(int sourceId) {
    int index = (sourceId >>> 3) - QemuCommand.FIRST_SLOT;
    boolean is = (sourceId & 7) == 0 && index >= 0 && index < functions.size();
    return is ? functions.get(index) : null;
  }

  private DeviceTlb.Completion dropTranslations(
      int sourceId, int pasid, long first, long last, boolean global) {
    counters.deviceInvalidations.increment();
    PciFunction function = function(sourceId);
    if (function != null) {
      function.dropTranslations();
    }
    return DeviceTlb.Completion.DONE;
  }

  private void pageResponse(int sourceId, int pasid, int group, PageResponses.Code code) {
    PciFunction function = function(sourceId);
    if (function != null) {
      function.pageResponse(code.number());
    }
  }

  private Path socket(String function) {
    return options.dir().resolve(function + ".sock");
  }

  private Path table() {
    return options.dir().resolve(isVtd() ? "dmar.bin" : "virt.dtb");
  }

  private Path rom() {
    return options.dir().resolve("boot.rom");
  }

  private long registerAddress() {
    return options.registers() < 0 ? SEABIOS_REGISTERS : options.registers();
  }

  private void writeTables() throws IOException {
    int first = QemuCommand.FIRST_SLOT + 1 << 3;
    if (isVtd()) {
      List<Integer> scope = new ArrayList<>();
      for (int i = 1; i < functions.size(); i++) {
        scope.add(QemuCommand.FIRST_SLOT + i << 3);
      }
      int test = scope.get(scope.size() - 1);
      List<Dmar.Reserved> reserved = new ArrayList<>();
      for (MemoryRange range : options.test().reserved()) {
        reserved.add(new Dmar.Reserved(test, range.first(), range.last()));
      }
      Files.write(table(), Dmar.bytes(HOST_ADDRESS_WIDTH, registerAddress(), scope, reserved));
    } else {
      int ids = functions.size() - 1 << 3;
      Files.write(table(), VirtTree.bytes(options.size(), first, ids));
      Files.write(rom(), BootRom.bytes(QemuCommand.FIRST_SLOT));
    }
  }

  /** The words of QEMU's command line. */
  public List<String> command() {
    String console = isVtd() ? "console=ttyS0" : "console=ttyAMA0";
    String append = console + " " + options.mode().kernelWords(options.levels());
    String all = options.append().isEmpty() ? append : append + " " + options.append();
    Path initrd = options.initrd();
    return QemuCommand.words(
        options.mode().format(),
        options.qemu(),
        options.ram(),
        options.size(),
        table(),
        isVtd() ? null : rom(),
        sockets,
        options.kernel() == null ? Path.of("VMLINUZ") : options.kernel(),
        initrd == null && options.kernel() == null ? Path.of("INITRD") : initrd,
        all);
  }

  /** The command line as typed in a shell. */
  public String shellCommand() {
    return QemuCommand.shell(command());
  }

  /** The unit that the guest drives. */
  public Unit unit() {
    return unit;
  }

  /** The guest's memory. */
  public GuestMemory memory() {
    return memory;
  }

  /** The present values of the registers that translation uses, by architectural name. */
  public Map<String, Long> registers() {
    return LiveRegisters.of(unit, isVtd());
  }

  /** The counters so far. */
  public LiveCounters counters() {
    return counters;
  }

  /**
   * Waits until QEMU has connected and left.
   *
   * @return false if that did not happen in time
   */
  public boolean awaitEnd(long millis) throws InterruptedException {
    return left.await(millis, TimeUnit.MILLISECONDS);
  }

  /** Lets {@link #awaitEnd} return as if QEMU had left. Nothing is closed by that. */
  public void end() {
    left.countDown();
  }

  private void placed(long address) {
    long expected = isVtd() ? registerAddress() : VirtTree.REGISTERS;
    if (address != expected) {
      say.accept(
          "the guest's firmware put the unit's registers at 0x%x, but the tables say 0x%x: serve"
                  .formatted(address, expected)
              + " again with --registers 0x%x".formatted(address));
    }
  }

  @Override
  public void close() throws IOException {
    closeAll(open);
    left.countDown();
  }

  private static void closeAll(List<AutoCloseable> open) throws IOException {
    IOException failed = null;
    for (int i = open.size() - 1; i >= 0; i--) {
      try {
        open.get(i).close();
      } catch (IOException e) {
        failed = e;
      } catch (Exception e) {
        failed = new IOException(e);
      }
    }
    open.clear();
    if (failed != null) {
      throw failed;
    }
  }

  /** Receives reports of the sockets' threads. */
  private final class Listener implements VfioUserServer.Listener {
    @Override
    public void say(String line) {
      say.accept(line);
    }

    @Override
    public void mapped(long address, long size, long fileOffset, boolean writable) {
      boolean ram = size >= BIG_MAP && memory.find(address) >= 0;
      if (ram && fileOffset != fileOffset(address)) {
        tellMap(address, fileOffset);
      }
    }

    @Override
    public void connected() {
      synchronized (functions) {
        connections++;
      }
    }

    @Override
    public void disconnected() {
      synchronized (functions) {
        connections--;
        if (connections == 0) {
          left.countDown();
        }
      }
    }
  }

  private long fileOffset(long address) {
    if (!isVtd()) {
      return address - VirtTree.RAM;
    }
    return address >= PC_HIGH_RAM ? address - PC_HIGH_RAM + PC_LOW_RAM : address;
  }

  private synchronized void tellMap(long address, long fileOffset) {
    if (!mapTold) {
      mapTold = true;
      say.accept(
          "QEMU has RAM at 0x%x from offset 0x%x of its file, expected 0x%x: is -m as printed?"
              .formatted(address, fileOffset, fileOffset(address)));
    }
  }

  /** Sends interrupt messages through a function that the guest has made a bus master. */
  private final class Messages implements InterruptSink {
    @Override
    public boolean message(long address, int data) {
      counters.unitMessages.increment();
      TracedPage traced = tracedPage;
      if (traced != null) {
        traced.message(address, data);
      }
      return send(functions.get(0), address, data);
    }

    @Override
    public boolean deviceMessage(int sourceId, long address, int data) {
      counters.deviceMessages.increment();
      return send(functions.get((sourceId >>> 3) - QemuCommand.FIRST_SLOT), address, data);
    }

    private boolean send(PciFunction first, long address, int data) {
      if (first.config.isBusMaster() && first.bus().writeMessage(address, data)) {
        return true;
      }
      for (PciFunction function : functions) {
        if (function.config.isBusMaster() && function.bus().writeMessage(address, data)) {
          return true;
        }
      }
      counters.lostMessages.increment();
      return false;
    }
  }
}
