package dev.nestwalk.live;

import dev.nestwalk.dma.Completion;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.vtd.FaultCode;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;

/** Memory from address 0 on, a forbidden page at a time, and a place for interrupt messages. */
final class MemoryDma implements Dma {
  static final long MESSAGES = 0xfee0_0000L;
  static final int SIZE = 4 << 20;

  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  final MemorySegment memory = Arena.ofAuto().allocate(SIZE, 4096);
  final BlockingQueue<Integer> messages = new LinkedBlockingQueue<>();
  final List<String> pageRequests = new CopyOnWriteArrayList<>();
  volatile long forbidden = -1;

  /** Translated accesses wait for it. */
  volatile CountDownLatch gate = new CountDownLatch(0);

  /** Whether one waits. */
  volatile boolean waiting;

  /** Runs at the beginning of each request, on the device's thread. */
  volatile Runnable before = () -> {};

  private boolean takes(long address, long length) {
    boolean inside = address >= 0 && address <= SIZE - length;
    return inside && (forbidden < 0 || address >>> 12 != forbidden >>> 12);
  }

  @Override
  public long read(long address, MemorySegment into) {
    before.run();
    if (!takes(address, into.byteSize())) {
      return 0;
    }
    into.copyFrom(memory.asSlice(address, into.byteSize()));
    return into.byteSize();
  }

  @Override
  public long write(long address, MemorySegment from) {
    before.run();
    if (address == MESSAGES) {
      messages.add(from.get(INT, 0));
      return 4;
    }
    if (!takes(address, from.byteSize())) {
      return 0;
    }
    memory.asSlice(address, from.byteSize()).copyFrom(from);
    return from.byteSize();
  }

  @Override
  public boolean atomic(
      long address, int size, Atomic operation, long operand, long expected, long[] old) {
    before.run();
    if (!takes(address, size)) {
      return false;
    }
    old[0] = size == 8 ? word(address) : half(address) & 0xffff_ffffL;
    long now =
        switch (operation) {
          case FETCH_ADD -> old[0] + operand;
          case SWAP -> operand;
          case COMPARE_AND_SWAP -> old[0] == expected ? operand : old[0];
        };
    if (size == 8) {
      word(address, now);
    } else {
      half(address, (int) now);
    }
    return true;
  }

  @Override
  public long requestTranslation(long address, int access) {
    before.run();
    if (address >>> 20 == 0xfee) {
      return Translation.untranslatedOnly(address);
    }
    return takes(address, 1)
        ? Translation.ok(address, 12, access)
        : Translation.completed(
            Translation.fault(FaultCode.SFS_2, 1, 1), Completion.COMPLETER_ABORT);
  }

  @Override
  public long moveTranslated(long address, MemorySegment data, boolean write) {
    waiting = true;
    try {
      gate.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
    waiting = false;
    return write ? write(address, data) : read(address, data);
  }

  @Override
  public boolean requestPage(long address, int access) {
    before.run();
    pageRequests.add("%x %d".formatted(address, access));
    return true;
  }

  @Override
  public int refusal() {
    return 0x71;
  }

  int half(long address) {
    return memory.get(INT, address);
  }

  void half(long address, int value) {
    memory.set(INT, address, value);
  }

  long word(long address) {
    return memory.get(LONG, address);
  }

  void word(long address, long value) {
    memory.set(LONG, address, value);
  }
}
