package dev.nestwalk;

import dev.nestwalk.iotlb.AddressSpace;
import dev.nestwalk.iotlb.CachedPlan;
import dev.nestwalk.iotlb.Validity;
import dev.nestwalk.walk.Kernel;
import dev.nestwalk.walk.Requester;
import org.jspecify.annotations.Nullable;

/**
 * The resolved configuration of one requester: the address space that it selects, the regions that
 * restrict it, and the kernel that answers for it.
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

  /**
   * Resolves the configuration if necessary and assigns the tags it needs.
   *
   * @return false if every request is refused
   */
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
      // Assigning tags to one may have used up the last tags of the other.
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

  /** The address space; call {@link #prepare} first. */
  AddressSpace space() {
    return prepared(space);
  }

  /** The kernel; call {@link #prepare} first. */
  Kernel kernel() {
    return prepared(kernel);
  }

  private static <T> T prepared(@Nullable T part) {
    if (part == null) {
      throw new IllegalStateException("used before the configuration was resolved");
    }
    return part;
  }

  /** The regions that DMA must not touch, or null. */
  Restrictions.@Nullable Restriction restriction() {
    return restriction;
  }

  /**
   * Replaces the kernel by one in a class of its own, which the JIT compiles for this
   * configuration.
   */
  Kernel specialise() {
    Kernel made = translator.kernels.specialised(kernel());
    kernel = made;
    return made;
  }

  /** Walks with the full walker, which covers every rule. */
  long walk(long iova, int access) {
    return requester.walk(iova, access);
  }

  /** Releases its entries in the caches; the next use resolves the configuration again. */
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
