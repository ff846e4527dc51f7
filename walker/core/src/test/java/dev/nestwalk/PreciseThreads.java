package dev.nestwalk;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.Chance;
import dev.nestwalk.fixtures.Shrinker;
import dev.nestwalk.fixtures.TableMemory;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * The machines of {@link PreciseWalks} with threads: devices translate all the time while a guest
 * changes tables and configuration, names what it changed, and syncs. An answer to a request that
 * was made after a sync, and before the next change, has to be the walk's. One that comes across a
 * change has to be the walk's of some moment between request and answer; where two stages are
 * walked, each read has its own moment, so that such answers may mix, and are counted apart.
 *
 * <p>The long run: {@code PreciseThreads FORMAT OPERATIONS [FIRST-SEED]}, see CONTRIBUTING. Seeds
 * give machines and changes; how threads meet differs from run to run. A machine that fails runs
 * again without threads, devices and guest by turns; if it fails so too, that is made small.
 */
final class PreciseThreads {
  private static final int ROUNDS = 60;
  private static final int REQUESTS = 48;
  private static final int MOST_EPOCHS = 6;

  /** How often a machine that fails without threads runs again, to make the failure small. */
  private static final int TRIES = 300;

  /** Answers compared with the walk of one moment: nothing changed meanwhile. */
  long checked;

  /** Answers across a change that are a walk's of some moment. */
  long across;

  /** Answers of two stages across a change that are of no single moment. */
  long mixed;

  /** Compared answers that are translations, not refusals. */
  long translated;

  private final Formats format;
  private final PreciseScene.@Nullable Kind forgotten;

  PreciseThreads(Formats format) {
    this(format, null);
  }

  /** A control: invalidations of a kind are left out. */
  PreciseThreads(Formats format, PreciseScene.@Nullable Kind forgotten) {
    this.format = format;
    this.forgotten = forgotten;
  }

  /** A request, made again and again. */
  private record Request(int source, int pasid, long address, int access) {}

  /** What devices and the guest share. */
  private static final class Shared {
    final Iommu iommu;
    final Request[] requests;
    final AtomicInteger holding = new AtomicInteger();

    /** Odd while devices are held; each hold has a number of its own. */
    volatile int hold;

    volatile boolean going = true;
    volatile PreciseEpoch now;

    Shared(Iommu iommu, Request[] requests, PreciseEpoch first) {
      this.iommu = iommu;
      this.requests = requests;
      now = first;
    }

    void publish(PreciseEpoch epoch) {
      epoch.follow(now);
      now.next = epoch;
      now = epoch;
    }
  }

  /** The guest: owns tables and configuration. */
  private final class Guest {
    private final PreciseScene scene;
    private final Translator walking;
    private final Chance chance;
    private final Request[] requests = new Request[REQUESTS];
    private final List<Device> devices = new ArrayList<>();
    private final Shared shared;

    /** Without threads: devices have their turns in {@link #work}. */
    private final boolean alone;

    private int holds;

    Guest(PreciseScene scene, Chance chance, boolean alone) {
      this.alone = alone;
      this.scene = scene;
      this.chance = chance;
      walking = scene.iommu().newUncachedTranslator();
      for (int i = 0; i < REQUESTS; i++) {
        // Some for each of a few requesters, so that batches have more than one.
        requests[i] =
            i % 4 == 0
                ? new Request(
                    PreciseWalks.source(scene, chance),
                    PreciseWalks.pasid(scene, chance),
                    PreciseWalks.address(scene, chance),
                    1 + chance.below(3))
                : new Request(
                    requests[i - 1].source,
                    requests[i - 1].pasid,
                    PreciseWalks.address(scene, chance),
                    requests[i - 1].access);
      }
      shared =
          new Shared(scene.iommu(), requests, epoch(0, "the begin", true, true, walk(), false));
    }

    private long[] walk() {
      long[] answers = new long[REQUESTS];
      for (int i = 0; i < REQUESTS; i++) {
        Request request = requests[i];
        answers[i] =
            walking.translate(request.source, request.pasid, request.address, request.access);
      }
      return answers;
    }

    private PreciseEpoch epoch(
        int round,
        String deed,
        boolean quiet,
        boolean isKnown,
        long[] expected,
        boolean severalChanges) {
      boolean[] mixes = new boolean[REQUESTS];
      for (int i = 0; i < REQUESTS; i++) {
        mixes[i] = severalChanges || scene.isNested(requests[i].source, requests[i].pasid);
      }
      return new PreciseEpoch(round, deed, quiet, isKnown, expected, mixes);
    }

    void run(String machine) throws InterruptedException {
      CacheOptions small = new CacheOptions(16, 4, 4, 4, 8, false, 5);
      for (CacheOptions options : List.of(CacheOptions.DEFAULT, small, small.withIotlb(32, 1))) {
        devices.add(new Device(shared, options, new Chance(chance.bits())));
      }
      if (!alone) {
        devices.forEach(Thread::start);
      }
      try {
        for (int round = 1; round <= ROUNDS && isFine(); round++) {
          round(round);
        }
      } catch (InterruptedException e) {
        if (isFine()) {
          throw e;
        }
      } finally {
        shared.going = false;
        for (Device device : devices) {
          device.join(); // at once if it was not started
        }
      }
      for (Device device : devices) {
        if (device.wrong != null) {
          throw new AssertionError("%s: %s".formatted(machine, device.wrong));
        }
        checked += device.itsChecked;
        across += device.itsAcross;
        mixed += device.itsMixed;
        translated += device.itsTranslated;
      }
    }

    private boolean isFine() {
      return devices.stream().allMatch(device -> device.wrong == null);
    }

    private void round(int round) throws InterruptedException {
      int changes = chance.below(3) == 0 ? 2 + chance.below(3) : 1;
      for (int i = 0; i < changes; i++) {
        // Structures of several words are changed while no device reads them, as their
        // specifications ask for; so are restrictions, which belong to the host.
        boolean held = chance.below(3) == 0;
        if (held) {
          hold();
        }
        shared.publish(
            epoch(round, "is about to change", false, false, shared.now.expected, changes > 1));
        String deed = held ? changeHeld() : "an entry changed";
        if (!held) {
          scene.changeEntry(chance);
        }
        shared.publish(epoch(round, deed, false, true, walk(), changes > 1));
        if (held) {
          shared.hold = ++holds;
        }
        work();
      }
      scene.invalidate(chance);
      walking.pause();
      scene.iommu().sync();
      walking.resume();
      shared.publish(epoch(round, "synced", true, true, shared.now.expected, false));
      work();
    }

    /** Changes something while no device translates; tells what. */
    private String changeHeld() {
      if (chance.below(4) == 0) {
        PreciseWalks.restrict(scene, chance);
        return "restricted";
      }
      if (chance.below(6) == 0 || !scene.isOn()) {
        scene.reconfigure(chance);
        return "registers changed";
      }
      scene.change(chance);
      return "an entry or a configuration changed";
    }

    /** Waits until no device translates, nor is about to. */
    private void hold() throws InterruptedException {
      if (alone) {
        return;
      }
      shared.holding.set(0);
      shared.hold = ++holds;
      while (shared.holding.get() < devices.size()) {
        if (Thread.interrupted() || devices.stream().anyMatch(device -> device.wrong != null)) {
          throw new InterruptedException("a device does not stop");
        }
        LockSupport.parkNanos(1_000);
      }
    }

    /** Leaves devices some time. */
    private void work() {
      for (int i = chance.below(4); i > 0 && !alone; i--) {
        LockSupport.parkNanos(1_000);
        walk();
      }
      if (alone) {
        walking.pause();
        devices.forEach(Device::takeTurn);
        walking.resume();
      }
    }
  }

  /** A device: translates one by one and in batches until the machine ends. */
  private static final class Device extends Thread {
    private final Shared shared;
    private final CacheOptions options;
    private final Chance chance;
    private final long[] iovas = new long[REQUESTS];
    private final long[] answers = new long[REQUESTS];
    private final int[] numbers = new int[REQUESTS];
    private final PreciseEpoch.Met met = new PreciseEpoch.Met();
    private @Nullable Translator own;
    private long itsChecked;
    private long itsAcross;
    private long itsMixed;
    private long itsTranslated;
    private volatile @Nullable String wrong;

    Device(Shared shared, CacheOptions options, Chance chance) {
      this.shared = shared;
      this.options = options;
      this.chance = chance;
    }

    @Override
    public void run() {
      Translator translator = shared.iommu.newTranslator(options);
      try {
        translate(translator);
      } catch (RuntimeException | Error e) {
        wrong = "threw " + e;
      } finally {
        translator.pause();
      }
    }

    private void translate(Translator translator) {
      while (shared.going && wrong == null) {
        int hold = shared.hold;
        if ((hold & 1) != 0) {
          translator.pause();
          shared.holding.incrementAndGet();
          while (shared.hold == hold && shared.going) {
            LockSupport.parkNanos(1_000);
          }
          translator.resume();
          continue;
        }
        ask(translator, chance.below(REQUESTS), chance.below(8) == 0);
      }
    }

    /** Makes each request on the caller's thread. */
    void takeTurn() {
      Translator translator = own;
      if (translator == null) {
        translator = shared.iommu.newTranslator(options);
        own = translator;
      } else {
        translator.resume();
      }
      for (int number = 0; number < REQUESTS && wrong == null; number++) {
        ask(translator, number, number % 8 == 7);
      }
      translator.pause();
    }

    /** Makes a request, or in a batch all of its requester's. */
    private void ask(Translator translator, int number, boolean inBatch) {
      Request request = shared.requests[number];
      PreciseEpoch begin = shared.now;
      if (!inBatch) {
        long answer =
            translator.translate(request.source, request.pasid, request.address, request.access);
        compare(begin, shared.now, number, answer);
        return;
      }
      int count = 0;
      for (int i = 0; i < REQUESTS; i++) {
        Request other = shared.requests[i];
        boolean goes = other.source == request.source && other.pasid == request.pasid;
        if (goes && other.access == request.access) {
          numbers[count] = i;
          iovas[count++] = other.address;
        }
      }
      translator
          .endpoint(request.source, request.pasid)
          .translate(iovas, answers, 0, count, request.access);
      PreciseEpoch end = shared.now;
      for (int i = 0; i < count; i++) {
        compare(begin, end, numbers[i], answers[i]);
      }
    }

    private void compare(PreciseEpoch begin, PreciseEpoch end, int number, long answer) {
      met.add(number, begin, end, answer);
      itsTranslated += Translation.isFault(answer) ? 0 : 1;
      if (begin == end && begin.quiet) {
        itsChecked++;
        if (answer != begin.expected[number]) {
          tell(begin, end, number, answer);
        }
        return;
      }
      boolean mixes = false;
      PreciseEpoch epoch = begin.since;
      for (int i = 0; epoch != null && i < MOST_EPOCHS; i++) {
        mixes |= epoch.mixes[number];
        if (answer == epoch.expected[number]) {
          itsAcross++;
          return;
        }
        if (epoch == end) {
          break;
        }
        epoch = epoch.next;
      }
      // A change that was under way at the end may have been seen: the next epoch tells its
      // answers.
      PreciseEpoch after = end.isKnown ? end : end.next;
      while (after == null && shared.going) {
        LockSupport.parkNanos(1_000);
        after = end.next;
      }
      if (epoch != end || after == null || mixes || after.mixes[number]) {
        itsMixed++;
      } else if (answer == after.expected[number]) {
        itsAcross++;
      } else {
        tell(begin, after, number, answer);
      }
    }

    private void tell(PreciseEpoch begin, PreciseEpoch end, int number, long answer) {
      wrong =
          "round %d, request %d, %s: %s; the walk's answers, by what the guest did:%s%nthe device's last requests:%s"
              .formatted(
                  begin.round,
                  number,
                  shared.requests[number],
                  Translation.describe(answer),
                  begin.history(end, number),
                  met.history());
    }
  }

  /** Runs a machine; if it fails, again without threads. */
  void machine(long seed) throws InterruptedException {
    try {
      machine(seed, new Chance(drawn(seed)), false);
    } catch (AssertionError e) {
      throw new AssertionError(e.getMessage() + "%n%s".formatted(alone(seed)), e);
    }
  }

  private static long drawn(long seed) {
    return seed * 41 + 3;
  }

  private void machine(long seed, Chance chance, boolean alone) throws InterruptedException {
    try (Arena arena = Arena.ofShared()) {
      TableMemory memory = PreciseScene.memory(arena, chance);
      PreciseScene scene =
          format == Formats.VTD ? new PreciseVtd(memory, chance) : new PreciseSmmu(memory, chance);
      if (forgotten != null) {
        scene.pending().forget(forgotten);
      }
      new Guest(scene, chance, alone).run("%s, seed %d".formatted(format, seed));
    }
  }

  /** What the machine does without threads, in words. */
  private String alone(long seed) {
    try {
      Shrinker.run(
          drawn(seed),
          TRIES,
          chance -> {
            try {
              machine(seed, chance, true);
            } catch (InterruptedException e) {
              throw new IllegalStateException(e);
            }
          });
      return "without threads it does not fail";
    } catch (AssertionError e) {
      return "without threads: " + e.getMessage();
    }
  }

  public static void main(String[] args) throws InterruptedException {
    PreciseThreads threads = new PreciseThreads(Formats.valueOf(args[0]));
    long operations = args.length > 1 ? Long.parseLong(args[1]) : 50_000_000;
    long seed = args.length > 2 ? Long.parseLong(args[2]) : 1_000_000;
    for (; threads.checked < operations; seed++) {
      threads.machine(seed);
      if (seed % 200 == 0) {
        System.err.printf("%d answers, next seed %d%n", threads.checked, seed + 1);
      }
    }
    System.out.printf(
        "%s: %d answers equal the walk's, %d of them or others translations; %d across a change, %d"
            + " mixed; next seed %d%n",
        threads.format, threads.checked, threads.translated, threads.across, threads.mixed, seed);
  }
}
