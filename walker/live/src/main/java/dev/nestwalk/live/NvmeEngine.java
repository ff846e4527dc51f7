package dev.nestwalk.live;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The working side of an NVMe controller: takes commands from submission queues, carries them out
 * and posts completions (NVM Express Base 1.4, 4.1 to 4.6, 5 and 6). All memory is accessed through
 * {@link Dma}.
 *
 * <p>While the guest has not set Bus Master Enable, commands wait, and the requests of one that is
 * under way are held. Disabling or shutting down the controller gives them up.
 *
 * <p>A refused data transfer gives the command an error status. A queue that cannot be read or
 * written is fatal (CSTS.CFS) until the driver resets the controller.
 *
 * <p>Threads: belongs to the device's.
 */
final class NvmeEngine implements DeviceThread.Work {
  private static final int COMMAND = 64;
  private static final int COMPLETION = 16;

  /** FUSE and PSDT of a command: fused operations and SGLs, neither of which is offered. */
  private static final int FUSED = 3 << 8;

  private static final int SGLS = 3 << 14;

  /** Number of commands taken from one queue before the next has its turn. */
  private static final int BURST = 16;

  private static final long PAGE_OFFSET = 0xfff;
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /** The result of a command that stays outstanding: an asynchronous event request. */
  private static final int STAYS = -1;

  private final Nvme registers;
  private final Dma dma;
  private final Disk disk;
  private final Consumer<String> say;
  private final NvmeTransfer transfer;
  private final NvmeBlocks blocks;
  private final MemorySegment command = Arena.ofAuto().allocate(COMMAND, 8);
  private final MemorySegment completion = Arena.ofAuto().allocate(COMPLETION, 8);
  private final MemorySegment message = Arena.ofAuto().allocate(4, 4);
  private final MemorySegment buffer = Arena.ofAuto().allocate(NvmeTransfer.MOST, 8);
  private final @Nullable Submission[] submissions = new @Nullable Submission[Nvme.QUEUES];
  private final @Nullable Completion[] completions = new @Nullable Completion[Nvme.QUEUES];
  private final NvmeFeatures features = new NvmeFeatures();
  private int resetsSeen = -1;
  private int state;
  private int eventRequests;
  private int result;
  private boolean interruptDue;

  private static final class Submission {
    final long base;
    final int entries;
    final int completionQueue;
    int head;

    Submission(long base, int entries, int completionQueue) {
      this.base = base;
      this.entries = entries;
      this.completionQueue = completionQueue;
    }
  }

  private static final class Completion {
    final long base;
    final int entries;
    final boolean interrupts;
    int tail;
    int phase = 1;

    Completion(long base, int entries, boolean interrupts) {
      this.base = base;
      this.entries = entries;
      this.interrupts = interrupts;
    }
  }

  NvmeEngine(Nvme registers, Disk disk, Consumer<String> say) {
    this.registers = registers;
    this.disk = disk;
    this.say = say;
    dma = registers.dma(-1, true, this::wantsRequests);
    transfer = new NvmeTransfer(dma);
    blocks = new NvmeBlocks(registers, disk, features, transfer, say);
  }

  @Override
  public void run() throws InterruptedException {
    boolean busy = true;
    while (busy) {
      if (Thread.interrupted()) {
        throw new InterruptedException("controller ended");
      }
      followRegisters();
      busy = false;
      for (int queue = 0; queue < Nvme.QUEUES && state == Nvme.READY; queue++) {
        busy |= work(queue);
      }
      interrupt();
    }
  }

  @Override
  public void failed() {
    become(state | Nvme.FATAL);
  }

  private void followRegisters() {
    Nvme.Control control = registers.control();
    if (control.resets() != resetsSeen) {
      for (int i = 0; i < Nvme.QUEUES; i++) {
        submissions[i] = null;
        completions[i] = null;
        registers.clearDoorbell(2 * i);
        registers.clearDoorbell(2 * i + 1);
      }
      features.clear();
      eventRequests = 0;
      interruptDue = false;
      resetsSeen = control.resets();
      become(0);
    }
    if (state == 0 && control.isEnabled()) {
      become(enable(control.configuration()) ? Nvme.READY : Nvme.FATAL);
    }
    if (wantsShutdown(control)) {
      blocks.flush();
      become(state | Nvme.SHUT_DOWN);
    }
  }

  private boolean wantsShutdown(Nvme.Control control) {
    return control.wantsShutdown() && (state & Nvme.SHUT_DOWN) == 0;
  }

  /** Whether the driver has ended, or is about to end, what the controller does. */
  private boolean isOver() {
    Nvme.Control control = registers.control();
    return control.resets() != resetsSeen || wantsShutdown(control);
  }

  /** A shutdown lets the present command end, unless it would have to wait for that. */
  private boolean wantsRequests() {
    return registers.config.isBusMaster() ? registers.control().resets() == resetsSeen : !isOver();
  }

  private void become(int csts) {
    state = csts;
    registers.publish(csts, resetsSeen);
  }

  /**
   * Makes the admin queue after CC.EN became 1.
   *
   * @return false if the guest asks for something that is not supported
   */
  private boolean enable(int configuration) {
    int commandSet = configuration >>> 4 & 7;
    int pageSize = configuration >>> 7 & 0xf;
    int attributes = registers.adminQueueAttributes();
    int submissionEntries = (attributes & 0xfff) + 1;
    int completionEntries = (attributes >>> 16 & 0xfff) + 1;
    long submission = registers.adminQueue(Nvme.ASQ);
    long completionBase = registers.adminQueue(Nvme.ACQ);
    boolean sensible =
        commandSet == 0
            && pageSize == 0
            && submissionEntries >= 2
            && completionEntries >= 2
            && ((submission | completionBase) & PAGE_OFFSET) == 0;
    if (!sensible) {
      return false;
    }
    submissions[0] = new Submission(submission, submissionEntries, 0);
    completions[0] = new Completion(completionBase, completionEntries, true);
    return true;
  }

  /**
   * Carries out some commands of a queue.
   *
   * @return whether there were any
   */
  private boolean work(int queue) {
    for (int i = 0; i < BURST; i++) {
      Submission from = submissions[queue];
      if (from == null || state != Nvme.READY || registers.control().resets() != resetsSeen) {
        return i > 0;
      }
      Completion to = completions[from.completionQueue];
      int tail = registers.tail(queue);
      if (to == null || tail >= from.entries || tail == from.head) {
        return i > 0;
      }
      if (isFull(from.completionQueue, to)) {
        return false; // the driver's next head brings us back
      }
      if (dma.read(from.base + (long) from.head * COMMAND, command) < COMMAND) {
        fatal("submission queue %d cannot be read".formatted(queue));
        return false;
      }
      from.head = from.head + 1 == from.entries ? 0 : from.head + 1;
      registers.counters.commands.increment();
      result = 0;
      int status = carryOut(queue);
      if (status != STAYS) {
        post(queue, from, to, status);
      }
    }
    return true;
  }

  private int carryOut(int queue) {
    if ((dword(0) & (FUSED | SGLS)) != 0) {
      return NvmeStatus.INVALID_FIELD;
    }
    return queue == 0 ? admin() : blocks.carryOut(command, buffer);
  }

  private boolean isFull(int queue, Completion to) {
    int next = to.tail + 1 == to.entries ? 0 : to.tail + 1;
    return registers.head(queue) == next;
  }

  private void post(int queue, Submission from, Completion to, int status) {
    if (status != NvmeStatus.DONE) {
      registers.counters.failed.increment();
    }
    completion.set(INT, 0, result);
    completion.set(INT, 4, 0);
    completion.set(INT, 8, from.head | queue << 16);
    int id = command.get(INT, 0) >>> 16;
    completion.set(INT, 12, id | (NvmeStatus.field(status) << 1 | to.phase) << 16);
    if (dma.write(to.base + (long) to.tail * COMPLETION, completion) < COMPLETION) {
      fatal("completion queue %d cannot be written".formatted(from.completionQueue));
      return;
    }
    to.tail++;
    if (to.tail == to.entries) {
      to.tail = 0;
      to.phase ^= 1;
    }
    interruptDue |= to.interrupts;
  }

  private void interrupt() {
    // It stays due without Bus Master Enable: the message may be another one when that is set.
    if (interruptDue && !registers.isMasked() && registers.config.isBusMaster()) {
      interruptDue = false;
      Msi msi = registers.msi();
      if (msi.isEnabled()) {
        message.set(INT, 0, msi.data());
        dma.write(msi.address(), message);
      }
    }
  }

  private void fatal(String what) {
    if (isOver() || Thread.currentThread().isInterrupted()) {
      return; // given up, not refused
    }
    say.accept("%s: %s: controller fatal status".formatted(registers.name(), what));
    become(state | Nvme.FATAL);
  }

  private int dword(int index) {
    return command.get(INT, 4L * index);
  }

  /** Copies a page to the command's buffer, as far as it fits. */
  private int give(byte[] page, int length) {
    MemorySegment part = buffer.asSlice(0, length);
    part.fill((byte) 0);
    MemorySegment.copy(MemorySegment.ofArray(page), 0, part, 0, Math.min(page.length, length));
    return transfer.move(command.get(LONG, 24), command.get(LONG, 32), part, true);
  }

  private int admin() {
    return switch (dword(0) & 0xff) {
      case 0x00 -> deleteSubmission();
      case 0x01 -> createSubmission();
      case 0x02 -> logPage();
      case 0x04 -> deleteCompletion();
      case 0x05 -> createCompletion();
      case 0x06 -> identify();
      case 0x08 -> abort();
      case 0x09 -> setFeature();
      case 0x0a -> getFeature();
      case 0x0c -> eventRequest();
      default -> NvmeStatus.INVALID_OPCODE;
    };
  }

  private int identify() {
    int kind = dword(10) & 0xff;
    int status = NvmePages.identifies(kind, dword(1));
    if (status != NvmeStatus.DONE) {
      return status;
    }
    byte[] page = NvmePages.identify(kind, dword(1), registers.serial(), disk.blocks());
    return give(page, page.length);
  }

  private int logPage() {
    byte[] page = NvmePages.log(dword(10) & 0xff);
    if (page == null) {
      return NvmeStatus.INVALID_LOG_PAGE;
    }
    long length = ((dword(10) >>> 16 | (long) (dword(11) & 0xffff) << 16) + 1) * 4;
    if (length > NvmeTransfer.MOST || dword(12) != 0 || dword(13) != 0) {
      return NvmeStatus.INVALID_FIELD;
    }
    return give(page, (int) length);
  }

  private int abort() {
    result = 1; // not aborted: commands are carried out in order, at once
    return NvmeStatus.DONE;
  }

  private int eventRequest() {
    if (eventRequests == NvmePages.EVENT_REQUESTS) {
      return NvmeStatus.TOO_MANY_EVENT_REQUESTS;
    }
    eventRequests++;
    return STAYS; // no event ever comes
  }

  private int setFeature() {
    int id = dword(10) & 0xff;
    if (!NvmeFeatures.has(id) || dword(10) < 0) { // SV: none is saveable
      return NvmeStatus.INVALID_FIELD;
    }
    int value = dword(11);
    if (!NvmeFeatures.takes(id, value)) {
      return NvmeStatus.INVALID_FIELD;
    }
    if (NvmeFeatures.endsWriteCache(id, value)) {
      int status = blocks.flush(); // of what it holds
      if (status != NvmeStatus.DONE) {
        return status;
      }
    }
    features.set(id, value);
    result = id == NvmeFeatures.NUMBER_OF_QUEUES ? features.get(id) : 0;
    return NvmeStatus.DONE;
  }

  private int getFeature() {
    int id = dword(10) & 0xff;
    int select = dword(10) >>> 8 & 7;
    if (!NvmeFeatures.has(id) || select > 3) {
      return NvmeStatus.INVALID_FIELD;
    }
    result =
        switch (select) {
          case 0 -> features.get(id);
          case 3 -> NvmeFeatures.CHANGEABLE;
          default -> NvmeFeatures.initial(id); // none is saved
        };
    return NvmeStatus.DONE;
  }

  private static boolean isQueue(int id) {
    return id > 0 && id < Nvme.QUEUES;
  }

  private int checkNew(int id, boolean taken) {
    int entries = (dword(10) >>> 16) + 1;
    boolean contiguous = (dword(11) & 1) != 0;
    if (!isQueue(id) || taken) {
      return NvmeStatus.INVALID_QUEUE_ID;
    }
    if (entries < 2 || entries > Nvme.MAX_ENTRIES) {
      return NvmeStatus.INVALID_QUEUE_SIZE;
    }
    if (!contiguous) {
      return NvmeStatus.INVALID_FIELD;
    }
    boolean aligned = (command.get(LONG, 24) & PAGE_OFFSET) == 0;
    return aligned ? NvmeStatus.DONE : NvmeStatus.PRP_OFFSET_INVALID;
  }

  private int createCompletion() {
    int id = dword(10) & 0xffff;
    int status = checkNew(id, isQueue(id) && completions[id] != null);
    if (status == NvmeStatus.DONE && dword(11) >>> 16 != 0) {
      status = NvmeStatus.INVALID_VECTOR;
    }
    if (status == NvmeStatus.DONE) {
      boolean interrupts = (dword(11) & 2) != 0;
      int entries = (dword(10) >>> 16) + 1;
      registers.clearDoorbell(2 * id + 1);
      completions[id] = new Completion(command.get(LONG, 24), entries, interrupts);
    }
    return status;
  }

  private int createSubmission() {
    int id = dword(10) & 0xffff;
    int completes = dword(11) >>> 16;
    int status = checkNew(id, isQueue(id) && submissions[id] != null);
    if (status == NvmeStatus.DONE && (!isQueue(completes) || completions[completes] == null)) {
      status = NvmeStatus.COMPLETION_QUEUE_INVALID;
    }
    if (status == NvmeStatus.DONE) {
      registers.clearDoorbell(2 * id);
      int entries = (dword(10) >>> 16) + 1;
      submissions[id] = new Submission(command.get(LONG, 24), entries, completes);
    }
    return status;
  }

  private int deleteSubmission() {
    int id = dword(10) & 0xffff;
    if (!isQueue(id) || submissions[id] == null) {
      return NvmeStatus.INVALID_QUEUE_ID;
    }
    submissions[id] = null;
    return NvmeStatus.DONE;
  }

  private int deleteCompletion() {
    int id = dword(10) & 0xffff;
    if (!isQueue(id) || completions[id] == null) {
      return NvmeStatus.INVALID_QUEUE_ID;
    }
    for (Submission submission : submissions) {
      if (submission != null && submission.completionQueue == id) {
        return NvmeStatus.INVALID_QUEUE_DELETION;
      }
    }
    completions[id] = null;
    return NvmeStatus.DONE;
  }
}
