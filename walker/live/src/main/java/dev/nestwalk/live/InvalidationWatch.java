package dev.nestwalk.live;

import dev.nestwalk.Iommu;
import dev.nestwalk.Translator;
import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.device.Port;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import java.util.HashSet;
import java.util.Set;
import java.util.function.Consumer;

/**
 * Finds invalidations that a driver omitted. Each page of each DMA is translated twice: by caches
 * that drop nothing by themselves, and by a walk without caches. The answers differ only if an
 * entry of the tables changed and no invalidation for it has come since.
 *
 * <p>Threads: belongs to the device's.
 */
final class InvalidationWatch {
  private static final int PAGE_LOG2 = 12;

  /** Number of pages that are reported for one device. */
  private static final int MOST_TOLD = 50;

  private final boolean vtd;
  private final Consumer<String> say;
  private final Translator kept;
  private final Translator walked;
  private final Set<Long> told = new HashSet<>();

  InvalidationWatch(Iommu iommu, boolean vtd, Consumer<String> say) {
    this.vtd = vtd;
    this.say = say;
    kept = iommu.newTranslator(CacheOptions.DEFAULT.withIotlb(1 << 16, 8));
    walked = iommu.newUncachedTranslator();
    kept.pause();
    walked.pause();
  }

  /** Called before an access. */
  void access(String function, Port port, boolean write, long address, long length) {
    kept.resume();
    walked.resume();
    try {
      long last = address + length - 1;
      for (long page = address >>> PAGE_LOG2; page <= last >>> PAGE_LOG2; page++) {
        compare(function, port, write, page << PAGE_LOG2);
      }
    } finally {
      kept.pause();
      walked.pause();
    }
  }

  private void compare(String function, Port port, boolean write, long page) {
    int access = write ? Access.WRITE : Access.READ;
    long old = kept.translate(port.sourceId(), port.pasid(), page, access);
    long now = walked.translate(port.sourceId(), port.pasid(), page, access);
    if (isSame(old, now) || told.size() >= MOST_TOLD || !told.add(page)) {
      return;
    }
    say.accept(
        "%s: %s of 0x%x uses what is no longer in the tables: caches say %s, tables say %s; missing: %s"
            .formatted(
                function,
                write ? "write" : "read",
                page,
                words(old),
                words(now),
                vtd
                    ? "an IOTLB or PASID-based IOTLB invalidation of that page, then a wait"
                    : "CMD_TLBI_NH_VA or CMD_TLBI_S2_IPA of that page, then CMD_SYNC"));
  }

  private static boolean isSame(long old, long now) {
    // A fault is never cached: only a successful translation can be stale.
    return Translation.isFault(old)
        || !Translation.isFault(now) && Translation.address(old) == Translation.address(now);
  }

  private static String words(long answer) {
    return Translation.isFault(answer)
        ? "fault 0x%x".formatted(Translation.code(answer))
        : "0x%x".formatted(Translation.address(answer));
  }
}
