package dev.nestwalk.live;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.function.Consumer;

/**
 * The I/O commands of an NVMe controller: reads, writes and flushes of its namespace (NVM Express
 * Base 1.4, 6.8, 6.9 and 6.15). A write is complete when it is durable if the driver has switched
 * the volatile write cache off, or forces it.
 *
 * <p>Threads: belongs to the device's.
 */
final class NvmeBlocks {
  private static final int PRP_1 = 24;
  private static final int PRP_2 = 32;
  private static final int BLOCK = 40;

  /** Of FUA and the number of blocks. */
  private static final int CONTROL = 48;

  private static final int FORCE_UNIT_ACCESS = 1 << 30;
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final Nvme registers;
  private final Disk disk;
  private final NvmeFeatures features;
  private final NvmeTransfer transfer;
  private final Consumer<String> say;
  private boolean diskTold;

  NvmeBlocks(
      Nvme registers,
      Disk disk,
      NvmeFeatures features,
      NvmeTransfer transfer,
      Consumer<String> say) {
    this.registers = registers;
    this.disk = disk;
    this.features = features;
    this.transfer = transfer;
    this.say = say;
  }

  /**
   * Carries out a command.
   *
   * @param command a submission queue entry
   * @param buffer room for the data
   * @return its status
   */
  int carryOut(MemorySegment command, MemorySegment buffer) {
    int opcode = command.get(INT, 0) & 0xff;
    int namespace = command.get(INT, 4);
    if (opcode > 2) {
      return NvmeStatus.INVALID_OPCODE;
    }
    if (namespace != 1 && !(opcode == 0 && namespace == -1)) {
      return NvmeStatus.INVALID_NAMESPACE;
    }
    if (opcode == 0) {
      return flush();
    }
    long block = command.get(LONG, BLOCK);
    int control = command.get(INT, CONTROL);
    int blocks = (control & 0xffff) + 1;
    int length = blocks * Disk.BLOCK;
    if (length > NvmeTransfer.MOST) {
      return NvmeStatus.INVALID_FIELD;
    }
    if (block < 0 || block > disk.blocks() - blocks) {
      return NvmeStatus.LBA_OUT_OF_RANGE;
    }
    boolean forced = (control & FORCE_UNIT_ACCESS) != 0;
    MemorySegment data = buffer.asSlice(0, length);
    return opcode == 1 ? write(command, data, forced) : read(command, data, forced);
  }

  private int read(MemorySegment command, MemorySegment data, boolean forced) {
    int status = forced ? flush() : NvmeStatus.DONE;
    if (status != NvmeStatus.DONE) {
      return status;
    }
    try {
      disk.read(command.get(LONG, BLOCK), data.asByteBuffer());
    } catch (IOException e) {
      return broken(e, NvmeStatus.READ_ERROR);
    }
    registers.counters.bytesRead.add(data.byteSize());
    return transfer.move(command.get(LONG, PRP_1), command.get(LONG, PRP_2), data, true);
  }

  private int write(MemorySegment command, MemorySegment data, boolean forced) {
    int status = transfer.move(command.get(LONG, PRP_1), command.get(LONG, PRP_2), data, false);
    if (status != NvmeStatus.DONE) {
      return status; // nothing of the disk changes
    }
    try {
      disk.write(command.get(LONG, BLOCK), data.asByteBuffer());
    } catch (IOException e) {
      return broken(e, NvmeStatus.WRITE_FAULT);
    }
    registers.counters.bytesWritten.add(data.byteSize());
    return forced || !features.hasWriteCache() ? flush() : NvmeStatus.DONE;
  }

  /**
   * Makes durable what has been written.
   *
   * @return a status
   */
  int flush() {
    try {
      disk.flush();
      return NvmeStatus.DONE;
    } catch (IOException e) {
      return broken(e, NvmeStatus.WRITE_FAULT);
    }
  }

  private int broken(IOException e, int status) {
    if (!diskTold) {
      diskTold = true;
      say.accept("%s: disk: %s".formatted(registers.name(), e.getMessage()));
    }
    return status;
  }
}
