package dev.nestwalk.device;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.Chance;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A guest that does anything to the registers and queues of an SMMUv3 while devices make DMA, and a
 * model of each handshake, written without the front end's code. It knows what CR0ACK, IRQ_CTRLACK,
 * GBPA, GERROR and CMDQ_CONS have to be after each step, that an event queue that is not empty has
 * interrupted since it was, and that each device's events come in order and whole.
 *
 * <p>Run as a program: accesses, first seed.
 */
final class SmmuTraffic implements AutoCloseable {
  private static final int LOG2 = 3;
  private static final int ENTRIES = 1 << LOG2;
  private static final long FAULTING = 0x5000_0000L;

  /** No step waits for more than the DMA under way; a busy machine may delay it. */
  private static final long LONGEST_NANOS = 20_000_000_000L;

  private final SmmuGuest guest = new SmmuGuest();
  private final Chance chance;
  private final AtomicBoolean stop = new AtomicBoolean();
  private final AtomicLong dmas = new AtomicLong();
  private final List<Thread> devices = new ArrayList<>();
  private final List<Throwable> failures = new ArrayList<>();
  private final long[] lastSeen = new long[2];

  // The model.
  private int cr0;
  private int irqs;
  private long bypass = 0x1000;
  private int gerror;
  private int gerrorn;
  private int prod;
  private int cons;
  private long error;
  private int eventCons;
  private long records;
  private long wires;

  /** The queue was empty when the event queue had interrupted {@code armedAt} times. */
  private boolean armed;

  private long armedAt;

  /** Commands not consumed; whether they are illegal. */
  private final Deque<Boolean> queued = new ArrayDeque<>();

  SmmuTraffic(long seed) {
    chance = new Chance(seed);
    guest.log2 = LOG2;
    guest.start(0);
    guest.w(0x50, 0);
    int[] streams = {SmmuGuest.STREAM, SmmuGuest.ATS};
    for (int i = 0; i < streams.length; i++) {
      int index = i;
      Thread device = new Thread(() -> device(streams[index]));
      device.setUncaughtExceptionHandler((thread, thrown) -> fail(thrown));
      devices.add(device);
      device.start();
    }
  }

  private synchronized void fail(Throwable thrown) {
    failures.add(thrown);
  }

  /** Good DMA, and now and then one whose address tells its number. */
  private void device(int stream) {
    Port port = guest.unit.port(stream);
    long number = 0;
    while (!stop.get()) {
      long answer = port.translate(SmmuGuest.IOVA, Access.WRITE);
      long address = Translation.address(answer);
      if (!Translation.isFault(answer)
          && address != SmmuGuest.OUTPUT
          && address != SmmuGuest.IOVA) {
        throw new AssertionError("answer " + Translation.describe(answer));
      }
      if (dmas.incrementAndGet() % 8 == 0) {
        port.translate(FAULTING + (++number << 12), Access.READ);
      }
      port.done();
    }
  }

  /** Does {@code count} steps; throws at the first that comes out otherwise than the model says. */
  void run(long count) {
    for (long i = 0; i < count; i++) {
      long begin = System.nanoTime();
      step();
      long took = System.nanoTime() - begin;
      check(took < LONGEST_NANOS, "a step took %d ns", took, 0);
      synchronized (this) {
        if (!failures.isEmpty()) {
          throw new AssertionError("device", failures.getFirst());
        }
      }
    }
  }

  private void step() {
    switch (chance.below(16)) {
      case 0 -> control();
      case 1 -> interruptControl();
      case 2 -> bypass();
      case 3 -> acknowledge();
      case 4, 5, 6, 7 -> commands();
      case 8, 9 -> drain();
      case 10 -> guarded();
      case 11 -> anything();
      case 12 -> same("CR0ACK", cr0, guest.r(0x24));
      case 13 -> same("GBPA", bypass, guest.r(0x44));
      case 14 -> same("CMDQ_CONS", cons | error << 24, guest.r(SmmuGuest.CMDQ_CONS));
      default -> errors();
    }
  }

  /** EVENTQEN is mostly on. */
  private void control() {
    cr0 = (int) bits(5) | (chance.percent(5) ? 0 : 4);
    guest.w(0x20, cr0);
    same("CR0ACK", cr0, guest.r(0x24));
    consume();
  }

  private void interruptControl() {
    irqs = (int) bits(3);
    armed &= (irqs & 4) != 0;
    guest.w(0x50, irqs);
    same("IRQ_CTRLACK", irqs, guest.r(0x54));
  }

  private void bypass() {
    long value = 0x1000 | bits(1) << 31;
    guest.w(0x44, value);
    if (value >>> 31 == 1) {
      bypass = value & 0x7fff_ffff;
    }
  }

  /** As Linux does: the slot of a bad command becomes a SYNC, then the error is acknowledged. */
  private void acknowledge() {
    boolean active = gerror != gerrorn;
    if (active && error != 0 && chance.percent(50)) {
      guest.ram.put(guest.commands + 16L * (cons & ENTRIES - 1), SmmuGuest.CMD_SYNC);
      queued.removeFirst();
      queued.addFirst(false);
    }
    gerrorn = chance.percent(10) ? gerror ^ 1 : gerror;
    guest.w(SmmuGuest.GERRORN, gerrorn);
    if (active && gerror == gerrorn) {
      error = 0;
    }
    consume();
  }

  private boolean isRunning() {
    return (cr0 & 8) != 0 && gerror == gerrorn;
  }

  /** Puts commands, one in eight illegal, and rings. */
  private void commands() {
    int room = ENTRIES - queued.size();
    int count = chance.below(room + 1);
    long[] legal = {0x46, 0x30, 0x10, 0x2046, 0x11, 0x1_0000_0003L, 0x1_0000_0005L, 0x1046};
    for (int i = 0; i < count; i++) {
      boolean bad = chance.below(64) == 0;
      long at = guest.commands + 16L * (prod & ENTRIES - 1);
      guest.ram.put(at, bad ? 0xff : legal[chance.below(legal.length)]);
      guest.ram.put(at + 8, 0);
      prod = prod + 1 & 2 * ENTRIES - 1;
      queued.add(bad);
    }
    guest.w(SmmuGuest.CMDQ_PROD, prod);
    consume();
    same("CMDQ_CONS", cons | error << 24, guest.r(SmmuGuest.CMDQ_CONS));
  }

  /** What the queue does by itself: up to the first illegal command. */
  private void consume() {
    while (isRunning() && !queued.isEmpty()) {
      if (queued.getFirst()) {
        error = 1;
        gerror ^= 1;
        return;
      }
      queued.removeFirst();
      cons = cons + 1 & 2 * ENTRIES - 1;
    }
  }

  /** Reads every event there is: a queue that is not empty interrupted since it last was. */
  private void drain() {
    long found = guest.r(SmmuGuest.EVENTQ_PROD);
    int index = (int) found & 2 * ENTRIES - 1;
    int count = index - eventCons & 2 * ENTRIES - 1;
    check(count <= ENTRIES, "EVENTQ_PROD %x, CONS %x", found, eventCons);
    check(count == 0 || !armed || wires() > armedAt, "no interrupt of PROD %x", found, 0);
    for (; eventCons != index; eventCons = eventCons + 1 & 2 * ENTRIES - 1) {
      event();
    }
    guest.w(SmmuGuest.EVENTQ_CONS, eventCons | found & 1L << 31);
    long before = wires();
    boolean empty = ((int) guest.r(SmmuGuest.EVENTQ_PROD) & 2 * ENTRIES - 1) == eventCons;
    armed = empty && (irqs & 4) != 0;
    armedAt = before;
  }

  private void event() {
    long word = guest.event(eventCons, 0);
    int stream = (int) (word >>> 32);
    int device = stream == SmmuGuest.STREAM ? 0 : 1;
    long number = guest.event(eventCons, 2) - FAULTING >>> 12;
    check((word & 0xff) == 0x10, "event %x of stream %x", word, stream);
    check(stream == SmmuGuest.STREAM || stream == SmmuGuest.ATS, "event %x", word, 0);
    check(number > lastSeen[device], "event number %x after %x", number, lastSeen[device]);
    lastSeen[device] = number;
    records++;
  }

  /** How often the event queue interrupted. */
  private long wires() {
    synchronized (guest.signals) {
      wires += guest.signals.stream().filter("EVTQ"::equals).count();
      guest.signals.clear();
    }
    return wires;
  }

  private void guarded() {
    if ((cr0 & 1) != 0) {
      long before = guest.r8(0x80);
      guest.w8(0x80, bits(52));
      same("STRTAB_BASE", before, guest.r8(0x80));
    }
    if ((cr0 & 8) != 0) {
      guest.w(SmmuGuest.CMDQ_CONS, bits(32));
      same("CMDQ_CONS", cons | error << 24, guest.r(SmmuGuest.CMDQ_CONS));
    }
  }

  /** Accesses that mean nothing. */
  private void anything() {
    long offset = chance.percent(50) ? bits(18) | 1 : 0x2_0000 | bits(40) << 18;
    int size = chance.below(20);
    guest.unit.mmioWrite(offset, size, bits(64));
    same("nothing", 0, guest.unit.mmioRead(offset, size));
    long readOnly = new int[] {0, 4, 0xc, 0x14, 0x24, 0x54, 0x60}[chance.below(7)];
    guest.unit.mmioWrite(readOnly, 4, bits(32));
  }

  private void errors() {
    same("GERROR", gerror, guest.r(0x60));
    same("GERRORN", gerrorn, guest.r(SmmuGuest.GERRORN));
  }

  private void same(String what, long expected, long got) {
    if (expected != got) {
      throw new AssertionError("%s: expected %x, got %x".formatted(what, expected, got));
    }
  }

  private static void check(boolean holds, String text, long first, long second) {
    if (!holds) {
      throw new AssertionError(text.formatted(first, second));
    }
  }

  private long bits(int count) {
    return chance.bits() >>> 64 - count;
  }

  long dmas() {
    return dmas.get();
  }

  long records() {
    return records;
  }

  @Override
  public void close() {
    stop.set(true);
    for (Thread device : devices) {
      try {
        device.join();
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }
    guest.close();
  }

  /** Accesses, first seed. */
  public static void main(String[] args) {
    long count = Long.parseLong(args[0]);
    long seed = Long.parseLong(args[1]);
    try (SmmuTraffic traffic = new SmmuTraffic(seed)) {
      traffic.run(count);
      System.out.printf(
          "%d steps, %d DMAs, %d events read%n", count, traffic.dmas(), traffic.records());
    }
  }
}
