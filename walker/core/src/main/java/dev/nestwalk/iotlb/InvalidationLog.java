package dev.nestwalk.iotlb;

import dev.nestwalk.cache.InvalidationListener;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Arrays;

/**
 * The invalidations of one IOMMU in order, which every translator applies when it next looks.
 *
 * <p>Publishing writes the invalidation first and then its number. A thread that sees the number
 * therefore sees the invalidation and everything that happened before it was published, including
 * changes of the tables. A translator that lags by {@link #CAPACITY} invalidations drops its whole
 * cache.
 *
 * <p>Threads: any.
 */
public final class InvalidationLog {
  /** Number of invalidations that are kept; a translator that lags by as many drops everything. */
  public static final int CAPACITY = 256;

  /** What an entry drops. */
  enum Kind {
    EVERYTHING,
    DOMAIN,
    FIRST_STAGE,
    PROCESS,
    SECOND_RANGE,
    FIRST_RANGE,
    CONFIGURATIONS,
    REGISTERS
  }

  private static final VarHandle PUBLISHED;

  static {
    try {
      PUBLISHED =
          MethodHandles.lookup().findVarHandle(InvalidationLog.class, "published", long.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  /** One invalidation; fields that its kind does not use have the values given here. */
  static final class Entry {
    Kind kind = Kind.EVERYTHING;

    /** Domain, or -1 for all. */
    int domain = -1;

    /** Process, or -1 for all. */
    int process = -1;

    /** First and last address of a range. */
    long first;

    long last = -1;

    /** For ranges: whether only leaf entries changed. */
    boolean leafOnly;

    /** For configurations: source id, or -1 for all. */
    long source = -1;

    /** For configurations: bits of the source id that are ignored. */
    int ignored;

    /** For configurations: PASID, or -1 for all. */
    int pasid = -1;

    /** For registers: whether configurations and translations survive. */
    boolean keepsCaches;

    private void copy(Entry from) {
      kind = from.kind;
      domain = from.domain;
      process = from.process;
      first = from.first;
      last = from.last;
      leafOnly = from.leafOnly;
      source = from.source;
      ignored = from.ignored;
      pasid = from.pasid;
      keepsCaches = from.keepsCaches;
    }

    private void begin(Kind newKind, int newDomain, int newProcess) {
      kind = newKind;
      domain = newDomain;
      process = newProcess;
      first = 0;
      last = -1;
      leafOnly = false;
      source = -1;
      ignored = 0;
      pasid = -1;
      keepsCaches = false;
    }
  }

  private final Entry[] entries = new Entry[CAPACITY];
  private volatile InvalidationListener[] listeners = {};

  private long published;

  private boolean ignores;

  /** Makes an empty log. */
  public InvalidationLog() {
    for (int i = 0; i < CAPACITY; i++) {
      entries[i] = new Entry();
    }
  }

  /** Number of invalidations published, read with acquire. */
  public long latest() {
    return (long) PUBLISHED.getAcquire(this);
  }

  /**
   * Number of invalidations published, by a plain read, which every translation makes. It may be
   * late, but what it shows is acted on only after an {@link #latest acquiring} read.
   */
  public long published() {
    return published;
  }

  /** Drops every translation. */
  public void everything() {
    publish(Kind.EVERYTHING, -1, -1);
    for (InvalidationListener listener : listeners) {
      listener.unmapped(InvalidationListener.Stage.ANY, -1, -1, 0, -1);
    }
  }

  /**
   * Drops every translation of a domain.
   *
   * @param domain VT-d domain id or SMMUv3 VMID
   */
  public void domain(int domain) {
    publish(Kind.DOMAIN, domain, -1);
    for (InvalidationListener listener : listeners) {
      listener.unmapped(InvalidationListener.Stage.ANY, domain, -1, 0, -1);
    }
  }

  /** Drops the translations of a domain by a first stage, alone or over a second. */
  public void firstStage(int domain) {
    publish(Kind.FIRST_STAGE, domain, -1);
    for (InvalidationListener listener : listeners) {
      listener.unmapped(InvalidationListener.Stage.FIRST, domain, -1, 0, -1);
    }
  }

  /**
   * Drops the translations of a domain by the first stage of one process.
   *
   * @param process VT-d PASID or SMMUv3 ASID
   */
  public void process(int domain, int process) {
    publish(Kind.PROCESS, domain, process);
    for (InvalidationListener listener : listeners) {
      listener.unmapped(InvalidationListener.Stage.FIRST, domain, process, 0, -1);
    }
  }

  /**
   * Drops second-stage translations of intermediate addresses, and all translations by a first
   * stage through the domain's second stage.
   *
   * @param last last address, unsigned
   * @param leafOnly whether only leaf entries changed, so that tables on the way may stay cached
   */
  public void secondRange(int domain, long first, long last, boolean leafOnly) {
    publish(Kind.SECOND_RANGE, domain, -1, first, last, leafOnly);
    for (InvalidationListener listener : listeners) {
      listener.unmapped(InvalidationListener.Stage.SECOND, domain, -1, first, last);
    }
  }

  /**
   * Drops first-stage translations of input addresses: those of a process, and those that hold for
   * all processes.
   *
   * @param process PASID or ASID, -1 for all
   * @param last last address, unsigned
   * @param leafOnly whether only leaf entries changed, so that tables on the way may stay cached
   */
  public void firstRange(int domain, int process, long first, long last, boolean leafOnly) {
    publish(Kind.FIRST_RANGE, domain, process, first, last, leafOnly);
    for (InvalidationListener listener : listeners) {
      listener.unmapped(InvalidationListener.Stage.FIRST, domain, process, first, last);
    }
  }

  /** Drops every configuration: contexts, PASID entries, STEs, CDs. */
  public void configurations() {
    publishConfigurations(-1, 0, -1, -1);
  }

  /**
   * Drops configurations of source ids.
   *
   * @param source requester id or StreamID
   * @param ignored bits of the source id that are ignored
   */
  public void configurationsOf(int source, int ignored) {
    publishConfigurations(Integer.toUnsignedLong(source), ignored, -1, -1);
  }

  /**
   * Drops the configuration of one PASID or SubstreamID of a source.
   *
   * @param source requester id or StreamID
   */
  public void configuration(int source, int pasid) {
    publishConfigurations(Integer.toUnsignedLong(source), 0, pasid, -1);
  }

  /**
   * Drops configurations that select a domain.
   *
   * @param pasid the PASID that they are for, -1 for all
   */
  public void configurationsIn(int domain, int pasid) {
    publishConfigurations(-1, 0, pasid, domain);
  }

  private void publishConfigurations(long source, int ignored, int pasid, int domain) {
    append(source, ignored, pasid, domain);
    for (InvalidationListener listener : listeners) {
      listener.reconfigured(source, ignored, pasid, domain);
    }
  }

  /**
   * Publishes a change of the unit's registers.
   *
   * @param keepsCaches whether configurations and translations survive
   */
  public void registers(boolean keepsCaches) {
    append(keepsCaches);
    for (InvalidationListener listener : listeners) {
      listener.registersChanged(keepsCaches);
    }
  }

  /** Adds a listener, which from now on is told what is published. */
  public synchronized void addListener(InvalidationListener listener) {
    InvalidationListener[] more = Arrays.copyOf(listeners, listeners.length + 1);
    more[listeners.length] = listener;
    listeners = more;
  }

  /** Removes a listener. */
  public synchronized void removeListener(InvalidationListener listener) {
    listeners =
        Arrays.stream(listeners)
            .filter(other -> !other.equals(listener))
            .toArray(InvalidationListener[]::new);
  }

  private synchronized void publish(Kind kind, int domain, int process) {
    if (!ignores) {
      next().begin(kind, domain, process);
      advance();
    }
  }

  private synchronized void publish(
      Kind kind, int domain, int process, long first, long last, boolean leafOnly) {
    if (!ignores) {
      Entry entry = next();
      entry.begin(kind, domain, process);
      entry.first = first;
      entry.last = last;
      entry.leafOnly = leafOnly;
      advance();
    }
  }

  private synchronized void append(long source, int ignored, int pasid, int domain) {
    if (!ignores) {
      Entry entry = next();
      entry.begin(Kind.CONFIGURATIONS, domain, -1);
      entry.source = source;
      entry.ignored = ignored;
      entry.pasid = pasid;
      advance();
    }
  }

  private synchronized void append(boolean keepsCaches) {
    Entry entry = next();
    entry.begin(Kind.REGISTERS, -1, -1);
    entry.keepsCaches = keepsCaches;
    advance();
  }

  private Entry next() {
    return entries[(int) published & CAPACITY - 1];
  }

  private void advance() {
    PUBLISHED.setVolatile(this, published + 1);
  }

  /** For experiments: discards everything published from now on, except changes of registers. */
  public synchronized void ignore() {
    ignores = true;
  }

  /**
   * Copies the invalidation with this number, counted from 0.
   *
   * @return false if it is no longer kept
   */
  boolean read(long number, Entry into) {
    into.copy(entries[(int) number & CAPACITY - 1]);
    // The place is overwritten only once CAPACITY more invalidations are published. If they are not
    // even now, the copy is consistent.
    VarHandle.loadLoadFence();
    return latest() - number < CAPACITY;
  }
}
