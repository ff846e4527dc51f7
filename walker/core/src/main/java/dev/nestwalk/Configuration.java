package dev.nestwalk;

import dev.nestwalk.cache.AddressSpace;
import dev.nestwalk.cache.CachedPlan;
import dev.nestwalk.cache.Validity;
import dev.nestwalk.walk.Kernel;
import dev.nestwalk.walk.Requester;
import org.jspecify.annotations.Nullable;

/**
 * What one requester's configuration structures say, and all that follows from it: the address
 * space that it selects, what bars it, and the kernel that answers for it.
 *
 * <p>Threads: belongs to the thread of its translator.
 */
final class Configuration {
  private final Translator translator;
  private final Requester requester;
  private final int sourceId;
  private final long key;
  private @Nullable AddressSpace space;
  private @Nullable AddressSpace second;
  private @Nullable Validity validity;
  private Restrictions.@Nullable Restriction restriction;
  private @Nullable Kernel kernel;

  Configuration(Translator translator, int sourceId, int pasid) {
    this.translator = translator;
    this.sourceId = sourceId;
    requester = translator.tables.requester(sourceId, pasid);
    key = Restrictions.key(sourceId, pasid);
  }

  /** Resolves what is not, and takes the tags that are due; false if every request is refused. */
  boolean prepare() {
    Validity named = validity;
    if (named != null && !named.holds()) {
      giveBack();
    }
    boolean fresh = space == null;
    if (fresh && !resolve()) {
      return false;
    }
    AddressSpace current = space();
    AddressSpace below = second;
    if (below != null) {
      translator.spaces.freshen(below);
    }
    translator.spaces.freshen(current);
    if (below != null) {
      // Fresh tags for the one may have used up the last ones of the other.
      translator.spaces.freshen(below);
    }
    Kernel old = kernel;
    if (fresh || old == null) {
      kernel =
          translator.kernels.kernel(
              requester.tables(), translator.walkCaches, current, below, restriction, old);
    } else {
      old.aim(current, below);
    }
    return true;
  }

  private boolean resolve() {
    CachedPlan plan = requester.plan;
    if (!requester.resolve()) {
      return false;
    }
    restriction = translator.restrictions.of(key);
    validity = translator.spaces.validity(sourceId, plan);
    space = translator.spaces.of(plan, restriction == null ? 0 : restriction.id());
    second = plan.usesSecond() ? translator.spaces.secondOf(plan) : null;
    return true;
  }

  CachedPlan plan() {
    return requester.plan;
  }

  /** The address space; there is one once this was prepared. */
  AddressSpace space() {
    return prepared(space);
  }

  /** The kernel; there is one once this was prepared. */
  Kernel kernel() {
    return prepared(kernel);
  }

  private static <T> T prepared(@Nullable T part) {
    if (part == null) {
      throw new IllegalStateException("used before the configuration was resolved");
    }
    return part;
  }

  /** What DMA must not meet, or null. */
  Restrictions.@Nullable Restriction restriction() {
    return restriction;
  }

  /** The kernel in a class of its own, from now on. */
  Kernel specialise() {
    Kernel made = translator.kernels.specialised(kernel());
    kernel = made;
    return made;
  }

  /** The walk that knows every rule. */
  long walk(long iova, int access) {
    return requester.walk(iova, access);
  }

  /** Gives back what it has of the caches; it is resolved anew when next used. */
  void giveBack() {
    Validity named = validity;
    if (space != null) {
      translator.spaces.release(space);
    }
    if (second != null) {
      translator.spaces.release(second);
    }
    if (named != null) {
      translator.spaces.release(named);
    }
    space = null;
    second = null;
    validity = null;
  }
}
