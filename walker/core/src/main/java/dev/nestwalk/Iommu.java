package dev.nestwalk;

import dev.nestwalk.cache.CacheCounters;
import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.cache.InvalidationListener;
import dev.nestwalk.cache.InvalidationLog;
import dev.nestwalk.cache.TagCounter;
import dev.nestwalk.dma.FaultRecord;
import dev.nestwalk.dma.Outcome;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.explain.Reference;
import dev.nestwalk.explain.References;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.region.RegionSet;
import dev.nestwalk.smmu.EventType;
import dev.nestwalk.smmu.SmmuConfig;
import dev.nestwalk.smmu.SmmuWalker;
import dev.nestwalk.vtd.FaultReason;
import dev.nestwalk.vtd.VtdConfig;
import dev.nestwalk.vtd.VtdWalker;
import dev.nestwalk.walk.KernelFactory;
import dev.nestwalk.walk.TableWalker;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * An IOMMU: registers and the guest memory that holds its tables.
 *
 * <p>Threads: any; give each thread a {@link Translator} of its own.
 */
public final class Iommu {
  private static final int SPINS = 1000;
  private static final long PARK_NANOS = 50_000;
  private static final Set<String> PROTECTED_MEMORY =
      Set.of("PMEN", "PLMBASE", "PLMLIMIT", "PHMBASE", "PHMLIMIT");

  private final InvalidationLog log;
  private final Restrictions restrictions = new Restrictions();
  private final GuestMemory memory;
  private final KernelFactory kernels;
  private final Maker maker;
  private final Consumer<Map<String, Long>> configuration;
  private final Copier copier;
  private final Referee referee;
  private final Map<String, Long> registers;
  private final Set<String> fixed;
  private final @Nullable VtdInvalidations vtd;
  private final @Nullable SmmuInvalidations smmu;
  private final List<QuiescentState> translators = new CopyOnWriteArrayList<>();

  /** Makes the walker of the format for one translator. */
  private interface Maker {
    TableWalker<?> make(FaultRecord lastFault, CacheCounters counters);
  }

  /** Makes a unit with these registers over other memory. */
  private interface Copier {
    Iommu copy(GuestMemory memory, Map<String, Long> registers);
  }

  /** Makes the reference walker. */
  private interface Referee {
    Reference reference(GuestMemory memory, Map<String, Long> registers);
  }

  private Iommu(
      GuestMemory memory, Map<String, Long> registers, int hostAddressWidth, int protectedLog2) {
    this.memory = memory;
    this.registers = new TreeMap<>(registers);
    fixed = Set.of("CAP", "ECAP");
    copier = (other, now) -> new Iommu(other, now, hostAddressWidth, protectedLog2);
    referee = (other, now) -> References.vtd(other, now, hostAddressWidth, protectedLog2);
    var config = new AtomicReference<>(VtdConfig.of(registers, hostAddressWidth, protectedLog2));
    configuration = changed -> config.set(VtdConfig.of(changed, hostAddressWidth, protectedLog2));
    log = new InvalidationLog();
    kernels = new KernelFactory(memory);
    maker =
        (fault, counters) ->
            new TableWalker<>(() -> new VtdWalker(config.get(), memory, fault, counters));
    vtd = new VtdInvalidations(config::get, log);
    smmu = null;
  }

  private Iommu(GuestMemory memory, Map<String, Long> registers) {
    this.memory = memory;
    this.registers = new TreeMap<>(registers);
    fixed = Set.of("IDR0", "IDR1", "IDR3", "IDR5");
    copier = Iommu::new;
    referee = References::smmuv3;
    var config = new AtomicReference<>(SmmuConfig.of(registers));
    configuration = changed -> config.set(SmmuConfig.of(changed));
    log = new InvalidationLog();
    kernels = new KernelFactory(memory);
    maker =
        (fault, counters) ->
            new TableWalker<>(() -> new SmmuWalker(config.get(), memory, fault, counters));
    vtd = null;
    smmu = new SmmuInvalidations(config::get, log);
  }

  /**
   * An Intel VT-d remapping unit.
   *
   * @param memory guest memory; the tables' flags are updated in it unless it is read-only
   * @param registers by architectural name: CAP, ECAP, GSTS, RTADDR; optional PMEN, PLMBASE,
   *     PLMLIMIT, PHMBASE, PHMLIMIT
   * @param hostAddressWidth 32 to 52 bits, or -1 for CAP.MGAW + 1
   * @throws IllegalArgumentException for a missing register or capabilities that exclude each other
   */
  public static Iommu vtd(GuestMemory memory, Map<String, Long> registers, int hostAddressWidth) {
    return vtd(memory, registers, hostAddressWidth, VtdConfig.PROTECTED_MEMORY_LOG2);
  }

  /**
   * An Intel VT-d remapping unit with another granule of protected memory regions than 2 MiB.
   *
   * @param memory guest memory; the tables' flags are updated in it unless it is read-only
   * @param registers by architectural name: CAP, ECAP, GSTS, RTADDR; optional PMEN, PLMBASE,
   *     PLMLIMIT, PHMBASE, PHMLIMIT
   * @param hostAddressWidth 32 to 52 bits, or -1 for CAP.MGAW + 1
   * @param protectedMemoryLog2 log2 of the granule, 12 to 31: the lowest bit that software can set
   *     in PLMBASE (VT-d 11.4.8); units have 20 or 21
   * @throws IllegalArgumentException for a missing register, capabilities that exclude each other
   *     or another granule
   */
  public static Iommu vtd(
      GuestMemory memory,
      Map<String, Long> registers,
      int hostAddressWidth,
      int protectedMemoryLog2) {
    return new Iommu(
        Objects.requireNonNull(memory, "memory"),
        Objects.requireNonNull(registers, "registers"),
        hostAddressWidth,
        protectedMemoryLog2);
  }

  /**
   * An Arm SMMUv3, Non-secure programming interface.
   *
   * @param memory guest memory; the tables' flags are updated in it unless it is read-only
   * @param registers by architectural name: IDR0, IDR1, IDR5, CR0; optional IDR3, CR2, GBPA,
   *     STRTAB_BASE, STRTAB_BASE_CFG
   * @throws IllegalArgumentException for a missing register or capabilities that exclude each other
   */
  public static Iommu smmuv3(GuestMemory memory, Map<String, Long> registers) {
    return new Iommu(
        Objects.requireNonNull(memory, "memory"), Objects.requireNonNull(registers, "registers"));
  }

  /** A translator for the calling thread, with caches of {@link CacheOptions#DEFAULT} geometry. */
  public Translator newTranslator() {
    return newTranslator(CacheOptions.DEFAULT);
  }

  /** A translator for the calling thread, with caches of the given geometry. */
  public Translator newTranslator(CacheOptions options) {
    return make(new TagCounter(), Objects.requireNonNull(options, "options"));
  }

  /** A translator for the calling thread that reads every structure anew for each translation. */
  public Translator newUncachedTranslator() {
    return make(new TagCounter(), null);
  }

  /** For tests of what happens when tags run out. */
  Translator newTranslator(CacheOptions options, int lastTag) {
    return make(new TagCounter(lastTag), options);
  }

  private Translator make(TagCounter tags, @Nullable CacheOptions options) {
    FaultRecord lastFault = new FaultRecord();
    CacheCounters counters = new CacheCounters();
    TableWalker<?> tables = maker.make(lastFault, counters);
    Translator translator =
        new Translator(
            tables, lastFault, counters, kernels, memory, log, restrictions, tags, options);
    translators.removeIf(QuiescentState::isGone);
    translators.add(translator.presence);
    return translator;
  }

  /**
   * Changes registers while threads translate. Each DMA uses the registers before or those after,
   * never some of both; {@link #sync} tells when no translator uses those before. Translators,
   * endpoints, restrictions and counters stay.
   *
   * @param changes by architectural name, as at the making of the unit; others keep their values
   * @param keepsCaches whether cached configurations and translations survive until invalidated, as
   *     they do on hardware that is switched off and on; else they are dropped, as they are in any
   *     case when protected memory changes (PMEN and its regions), which hits do not look at
   * @throws IllegalArgumentException if a capability register would change; then nothing does
   */
  public synchronized void reconfigure(Map<String, Long> changes, boolean keepsCaches) {
    Map<String, Long> changed = new TreeMap<>(registers);
    changed.putAll(Objects.requireNonNull(changes, "changes"));
    for (String name : fixed) {
      if (!Objects.equals(changed.get(name), registers.get(name))) {
        throw new IllegalArgumentException(name + " changes, which no unit's capabilities do");
      }
    }
    boolean protects =
        PROTECTED_MEMORY.stream()
            .anyMatch(name -> !Objects.equals(changed.get(name), registers.get(name)));
    configuration.accept(changed);
    registers.putAll(changes);
    log.registers(keepsCaches && !protects);
  }

  /**
   * The present mappings of a requester, by the registers now in force; for whoever has to map them
   * again elsewhere (VFIO, vhost, migration). Tables are read as the scan comes to them, and no
   * flag is set. Restrictions do not count, nor do address bits that the unit ignores (SMMUv3 TBI).
   *
   * @param pasid PASID or SubstreamID, -1 for requests without one
   * @return a scan for the calling thread
   * @throws IllegalArgumentException for a source id or PASID that no request can have
   */
  public MappingScan mappings(int sourceId, int pasid) {
    Map<String, Long> now;
    synchronized (this) {
      now = Map.copyOf(registers);
    }
    GuestMemory view = memory.asReadOnly();
    Translator translator = copier.copy(view, now).newTranslator(CacheOptions.NONE);
    return new MappingScan(translator.endpoint(sourceId, pasid), referee.reference(view, now));
  }

  /** The memory that holds the tables. */
  public GuestMemory memory() {
    return memory;
  }

  /**
   * Invalidations as a VT-d unit takes them.
   *
   * @throws IllegalStateException if this is another unit
   */
  public VtdInvalidations vtdInvalidations() {
    if (vtd == null) {
      throw new IllegalStateException("this IOMMU is an SMMUv3, expected VT-d");
    }
    return vtd;
  }

  /**
   * Invalidations as an SMMUv3 takes them.
   *
   * @throws IllegalStateException if this is another unit
   */
  public SmmuInvalidations smmuInvalidations() {
    if (smmu == null) {
      throw new IllegalStateException("this IOMMU is VT-d, expected an SMMUv3");
    }
    return smmu;
  }

  /**
   * Bars a requester's DMA from reserved addresses: what meets them is refused with the outcome of
   * their kind ({@link dev.nestwalk.dma.Outcome#RESERVED_MSI} for an interrupt), the input side
   * before any table is read. Translations near them are kept in sizes that leave them out, so hits
   * cost the same as without. Takes effect as an invalidation does: {@link #sync} tells when no
   * translator uses the state before.
   *
   * <p>A translation request meets what the accesses after it would meet, and completes without
   * rights there. The address of a translated request is none that {@code input} is about: only
   * {@code intermediate} counts, and only where it is such an address (SMMUv3's split-stage ATS).
   *
   * @param pasid PASID or SubstreamID, -1 for requests without
   * @param input bus addresses; {@link RegionSet#EMPTY} for none
   * @param intermediate addresses between the stages of nested translation, for policies that guard
   *     them; {@link RegionSet#EMPTY} for none. The tables have been read by then, and flags in
   *     them may be set
   */
  public void restrict(int sourceId, int pasid, RegionSet input, RegionSet intermediate) {
    Objects.requireNonNull(input, "input");
    Objects.requireNonNull(intermediate, "intermediate");
    restrictions.set(Restrictions.key(sourceId, pasid), input, intermediate);
    log.configurationsOf(sourceId, 0);
  }

  /**
   * For experiments on what stale translations do, such as the control of a test: from now on
   * invalidations are taken and dropped. A change of registers still drops what is cached.
   */
  public void ignoreInvalidations() {
    log.ignore();
  }

  /**
   * What the code of a refusal stands for, in one line: {@code "SFS.2: first-stage entry not
   * present"}, {@code "F_TRANSLATION: no valid translation"}, or a sentence for one of the {@link
   * Outcome}s.
   *
   * @param code {@link Translation#code}
   * @throws IllegalArgumentException if no translation of this unit is refused with it
   */
  public String reason(int code) {
    if (Outcome.isLibraryCode(code)) {
      return Outcome.of(code).text();
    }
    FaultReason reason = vtd == null ? null : FaultReason.of(code);
    EventType event = smmu == null ? null : EventType.of(code);
    if (reason != null) {
      return reason.mnemonic() + ": " + reason.condition();
    }
    if (event != null) {
      return event.name() + ": " + event.condition();
    }
    throw new IllegalArgumentException(
        "code 0x%x: expected one that a translation can be refused with".formatted(code));
  }

  /** Drops every translation and every resolved configuration. */
  public void invalidateAll() {
    log.configurations();
    log.everything();
  }

  /**
   * Waits until no translator can use anything that was invalidated before this call, neither for a
   * new translation nor for an answer given before.
   *
   * <p>What a thread does with an answer is over when it asks for its next translation, {@link
   * Translator#poll polls} or {@link Translator#pause pauses}: that happens-before the return of
   * this call. A batch, range or slice is one such request, whatever it meets on its way: its
   * answers are in use until the thread's next one. What this thread did before the invalidation,
   * changes of tables included, happens-before every translation that the others begin after this
   * call returns. Translators that are paused, of ended threads or no longer reachable are not
   * waited for; one of the calling thread applies the invalidations at once.
   *
   * @throws InterruptedException if the thread is interrupted while it waits
   */
  public void sync() throws InterruptedException {
    await(Long.MAX_VALUE);
  }

  /**
   * Waits as {@link #sync()} does, for at most a time.
   *
   * @return whom it still waits for; empty if no translator can use what was invalidated
   * @throws InterruptedException if the thread is interrupted while it waits
   */
  public List<Laggard> sync(long timeout, TimeUnit unit) throws InterruptedException {
    long target = log.latest();
    if (await(unit.toNanos(timeout))) {
      return List.of();
    }
    return translators.stream()
        .filter(presence -> !presence.isPast(target))
        .map(QuiescentState::describe)
        .toList();
  }

  /**
   * A thread whose translator may still use what was invalidated.
   *
   * @param state what it did when it was looked at: one that waits has to pause its translator
   */
  public record Laggard(Thread thread, Thread.State state) {
    @Override
    public String toString() {
      return thread.getName() + " (" + state + ")";
    }
  }

  /** False if the time was over first. */
  private boolean await(long nanos) throws InterruptedException {
    long target = log.latest();
    long began = nanos == Long.MAX_VALUE ? 0 : System.nanoTime();
    for (QuiescentState presence : translators) {
      for (int spins = 0; !presence.isPast(target); spins++) {
        if (Thread.interrupted()) {
          throw new InterruptedException("waiting for a translator to see an invalidation");
        }
        if (spins < SPINS) {
          Thread.onSpinWait();
        } else if (nanos != Long.MAX_VALUE && System.nanoTime() - began >= nanos) {
          return false;
        } else {
          LockSupport.parkNanos(PARK_NANOS);
        }
      }
    }
    return true;
  }

  /** From now on a listener hears what is invalidated. */
  public void addListener(InvalidationListener listener) {
    log.addListener(listener);
  }

  /** A listener hears no more. */
  public void removeListener(InvalidationListener listener) {
    log.removeListener(listener);
  }
}
