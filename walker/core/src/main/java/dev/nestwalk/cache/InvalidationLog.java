package dev.nestwalk.cache;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Arrays;

/**
 * The invalidations of one IOMMU, in order, for every translator to apply when it next looks.
 *
 * <p>Publishing writes the invalidation and then its number, so who sees the number sees the
 * invalidation and all that happened before it was published, changes of the tables included.
 * Somebody who is {@link #CAPACITY} invalidations behind drops everything instead.
 *
 * <p>Threads: any.
 */
public final class InvalidationLog {
  /** Places for invalidations; translators that lag as far behind have to drop everything. */
  public static final int CAPACITY = 256;

  /** Every translation. */
  public static final int EVERYTHING = 0;

  /** Every translation of a major. */
  public static final int MAJOR = 1;

  /** Of a major, what a first stage translates. */
  public static final int MAJOR_FIRST = 2;

  /** Of a major, what the first stage of a minor translates. */
  public static final int MINOR = 3;

  /** Of a major, second-stage translations of a range; and all that a first stage led to them. */
  public static final int SECOND_RANGE = 4;

  /** First-stage translations of a range: of a minor and global ones, or of every minor (-1). */
  public static final int FIRST_RANGE = 5;

  /** Resolved configurations. */
  public static final int CONFIGURATION = 6;

  /** The unit's registers changed; with them all that is cached goes, unless it is kept. */
  static final int REGISTERS = 7;

  private static final VarHandle PUBLISHED;

  static {
    try {
      PUBLISHED =
          MethodHandles.lookup().findVarHandle(InvalidationLog.class, "published", long.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  /** One invalidation: arguments by position, as {@link #publish} has them. */
  static final class Entry {
    int kind;
    int major;
    int minor;
    long first;
    long last;
    boolean leafOnly;

    private void copy(Entry from) {
      kind = from.kind;
      major = from.major;
      minor = from.minor;
      first = from.first;
      last = from.last;
      leafOnly = from.leafOnly;
    }
  }

  private final Entry[] entries = new Entry[CAPACITY];
  private volatile InvalidationListener[] listeners = {};

  /**
   * Number of invalidations published. Read plainly by every translation: a plain read may be late
   * but what it shows is acted upon only after an {@link #latest acquiring} one.
   */
  public long published;

  private boolean ignores;

  /** An empty log. */
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
   * Publishes an invalidation.
   *
   * @param kind what is dropped
   * @param major for configurations: bits of the source id that do not count
   * @param minor for configurations: the PASID, or -1 for every one
   * @param first first address; for configurations: the source id, or -1 for every one
   * @param last last address; for configurations: the major, or -1 for every one
   * @param leafOnly only leaves changed, so tables on the way may be kept
   */
  public void publish(int kind, int major, int minor, long first, long last, boolean leafOnly) {
    append(kind, major, minor, first, last, leafOnly);
    for (InvalidationListener listener : listeners) {
      tell(listener, kind, major, minor, first, last, leafOnly);
    }
  }

  private static void tell(
      InvalidationListener listener,
      int kind,
      int major,
      int minor,
      long first,
      long last,
      boolean leafOnly) {
    switch (kind) {
      case EVERYTHING -> listener.unmapped(InvalidationListener.Stage.ANY, -1, -1, 0, -1);
      case MAJOR -> listener.unmapped(InvalidationListener.Stage.ANY, major, -1, 0, -1);
      case MAJOR_FIRST -> listener.unmapped(InvalidationListener.Stage.FIRST, major, -1, 0, -1);
      case MINOR -> listener.unmapped(InvalidationListener.Stage.FIRST, major, minor, 0, -1);
      case SECOND_RANGE ->
          listener.unmapped(InvalidationListener.Stage.SECOND, major, -1, first, last);
      case FIRST_RANGE ->
          listener.unmapped(InvalidationListener.Stage.FIRST, major, minor, first, last);
      case CONFIGURATION -> listener.reconfigured(first, major, minor, (int) last);
      default -> listener.registersChanged(leafOnly);
    }
  }

  /** From now on a listener hears what is published. */
  public synchronized void addListener(InvalidationListener listener) {
    InvalidationListener[] more = Arrays.copyOf(listeners, listeners.length + 1);
    more[listeners.length] = listener;
    listeners = more;
  }

  /** A listener hears no more. */
  public synchronized void removeListener(InvalidationListener listener) {
    listeners =
        Arrays.stream(listeners)
            .filter(other -> !other.equals(listener))
            .toArray(InvalidationListener[]::new);
  }

  private synchronized void append(
      int kind, int major, int minor, long first, long last, boolean leafOnly) {
    if (ignores && kind != REGISTERS) {
      return;
    }
    long number = published;
    Entry entry = entries[(int) number & CAPACITY - 1];
    entry.kind = kind;
    entry.major = major;
    entry.minor = minor;
    entry.first = first;
    entry.last = last;
    entry.leafOnly = leafOnly;
    PUBLISHED.setVolatile(this, number + 1);
  }

  /** For experiments: drops what is published from now on, but changes of registers. */
  public synchronized void ignore() {
    ignores = true;
  }

  /**
   * Publishes that the unit's registers changed.
   *
   * @param keepsCaches whether configurations and translations survive
   */
  public void publishRegisters(boolean keepsCaches) {
    publish(REGISTERS, 0, 0, 0, 0, keepsCaches);
  }

  /** Copies invalidation {@code number}, from 0; false if it is no longer kept. */
  boolean read(long number, Entry into) {
    into.copy(entries[(int) number & CAPACITY - 1]);
    // The place is written again only once CAPACITY more are published: if that is not so even now,
    // the copy is whole.
    VarHandle.loadLoadFence();
    return latest() - number < CAPACITY;
  }
}
