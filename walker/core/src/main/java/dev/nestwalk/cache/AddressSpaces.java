package dev.nestwalk.cache;

import org.agrona.collections.Long2ObjectHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The address spaces of one translator, and what invalidations do to them. An invalidation of many
 * translations costs one store, whatever the caches hold: it stamps its scope, and an address space
 * that finds itself stamped takes a new tag before it is next used.
 *
 * <p>Threads: belongs to the thread of its translator.
 */
public final class AddressSpaces {
  /** Log2 of the block sizes that the IOTLB keeps, by size class. */
  private static final int[] SHIFTS = {12, 16, 21, 30};

  private static final int CLASSES = SHIFTS.length;

  /** An invalidation looks at so many times the IOTLB's entries at most, then drops by tag. */
  private static final int WORK = 4;

  /** What uses an address space. */
  public interface Requester {
    /** Takes its tags anew before the next use. */
    void refresh();
  }

  private final InvalidationLog log;
  private final TranslationCache iotlb;
  private final StructureCaches structures;
  private final TagCounter counter;
  private final Iterable<? extends Requester> requesters;

  private final Scope everything = new Scope(0);
  private final Scope untranslated = new Scope(CachedPlan.UNTRANSLATED);
  private final Long2ObjectHashMap<Scope> majors = new Long2ObjectHashMap<>();
  private final Long2ObjectHashMap<Scope> minors = new Long2ObjectHashMap<>();

  // What invalidations of configurations name besides: source ids, PASIDs of a source, of a major.
  private final Long2ObjectHashMap<Scope> sources = new Long2ObjectHashMap<>();
  private final Long2ObjectHashMap<Scope> contexts = new Long2ObjectHashMap<>();
  private final Long2ObjectHashMap<Scope> majorContexts = new Long2ObjectHashMap<>();
  private final Long2ObjectHashMap<AddressSpace> byHash = new Long2ObjectHashMap<>();
  private final InvalidationLog.Entry entry = new InvalidationLog.Entry();
  private long applied;
  private long work;
  private boolean reconfigured;

  /** Address spaces whose entries live in the given caches. */
  public AddressSpaces(
      InvalidationLog log,
      TranslationCache iotlb,
      StructureCaches structures,
      TagCounter counter,
      Iterable<? extends Requester> requesters) {
    this.log = log;
    this.iotlb = iotlb;
    this.structures = structures;
    this.counter = counter;
    this.requesters = requesters;
    applied = log.latest();
    untranslated.users = 1;
    majors.put(CachedPlan.UNTRANSLATED, untranslated);
  }

  /** Entries and address spaces that invalidations looked at so far. */
  long work() {
    return work;
  }

  /** Number of invalidations applied. */
  public long applied() {
    return applied;
  }

  /**
   * Applies what was published since the last call.
   *
   * @return whether the unit's registers may have changed
   */
  public boolean catchUp() {
    reconfigured = false;
    long latest = log.latest();
    while (applied != latest) {
      if (log.read(applied, entry)) {
        applied++;
        apply();
      } else {
        // Too far behind to know what was asked for: all of it, and everything else.
        applied = latest;
        everything.stamp = applied;
        everything.configurationStamp = applied;
        reconfigured = true;
      }
    }
    return reconfigured;
  }

  private void apply() {
    switch (entry.kind) {
      case InvalidationLog.EVERYTHING -> everything.stamp = applied;
      case InvalidationLog.CONFIGURATION -> applyToConfigurations();
      case InvalidationLog.REGISTERS -> {
        reconfigured = true;
        if (entry.leafOnly) {
          // What passed while the unit was off is judged by registers alone.
          untranslated.stamp = applied;
          requesters.forEach(Requester::refresh);
        } else {
          everything.stamp = applied;
          everything.configurationStamp = applied;
        }
      }
      case InvalidationLog.MINOR -> {
        @Nullable Scope minor = minors.get(key(entry.major, entry.minor));
        if (minor != null) {
          minor.firstStamp = applied;
        }
      }
      default -> {
        @Nullable Scope major = majors.get(entry.major);
        if (major != null) {
          applyTo(major);
        }
      }
    }
  }

  private void applyTo(Scope major) {
    switch (entry.kind) {
      case InvalidationLog.MAJOR -> major.stamp = applied;
      case InvalidationLog.MAJOR_FIRST -> major.firstStamp = applied;
      case InvalidationLog.SECOND_RANGE -> {
        // No cache can map an intermediate address back to the inputs that led to it.
        major.firstStamp = applied;
        major.structureStamp = applied;
        if (!drop(major.seconds, false)) {
          major.stamp = applied;
        }
      }
      default -> {
        @Nullable Scope minor = minors.get(key(entry.major, entry.minor));
        boolean ofAll = entry.minor < 0 || major.global;
        if (ofAll && !drop(major.firsts, false)
            || !ofAll && minor != null && !drop(minor.firsts, true)) {
          major.firstStamp = applied;
        }
      }
    }
  }

  /**
   * Drops the range at hand from the address spaces in a chain, as far as it is named.
   *
   * @return false if there are so many that whoever has them had better drop everything
   */
  private boolean drop(@Nullable AddressSpace chain, boolean ofMinor) {
    boolean second = entry.kind == InvalidationLog.SECOND_RANGE;
    long least = work;
    for (@Nullable AddressSpace s = chain; s != null; s = ofMinor ? s.nextInMinor : s.nextInMajor) {
      if (work - least > WORK * (long) iotlb.entries()) {
        return false;
      }
      work++;
      if (second || entry.minor < 0 || s.minor == entry.minor || s.global) {
        if (!entry.leafOnly) {
          s.structureStamp = applied;
        }
        drop(s);
      }
    }
    return true;
  }

  private void drop(AddressSpace space) {
    if (!space.translations.isSet() || space.classes == 0) {
      return;
    }
    int ignores = space.usesFirst ? space.ignoresTop : 0;
    long first = entry.first;
    long last = entry.last;
    if (ignores != 0) {
      boolean whole = last - first >>> 55 != 0;
      first = whole ? 0 : CachedPlan.untagged(first, ignores);
      last = whole ? -1 : CachedPlan.untagged(last, ignores);
      if (Long.compareUnsigned(first, last) > 0) {
        // From the upper end of the addresses that are kept to the lower one.
        drop(space, first, -1);
        first = 0;
      }
    }
    drop(space, first, last);
  }

  private void drop(AddressSpace space, long first, long last) {
    // A block kept in pieces goes as a whole, whichever of its bytes was named.
    long block = (1L << space.fractured) - 1;
    work += iotlb.drop(space.translations, SHIFTS, space.classes, first & ~block, last | block);
  }

  private void applyToConfigurations() {
    boolean ofAll = entry.minor < 0;
    if (entry.first >= 0 && entry.major != 0) {
      stampSources(entry.first, entry.major);
    } else if (entry.first >= 0) {
      stamp(ofAll ? sources.get(entry.first) : contexts.get(key((int) entry.first, entry.minor)));
    } else if (entry.last >= 0) {
      stamp(ofAll ? majors.get(entry.last) : majorContexts.get(key((int) entry.last, entry.minor)));
    } else {
      stamp(everything);
    }
  }

  /** Source ids that differ from {@code sourceId} in bits of {@code ignored} at most. */
  private void stampSources(long sourceId, int ignored) {
    long bits = Integer.toUnsignedLong(ignored);
    if (1L << Long.bitCount(bits) > sources.size()) {
      for (Scope source : sources.values()) {
        if (((source.number ^ sourceId) & ~bits) == 0) {
          stamp(source);
        }
      }
      return;
    }
    long some = bits;
    do {
      some = some - 1 & bits;
      stamp(sources.get(sourceId & ~bits | some));
    } while (some != 0);
    stamp(sources.get(sourceId | bits));
  }

  private void stamp(@Nullable Scope scope) {
    if (scope != null) {
      scope.configurationStamp = applied;
    }
  }

  /** By what invalidations name a plan that was just resolved; to be given back. */
  public Validity validity(int sourceId, CachedPlan plan) {
    return new Validity(
        everything,
        use(sources, Integer.toUnsignedLong(sourceId)),
        use(contexts, key(sourceId, plan.pasid)),
        use(majors, plan.major),
        use(majorContexts, key(plan.major, plan.pasid)),
        applied);
  }

  /** Gives back what {@link #validity} gave. */
  public void release(Validity validity) {
    leave(sources, validity.source);
    leave(contexts, validity.context);
    leave(majors, validity.major);
    leave(majorContexts, validity.majorContext);
  }

  private static Scope use(Long2ObjectHashMap<Scope> scopes, long number) {
    Scope scope = scopes.get(number);
    if (scope == null) {
      scope = new Scope(number);
      scopes.put(number, scope);
    }
    scope.users++;
    return scope;
  }

  private static void leave(Long2ObjectHashMap<Scope> scopes, Scope scope) {
    if (--scope.users == 0) {
      scopes.remove(scope.number);
    }
  }

  /**
   * Scopes and address spaces that are remembered: a few for each requester with a configuration.
   */
  public int records() {
    int scopes = majors.size() + minors.size() + sources.size();
    return scopes + contexts.size() + majorContexts.size() + byHash.size();
  }

  /** Gives an address space the tags that are due. */
  public void freshen(AddressSpace space) {
    long stamp = space.stamp();
    boolean all = !space.translations.isSet() || stamp > space.tagsAt;
    if (all || space.structureStamp() > space.tagsAt) {
      if (counter.left() < 2) {
        restart();
        all = true;
      }
      if (all) {
        space.translations.set(counter.next());
        space.classes = 0;
        space.fractured = 0;
        space.global = false;
      }
      space.structures.set(counter.next());
      space.tagsAt = applied;
    }
  }

  /** All tags were used: nothing kept under an old one may ever be found again. */
  private void restart() {
    iotlb.clear();
    structures.clear();
    counter.restart();
    for (AddressSpace first : byHash.values()) {
      for (@Nullable AddressSpace s = first; s != null; s = s.sameHash) {
        s.translations.set(0);
        s.structures.set(0);
        s.tagsAt = -1;
      }
    }
    for (Requester requester : requesters) {
      requester.refresh();
    }
  }

  /** The address space of a plan; the caller gives it back with {@link #release}. */
  public AddressSpace of(CachedPlan plan) {
    return share(plan, plan.words, plan.usesFirst);
  }

  /** The second stage of a plan as a space of its own. */
  public AddressSpace secondOf(CachedPlan plan) {
    return share(plan, plan.secondWords, false);
  }

  private AddressSpace share(CachedPlan plan, long[] words, boolean usesFirst) {
    long hash = plan.major;
    for (long word : words) {
      hash = (hash ^ word) * 0x9e37_79b9_7f4a_7c15L;
      hash ^= hash >>> 29;
    }
    @Nullable AddressSpace found = byHash.get(hash);
    for (@Nullable AddressSpace s = found; s != null; s = s.sameHash) {
      if (s.hasWords(words)) {
        s.users++;
        return s;
      }
    }
    Scope major = use(majors, plan.major);
    Scope minor = use(minors, key(plan.major, plan.minor));
    AddressSpace space =
        new AddressSpace(
            words,
            hash,
            usesFirst,
            plan.minor,
            usesFirst ? plan.ignoresTop : 0,
            everything,
            major,
            minor);
    space.users = 1;
    space.link();
    space.sameHash = found;
    byHash.put(hash, space);
    return space;
  }

  /** Gives an address space back; without users it is forgotten. */
  public void release(AddressSpace space) {
    if (--space.users > 0) {
      return;
    }
    @Nullable AddressSpace head = byHash.get(space.hash);
    if (head == space) {
      if (space.sameHash == null) {
        byHash.remove(space.hash);
      } else {
        byHash.put(space.hash, space.sameHash);
      }
    } else {
      for (@Nullable AddressSpace s = head; s != null; s = s.sameHash) {
        if (s.sameHash == space) {
          s.sameHash = space.sameHash;
        }
      }
    }
    space.unlink();
    leave(majors, space.major);
    leave(minors, space.minorScope);
  }

  private static long key(int major, int minor) {
    return (long) major << 32 | Integer.toUnsignedLong(minor);
  }

  /** Log2 of the block size of a size class. */
  public static int shiftOf(int sizeClass) {
    return SHIFTS[sizeClass];
  }

  /** The largest size class whose blocks fit into 2^{@code span} bytes. */
  public static int classOf(int span) {
    int sizeClass = CLASSES - 1;
    while (SHIFTS[sizeClass] > span) {
      sizeClass--;
    }
    return sizeClass;
  }
}
