package dev.nestwalk.iotlb;

import org.agrona.collections.Long2ObjectHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The address spaces of one translator, and the effect of invalidations on them. An invalidation of
 * many translations costs one store, whatever the caches hold: it stamps its scope, and an address
 * space in a stamped scope takes a new tag before its next use.
 *
 * <p>Threads: belongs to the thread of its translator.
 */
public final class AddressSpaces {
  /** Log2 of the block sizes that the IOTLB keeps, by size class. */
  private static final int[] SHIFTS = {12, 16, 21, 30};

  private static final int CLASSES = SHIFTS.length;

  /**
   * An invalidation examines at most this many times as many entries as the IOTLB has; after that
   * it drops by tag.
   */
  private static final int WORK = 4;

  /** A user of an address space. */
  public interface Requester {
    /** Takes new tags before the next use. */
    void refresh();
  }

  private final InvalidationLog log;
  private final TranslationCache iotlb;
  private final StructureCaches structures;
  private final TagCounter counter;
  private final Iterable<? extends Requester> requesters;

  private final Scope everything = new Scope(0);
  private final Scope untranslated = new Scope(CachedPlan.UNTRANSLATED);
  private final Long2ObjectHashMap<Scope> domains = new Long2ObjectHashMap<>();
  private final Long2ObjectHashMap<Scope> processes = new Long2ObjectHashMap<>();

  // Further scopes of configurations: source ids, PASIDs of a source, PASIDs of a domain.
  private final Long2ObjectHashMap<Scope> sources = new Long2ObjectHashMap<>();
  private final Long2ObjectHashMap<Scope> contexts = new Long2ObjectHashMap<>();
  private final Long2ObjectHashMap<Scope> domainContexts = new Long2ObjectHashMap<>();
  private final Long2ObjectHashMap<AddressSpace> byHash = new Long2ObjectHashMap<>();
  private final long[] words = new long[CachedPlan.WORDS];
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
    domains.put(CachedPlan.UNTRANSLATED, untranslated);
  }

  /** Number of entries and address spaces that invalidations have examined so far. */
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
        // The translator lags too far to know what was invalidated, so everything is dropped.
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
      case EVERYTHING -> everything.stamp = applied;
      case CONFIGURATIONS -> applyToConfigurations();
      case REGISTERS -> {
        reconfigured = true;
        if (entry.keepsCaches) {
          // Translations that passed while the unit was off depend on registers alone.
          untranslated.stamp = applied;
        } else {
          everything.stamp = applied;
          everything.configurationStamp = applied;
        }
      }
      case PROCESS -> {
        @Nullable Scope process = processes.get(key(entry.domain, entry.process));
        if (process != null) {
          process.firstStamp = applied;
        }
      }
      default -> {
        @Nullable Scope domain = domains.get(entry.domain);
        if (domain != null) {
          applyTo(domain);
        }
      }
    }
  }

  private void applyTo(Scope domain) {
    switch (entry.kind) {
      case DOMAIN -> domain.stamp = applied;
      case FIRST_STAGE -> domain.firstStamp = applied;
      case SECOND_RANGE -> {
        // No cache records which inputs led to an intermediate address.
        domain.firstStamp = applied;
        domain.structureStamp = applied;
        if (!drop(domain.seconds, false)) {
          domain.stamp = applied;
        }
      }
      default -> {
        @Nullable Scope process = processes.get(key(entry.domain, entry.process));
        boolean ofAll = entry.process < 0 || domain.global;
        if (ofAll && !drop(domain.firsts, false)
            || !ofAll && process != null && !drop(process.firsts, true)) {
          domain.firstStamp = applied;
        }
      }
    }
  }

  /**
   * Drops the current range from the address spaces in a chain, as far as they are named.
   *
   * @return false if there are so many that dropping everything costs less
   */
  private boolean drop(@Nullable AddressSpace chain, boolean ofProcess) {
    boolean second = entry.kind == InvalidationLog.Kind.SECOND_RANGE;
    long least = work;
    for (@Nullable AddressSpace s = chain;
        s != null;
        s = ofProcess ? s.nextInProcess : s.nextInDomain) {
      if (work - least > WORK * (long) iotlb.entries()) {
        return false;
      }
      work++;
      if (second || entry.process < 0 || s.process == entry.process || s.global) {
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
        // Without its ignored bits the range wraps: it goes from first to the end of the addresses
        // that are kept, and from 0 to last.
        drop(space, first, -1);
        first = 0;
      }
    }
    drop(space, first, last);
  }

  private void drop(AddressSpace space, long first, long last) {
    // A block that is kept as several pages is dropped as a whole, whichever byte was named.
    long block = (1L << space.fractured) - 1;
    work += iotlb.drop(space.translations, SHIFTS, space.classes, first & ~block, last | block);
  }

  private void applyToConfigurations() {
    boolean ofAll = entry.pasid < 0;
    if (entry.source >= 0 && entry.ignored != 0) {
      stampSources(entry.source, entry.ignored);
    } else if (entry.source >= 0) {
      int source = (int) entry.source;
      stamp(ofAll ? sources.get(entry.source) : contexts.get(key(source, entry.pasid)));
    } else if (entry.domain >= 0) {
      stamp(ofAll ? domains.get(entry.domain) : domainContexts.get(key(entry.domain, entry.pasid)));
    } else {
      stamp(everything);
    }
  }

  /** Stamps the source ids that differ from {@code sourceId} only in bits of {@code ignored}. */
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

  /** The validity of a plan that was just resolved; give it back with {@link #release}. */
  public Validity validity(int sourceId, CachedPlan plan) {
    return new Validity(
        everything,
        use(sources, Integer.toUnsignedLong(sourceId)),
        use(contexts, key(sourceId, plan.pasid())),
        use(domains, plan.domain()),
        use(domainContexts, key(plan.domain(), plan.pasid())),
        applied);
  }

  /** Gives back what {@link #validity} gave. */
  public void release(Validity validity) {
    leave(sources, validity.source);
    leave(contexts, validity.context);
    leave(domains, validity.domain);
    leave(domainContexts, validity.domainContext);
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

  /** Number of scopes and address spaces that are remembered: a few for each resolved requester. */
  public int records() {
    int scopes = domains.size() + processes.size() + sources.size();
    return scopes + contexts.size() + domainContexts.size() + byHash.size();
  }

  /** Gives an address space the new tags that it needs. */
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

  /** Starts over when all tags are used: no entry under an old tag may be found again. */
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

  /**
   * The address space of a plan; the caller gives it back with {@link #release}.
   *
   * @param kept further distinction: translations kept under one number are not found under another
   */
  public AddressSpace of(CachedPlan plan, long kept) {
    System.arraycopy(plan.words, 0, words, 0, words.length);
    words[words.length - 1] = kept;
    return share(plan, words, plan.usesFirst());
  }

  /** The second stage of a plan as an address space. */
  public AddressSpace secondOf(CachedPlan plan) {
    return share(plan, plan.secondWords, false);
  }

  private AddressSpace share(CachedPlan plan, long[] of, boolean usesFirst) {
    long hash = plan.domain();
    for (long word : of) {
      hash = (hash ^ word) * 0x9e37_79b9_7f4a_7c15L;
      hash ^= hash >>> 29;
    }
    @Nullable AddressSpace found = byHash.get(hash);
    for (@Nullable AddressSpace s = found; s != null; s = s.sameHash) {
      if (s.hasWords(of)) {
        s.users++;
        return s;
      }
    }
    Scope domain = use(domains, plan.domain());
    Scope process = use(processes, key(plan.domain(), plan.process()));
    AddressSpace space =
        new AddressSpace(
            of,
            hash,
            usesFirst,
            plan.process(),
            usesFirst ? plan.ignoresTop() : 0,
            everything,
            domain,
            process);
    space.users = 1;
    space.link();
    space.sameHash = found;
    byHash.put(hash, space);
    return space;
  }

  /** Gives an address space back; it is forgotten when it has no users. */
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
    leave(domains, space.domain);
    leave(processes, space.processScope);
  }

  private static long key(int domain, int process) {
    return (long) domain << 32 | Integer.toUnsignedLong(process);
  }

  /** Log2 of the block size of a size class. */
  public static int shiftOf(int sizeClass) {
    return SHIFTS[sizeClass];
  }

  /** The largest size class whose blocks are no larger than 2^{@code span} bytes. */
  public static int classOf(int span) {
    int sizeClass = CLASSES - 1;
    while (SHIFTS[sizeClass] > span) {
      sizeClass--;
    }
    return sizeClass;
  }
}
