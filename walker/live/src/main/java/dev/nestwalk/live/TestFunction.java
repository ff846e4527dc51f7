package dev.nestwalk.live;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.AtsReply;
import dev.nestwalk.dma.Completion;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Device C: a function that does the DMA it is asked for, so that a guest's program can drive fault
 * paths, PASIDs and page tables of its own.
 *
 * <pre>
 *   00  64  identity, 0x4e57_5445_5354_0001
 *   08  64  address
 *   10  32  PASID in 19..0; without one if bit 31 is set (the state after a reset)
 *   14  32  bytes: 1, 2, 4 or 8
 *   18  64  data: what is written or added; afterwards what was read
 *   20  64  what a compare-and-swap expects
 *   28  32  command, starts: 1 read, 2 write, 3 fetch-and-add, 4 swap, 5 compare-and-swap,
 *           6 translation request for reading and writing, 7 for reading (ATS),
 *           8 read and 9 write with a translated address, 10 page request for reading, 11 for
 *           reading and writing (PRI)
 *   2c  32  status: 0 nothing yet, 1 done, 2 refused, 3 busy, 4 bad command, 5 failed by an error
 *           of ours, which is reported; architectural code of a refusal in 31..8
 *   30  64  commands carried out since the reset
 *   38  64  invalidations of translations since the reset
 *   40  32  answers to page requests since the reset
 *   44  32  response code of the last one
 * </pre>
 *
 * <p>A translation request leaves in data the first byte of the block, with the rights in bits 1..0
 * (read, write), "untranslated requests only" in bit 2 and log2 of the size in bits 11..4. One that
 * is not answered with success is refused; the code is then the completion's status: 1 unsupported
 * request, 4 completer abort.
 *
 * <p>It has the capabilities for PASIDs, ATS and page requests, so that drivers switch them on, but
 * sends what it is told to without them: a unit has to refuse that. It keeps no translations: the
 * answer to an invalidation waits for a translated access that is under way. Without Bus Master
 * Enable every command is refused, with code 0. A command uses what the registers hold when it is
 * written; what a guest writes to them while it is busy counts for the next one.
 *
 * <p>Threads: registers by the socket's thread, DMA by its own.
 */
final class TestFunction extends PciFunction {
  static final long IDENTITY = 0x4e57_5445_5354_0001L;
  static final int ADDRESS = 0x08;
  static final int PASID = 0x10;
  static final int SIZE = 0x14;
  static final int DATA = 0x18;
  static final int EXPECTED = 0x20;
  static final int COMMAND = 0x28;
  static final int STATUS = 0x2c;
  static final int COUNT = 0x30;
  static final int INVALIDATIONS = 0x38;
  static final int RESPONSES = 0x40;

  static final int DONE = 1;
  static final int REFUSED = 2;
  static final int BUSY = 3;
  static final int BAD = 4;
  static final int FAILED = 5;

  private static final int VENDOR = 0x1b36;
  private static final int DEVICE = 0x0ddb;

  /** A class code that no driver binds. */
  static final int CLASS = 0xff0000;

  private static final int BAR_LOG2 = 12;
  private static final int NO_PASID = 1 << 31;

  /** Number of PASIDs that keep their access to memory; with more, all are opened again. */
  private static final int KEPT = 64;

  private final String name;
  private final DeviceThread thread;
  private final AtomicLong address = new AtomicLong();
  private final AtomicLong data = new AtomicLong();
  private final AtomicLong expected = new AtomicLong();
  private final AtomicLong count = new AtomicLong();
  private final AtomicLong invalidations = new AtomicLong();

  /** Response code (63..32) and count (31..0) of answered page requests. */
  private final AtomicLong responses = new AtomicLong();

  /** Held while a translated address is in use. */
  private final Object translatedAccess = new Object();

  private volatile int pasid = NO_PASID;
  private volatile int size = 8;
  private volatile int command;
  private volatile int status;

  /** What the function is about; null if it waits for a command. */
  private volatile @Nullable Order order;

  /**
   * Makes the function.
   *
   * @param classCode class code that a guest sees, 24 bits; usually {@link #CLASS}
   */
  TestFunction(String name, int classCode, int sourceId, Dma.Source memory, Consumer<String> say) {
    super(new PciConfig(PciConfig.EXTENDED, VENDOR, DEVICE, classCode), sourceId, memory);
    Express.in(config);
    this.name = name;
    config.bar(0, BAR_LOG2, false);
    thread = new DeviceThread(name, Worker::new, say);
  }

  @Override
  String name() {
    return name;
  }

  @Override
  long barSize(int bar) {
    return bar == 0 ? 1L << BAR_LOG2 : 0;
  }

  @Override
  int interrupts(int kind) {
    return 0;
  }

  void end() {
    thread.end();
  }

  @Override
  synchronized void reset() {
    address.set(0);
    data.set(0);
    expected.set(0);
    count.set(0);
    invalidations.set(0);
    responses.set(0);
    pasid = NO_PASID;
    size = 8;
    command = 0;
    order = null;
    status = 0;
  }

  @Override
  void read(int bar, long offset, byte[] into) {
    long at = offset & ~7;
    long word =
        switch ((int) at) {
          case 0 -> IDENTITY;
          case ADDRESS -> address.get();
          case PASID -> pasid & 0xffff_ffffL | (long) size << 32;
          case DATA -> data.get();
          case EXPECTED -> expected.get();
          case COMMAND -> command & 0xffff_ffffL | (long) status << 32;
          case COUNT -> count.get();
          case INVALIDATIONS -> invalidations.get();
          case RESPONSES -> responses.get();
          default -> 0;
        };
    put(word >>> 8 * (offset - at), into);
  }

  @Override
  void write(int bar, long offset, byte[] bytes) {
    long value = value(bytes);
    if (bytes.length == 8 && (offset & 7) == 0) {
      AtomicLong wide = wide((int) offset);
      if (wide != null) {
        wide.set(value);
      } else {
        word((int) offset, (int) value);
        word((int) offset + 4, (int) (value >>> 32));
      }
    } else if (bytes.length == 4 && (offset & 3) == 0) {
      word((int) offset, (int) value);
    }
  }

  @Override
  void dropTranslations() {
    synchronized (translatedAccess) {
      invalidations.incrementAndGet();
    }
  }

  @Override
  void pageResponse(int code) {
    responses.updateAndGet(old -> (long) code << 32 | (int) old + 1 & 0xffff_ffffL);
  }

  private @Nullable AtomicLong wide(int offset) {
    return switch (offset) {
      case ADDRESS -> address;
      case DATA -> data;
      case EXPECTED -> expected;
      default -> null;
    };
  }

  private void word(int offset, int value) {
    AtomicLong half = wide(offset & ~7);
    if (half != null) {
      int shift = 8 * (offset & 4);
      half.updateAndGet(old -> old & ~(0xffff_ffffL << shift) | (value & 0xffff_ffffL) << shift);
      return;
    }
    switch (offset) {
      case PASID -> pasid = value & (NO_PASID | 0xf_ffff);
      case SIZE -> size = value;
      case COMMAND -> start(value);
      default -> {} // read-only
    }
  }

  private synchronized void start(int value) {
    if (order != null) {
      return;
    }
    Order next = new Order(value, this);
    if (!next.isSensible()) {
      status = BAD;
      return;
    }
    order = next;
    command = value;
    status = BUSY;
    thread.wake();
  }

  /** Shows how a command ended, unless a reset has made it obsolete. */
  @SuppressWarnings("ReferenceEquality")
  private synchronized void finish(Order done, int result) {
    if (order != done) {
      return;
    }
    if (done.hasReachedTheBus) {
      count.incrementAndGet();
    }
    if (done.hasAnswer) {
      data.set(done.data);
    }
    order = null;
    status = result;
  }

  /**
   * One command with what the registers held when it was written: the guest may change them while
   * it is carried out.
   */
  private static final class Order {
    final int command;
    final long address;
    final int pasid;
    final int size;
    final long expected;

    /** What is written or added, or the answer. */
    long data;

    boolean hasAnswer;
    boolean hasReachedTheBus;

    Order(int command, TestFunction from) {
      this.command = command;
      address = from.address.get();
      pasid = from.pasid;
      size = from.size;
      data = from.data.get();
      expected = from.expected.get();
    }

    boolean isSensible() {
      boolean sizeFits = size == 1 || size == 2 || size == 4 || size == 8;
      boolean known = command >= 1 && command <= 11;
      boolean atomicFits = size >= 4 && (address & size - 1) == 0;
      boolean isAtomic = command >= 3 && command <= 5;
      return sizeFits && known && (atomicFits || !isAtomic);
    }

    void answer(long value) {
      data = value;
      hasAnswer = true;
    }
  }

  /** The function's DMA, on its thread. */
  private final class Worker implements DeviceThread.Work {
    private final Map<Integer, Dma> ways = new HashMap<>();
    private final MemorySegment bytes = Arena.ofAuto().allocate(8, 8);
    private @Nullable Order current;

    @Override
    public void run() {
      Order now = order;
      current = now;
      if (now != null) {
        finish(now, config.isBusMaster() ? carryOut(now) : REFUSED);
      }
    }

    @Override
    public void failed() {
      ways.clear();
      if (current != null) {
        finish(current, FAILED);
      }
    }

    private boolean isWanted() {
      return Objects.equals(order, current);
    }

    private int carryOut(Order now) {
      int requester = now.pasid < 0 ? -1 : now.pasid;
      if (ways.size() >= KEPT && !ways.containsKey(requester)) {
        ways.clear();
      }
      Dma dma = ways.computeIfAbsent(requester, p -> dma(p, false, this::isWanted));
      now.hasReachedTheBus = true;
      if (now.command == 6 || now.command == 7) {
        return requestTranslation(dma, now);
      }
      if (now.command >= 10) {
        int wanted = now.command == 10 ? Access.READ : Access.ATOMIC;
        return dma.requestPage(now.address, wanted) ? DONE : REFUSED;
      }
      return access(dma, now) == now.size ? DONE : REFUSED | dma.refusal() << 8;
    }

    private int requestTranslation(Dma dma, Order now) {
      int wanted = now.command == 6 ? Access.ATOMIC : Access.READ;
      long answer = dma.requestTranslation(now.address, wanted);
      Completion completion = AtsReply.status(answer);
      if (completion != Completion.SUCCESS) {
        int code = completion == Completion.UNSUPPORTED_REQUEST ? 1 : 4; // PCIe 2.2.9
        return REFUSED | code << 8;
      }
      int alone = AtsReply.isUntranslatedOnly(answer) ? 4 : 0;
      int rights = AtsReply.rights(answer) & Access.ATOMIC;
      now.answer(AtsReply.address(answer) | AtsReply.sizeLog2(answer) << 4 | alone | rights);
      return DONE;
    }

    private int access(Dma dma, Order now) {
      MemorySegment part = bytes.asSlice(0, now.size);
      boolean translated = now.command >= 8;
      boolean reads = now.command == 1 || now.command == 8;
      if (reads) {
        long read =
            translated ? moveTranslated(dma, now, part, false) : dma.read(now.address, part);
        if (read == now.size) {
          now.answer(get(part));
        }
        return (int) read;
      }
      set(part, now.data);
      if (translated) {
        return (int) moveTranslated(dma, now, part, true);
      }
      return now.command == 2 ? (int) dma.write(now.address, part) : atomic(dma, now);
    }

    private long moveTranslated(Dma dma, Order now, MemorySegment part, boolean write) {
      synchronized (translatedAccess) {
        return dma.moveTranslated(now.address, part, write);
      }
    }

    private int atomic(Dma dma, Order now) {
      long[] old = new long[1];
      Dma.Atomic operation =
          switch (now.command) {
            case 3 -> Dma.Atomic.FETCH_ADD;
            case 4 -> Dma.Atomic.SWAP;
            default -> Dma.Atomic.COMPARE_AND_SWAP;
          };
      boolean done = dma.atomic(now.address, now.size, operation, now.data, now.expected, old);
      if (done) {
        now.answer(old[0]);
      }
      return done ? now.size : 0;
    }

    private static long get(MemorySegment from) {
      long value = 0;
      for (long i = from.byteSize() - 1; i >= 0; i--) {
        value = value << 8 | from.get(ValueLayout.JAVA_BYTE, i) & 0xff;
      }
      return value;
    }

    private static void set(MemorySegment to, long value) {
      for (long i = 0; i < to.byteSize(); i++) {
        to.set(ValueLayout.JAVA_BYTE, i, (byte) (value >>> 8 * i));
      }
    }
  }
}
