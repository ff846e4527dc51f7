package dev.nestwalk;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.cache.InvalidationListener;
import dev.nestwalk.dma.Outcome;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.flight.UnitEvents;
import dev.nestwalk.iotlb.InvalidationLog;
import dev.nestwalk.iotlb.TagCounter;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.region.RegionSet;
import dev.nestwalk.vtd.VtdConfig;
import dev.nestwalk.walk.KernelFactory;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * An IOMMU: its registers, and the guest memory that holds its tables.
 *
 * <p>Threads: any may use it; give each thread a {@link Translator} of its own.
 */
public final class Iommu {
  private static final Set<String> PROTECTED_MEMORY =
      Set.of("PMEN", "PLMBASE", "PLMLIMIT", "PHMBASE", "PHMLIMIT");

  private final InvalidationLog log;
  private final UnitEvents events;
  private final Restrictions restrictions = new Restrictions();
  private final GuestMemory memory;
  private final KernelFactory kernels;
  private final UnitFormat format;
  private final Map<String, Long> registers;
  private final @Nullable VtdInvalidations vtd;
  private final @Nullable SmmuInvalidations smmu;
  private final QuiescentStates translators = new QuiescentStates();

  private Iommu(GuestMemory memory, Map<String, Long> registers, UnitFormat format) {
    this.memory = memory;
    this.registers = new TreeMap<>(registers);
    this.format = format;
    log = new InvalidationLog();
    events = UnitEvents.of(format.name(), this::reason);
    log.addListener(events);
    kernels = new KernelFactory(memory);
    vtd = format instanceof UnitFormat.Vtd f ? new VtdInvalidations(f::config, log) : null;
    smmu = format instanceof UnitFormat.Smmu f ? new SmmuInvalidations(f::config, log) : null;
  }

  /**
   * An Intel VT-d remapping unit.
   *
   * @param memory guest memory; accessed and dirty flags of the tables are updated in it unless it
   *     is read-only
   * @param registers by architectural name: CAP, ECAP, GSTS, RTADDR; optional PMEN, PLMBASE,
   *     PLMLIMIT, PHMBASE, PHMLIMIT
   * @param hostAddressWidth 32 to 52 bits, or -1 for CAP.MGAW + 1
   * @throws IllegalArgumentException for a missing register, capabilities that exclude each other
   *     or a width out of range
   */
  public static Iommu vtd(GuestMemory memory, Map<String, Long> registers, int hostAddressWidth) {
    return vtd(memory, registers, hostAddressWidth, VtdConfig.PROTECTED_MEMORY_LOG2);
  }

  /**
   * An Intel VT-d remapping unit whose protected memory regions have a granule other than 2 MiB.
   *
   * @param memory guest memory; accessed and dirty flags of the tables are updated in it unless it
   *     is read-only
   * @param registers by architectural name: CAP, ECAP, GSTS, RTADDR; optional PMEN, PLMBASE,
   *     PLMLIMIT, PHMBASE, PHMLIMIT
   * @param hostAddressWidth 32 to 52 bits, or -1 for CAP.MGAW + 1
   * @param protectedMemoryLog2 log2 of the granule, 12 to 31: the lowest bit that software can set
   *     in PLMBASE (VT-d 11.4.8); units have 20 or 21
   * @throws IllegalArgumentException for a missing register, capabilities that exclude each other,
   *     or a width or granule out of range
   */
  public static Iommu vtd(
      GuestMemory memory,
      Map<String, Long> registers,
      int hostAddressWidth,
      int protectedMemoryLog2) {
    Objects.requireNonNull(memory, "memory");
    Objects.requireNonNull(registers, "registers");
    return new Iommu(
        memory, registers, new UnitFormat.Vtd(registers, hostAddressWidth, protectedMemoryLog2));
  }

  /**
   * An Arm SMMUv3, Non-secure programming interface.
   *
   * @param memory guest memory; access and dirty flags of the tables are updated in it unless it is
   *     read-only
   * @param registers by architectural name: IDR0, IDR1, IDR5, CR0; optional IDR3, CR2, GBPA,
   *     STRTAB_BASE, STRTAB_BASE_CFG
   * @throws IllegalArgumentException for a missing register or capabilities that exclude each other
   */
  public static Iommu smmuv3(GuestMemory memory, Map<String, Long> registers) {
    Objects.requireNonNull(memory, "memory");
    Objects.requireNonNull(registers, "registers");
    return new Iommu(memory, registers, new UnitFormat.Smmu(registers));
  }

  /** A translator for the calling thread, with caches of {@link CacheOptions#DEFAULT} geometry. */
  public Translator newTranslator() {
    return newTranslator(CacheOptions.DEFAULT);
  }

  /** A translator for the calling thread, with caches of the given geometry. */
  public Translator newTranslator(CacheOptions options) {
    return make(new TagCounter(), Objects.requireNonNull(options, "options"), events);
  }

  /**
   * A translator for the calling thread without caches: it reads every structure for each
   * translation.
   */
  public Translator newUncachedTranslator() {
    return make(new TagCounter(), null, events);
  }

  /** A translator with few tags, for tests of what happens when tags run out. */
  Translator newTranslator(CacheOptions options, int lastTag) {
    return newTranslator(options, lastTag, kernels);
  }

  /** A translator with few tags and other kernels, for tests. */
  Translator newTranslator(CacheOptions options, int lastTag, KernelFactory made) {
    return make(new TagCounter(lastTag), options, events, made);
  }

  private Translator make(TagCounter tags, @Nullable CacheOptions options, UnitEvents told) {
    return make(tags, options, told, kernels);
  }

  private Translator make(
      TagCounter tags, @Nullable CacheOptions options, UnitEvents told, KernelFactory made) {
    Translator translator =
        new Translator(format, made, memory, log, told, restrictions, tags, options);
    translators.add(translator.presence);
    // A sync that did not find the translator in the list yet has not waited for it.
    translator.resume();
    return translator;
  }

  /**
   * Changes registers while threads translate. Each DMA uses the registers either before or after
   * the change, never a mixture; {@link #sync} returns when no translator uses the old ones any
   * more. Translators, endpoints, restrictions and counters are kept.
   *
   * @param changes by architectural name, as when the unit was made; other registers keep their
   *     values
   * @param keepsCaches whether cached configurations and translations survive until invalidated, as
   *     they do on hardware that is switched off and on. If false they are dropped. They are
   *     dropped in any case when protected memory changes (PMEN and its regions), which cache hits
   *     do not check
   * @throws IllegalArgumentException if a capability register would change; nothing is changed then
   */
  public synchronized void reconfigure(Map<String, Long> changes, boolean keepsCaches) {
    Map<String, Long> changed = new TreeMap<>(registers);
    changed.putAll(Objects.requireNonNull(changes, "changes"));
    for (String name : format.capabilities()) {
      if (!Objects.equals(changed.get(name), registers.get(name))) {
        throw new IllegalArgumentException(name + " changes, which no unit's capabilities do");
      }
    }
    boolean protects =
        PROTECTED_MEMORY.stream()
            .anyMatch(name -> !Objects.equals(changed.get(name), registers.get(name)));
    format.configure(changed);
    registers.putAll(changes);
    log.registers(keepsCaches && !protects);
    events.reconfigured(changes, keepsCaches && !protects);
  }

  /**
   * The present mappings of a requester under the registers now in force, for software that has to
   * map them elsewhere as well (VFIO, vhost, migration). Tables are read as the scan reaches them,
   * and no flag is set. Restrictions are not applied, and address bits that the unit ignores
   * (SMMUv3 TBI) are left out.
   *
   * @param pasid PASID or SubstreamID, or -1 for requests without one
   * @return a scan for the calling thread
   * @throws IllegalArgumentException for a source id or PASID that no request can have
   */
  public MappingScan mappings(int sourceId, int pasid) {
    return mappings().of(sourceId, pasid);
  }

  /**
   * The present mappings of every requester under the registers now in force, for listings of many:
   * the scans share a translator. For the rest see {@link #mappings(int, int)}.
   *
   * @return a view for the calling thread
   */
  public Mappings mappings() {
    Map<String, Long> now;
    synchronized (this) {
      now = Map.copyOf(registers);
    }
    GuestMemory view = memory.asReadOnly();
    // What a scan is refused is no device's fault.
    Translator translator =
        new Iommu(view, now, format.of(now))
            .make(new TagCounter(), CacheOptions.NONE, UnitEvents.none());
    return new Mappings(translator, format.reference(view, now));
  }

  /** The memory that holds the tables. */
  public GuestMemory memory() {
    return memory;
  }

  /**
   * The invalidations of a VT-d unit.
   *
   * @throws IllegalStateException if this is not a VT-d unit
   */
  public VtdInvalidations vtdInvalidations() {
    if (vtd == null) {
      throw new IllegalStateException("this IOMMU is an SMMUv3, expected VT-d");
    }
    return vtd;
  }

  /**
   * The invalidations of an SMMUv3.
   *
   * @throws IllegalStateException if this is not an SMMUv3
   */
  public SmmuInvalidations smmuInvalidations() {
    if (smmu == null) {
      throw new IllegalStateException("this IOMMU is VT-d, expected an SMMUv3");
    }
    return smmu;
  }

  /**
   * Bars a requester's DMA from reserved addresses. A DMA that touches one is refused with the
   * outcome of its kind ({@link dev.nestwalk.dma.Outcome#RESERVED_MSI} for an interrupt window).
   * The input address is checked before any table is read. Translations near reserved addresses are
   * cached in sizes that exclude them, so hits cost no more than without a restriction. The change
   * takes effect as an invalidation does: when {@link #sync} returns, no translator uses the
   * previous restriction.
   *
   * <p>A translation request is judged like the accesses that would follow it, and completes
   * without rights on a reserved address. The address of a translated request is not a bus address,
   * so {@code input} does not apply to it; {@code intermediate} applies where the address is an
   * intermediate one (SMMUv3's split-stage ATS).
   *
   * @param pasid PASID or SubstreamID, or -1 for requests without one
   * @param input bus addresses; {@link RegionSet#EMPTY} for none
   * @param intermediate addresses between the stages of nested translation, for policies that guard
   *     them; {@link RegionSet#EMPTY} for none. They are checked after the tables have been read,
   *     so flags in the tables may already be set
   */
  public void restrict(int sourceId, int pasid, RegionSet input, RegionSet intermediate) {
    Objects.requireNonNull(input, "input");
    Objects.requireNonNull(intermediate, "intermediate");
    restrictions.set(Restrictions.key(sourceId, pasid), input, intermediate);
    log.configurationsOf(sourceId, 0);
  }

  /**
   * Discards all invalidations from now on. This is for experiments on what stale translations do,
   * such as the control of a test. A change of registers still drops what is cached.
   */
  public void ignoreInvalidations() {
    log.ignore();
  }

  /**
   * The meaning of a refusal's code in one line: {@code "SFS.2: first-stage entry not present"},
   * {@code "F_TRANSLATION: no valid translation"}, or a sentence for one of the {@link Outcome}s.
   *
   * @param code {@link Translation#code}
   * @throws IllegalArgumentException if no translation of this unit is refused with it
   */
  public String reason(int code) {
    if (Outcome.isLibraryCode(code)) {
      return Outcome.of(code).text();
    }
    String reason = format.reason(code);
    if (reason != null) {
      return reason;
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
   * new translation nor through an answer given earlier.
   *
   * <p>A thread's use of an answer ends when it asks for its next translation, {@link
   * Translator#poll polls} or {@link Translator#pause pauses}. That use happens-before the return
   * of this call. A batch, range or slice counts as one translation: its answers are in use until
   * the thread's next one. Everything that the calling thread did before the invalidation,
   * including changes of tables, happens-before every translation that other threads begin after
   * this call returns. Translators that are paused, unreachable or of ended threads are not waited
   * for. A translator of the calling thread applies the invalidations at once.
   *
   * @throws InterruptedException if the thread is interrupted while it waits
   */
  public void sync() throws InterruptedException {
    await(Long.MAX_VALUE);
  }

  /**
   * Waits as {@link #sync()} does, but no longer than a timeout.
   *
   * @return the threads it still waits for; empty if no translator can use what was invalidated
   * @throws InterruptedException if the thread is interrupted while it waits
   */
  public List<Laggard> sync(long timeout, TimeUnit unit) throws InterruptedException {
    long target = log.latest();
    if (await(unit.toNanos(timeout))) {
      return List.of();
    }
    return translators.notPast(target);
  }

  /**
   * A thread whose translator may still use what was invalidated.
   *
   * @param state state of the thread when it was looked at; a thread that waits should have paused
   *     its translator
   */
  public record Laggard(Thread thread, Thread.State state) {
    @Override
    public String toString() {
      return thread.getName() + " (" + state + ")";
    }
  }

  /**
   * Waits.
   *
   * @return false if the time ran out first
   */
  private boolean await(long nanos) throws InterruptedException {
    long target = log.latest();
    UnitEvents.@Nullable Wait recorded = events.waiting();
    if (recorded == null) {
      return translators.await(target, nanos, null);
    }
    boolean complete = false;
    try {
      complete = translators.await(target, nanos, recorded);
    } finally {
      recorded.end(complete);
    }
    return complete;
  }

  /** Adds a listener, which from now on is told what is invalidated. */
  public void addListener(InvalidationListener listener) {
    log.addListener(listener);
  }

  /** Removes a listener. */
  public void removeListener(InvalidationListener listener) {
    log.removeListener(listener);
  }
}
