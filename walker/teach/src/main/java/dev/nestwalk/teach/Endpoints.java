package dev.nestwalk.teach;

import dev.nestwalk.memory.GuestMemory;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Lists the sources of DMA in an image of either format. */
public final class Endpoints {
  /**
   * Lists all endpoints, or those of one requester id. Endpoints beyond the budget are left out,
   * and the budget says so.
   *
   * @param onlySource requester id, unsigned, null for all: a StreamID may have all 32 bits set
   */
  public static List<Endpoint> list(
      Image image, GuestMemory memory, @Nullable Integer onlySource, Budget budget) {
    return image.isVtd()
        ? VtdEndpoints.list(memory, image.registers(), onlySource, budget)
        : SmmuEndpoints.list(memory, image.registers(), onlySource, budget);
  }

  /** Whether two stages translate a requester. */
  public static boolean isNested(Image image, GuestMemory memory, int source, int pasid) {
    return list(image, memory, source, Budget.ofSeconds(Budget.SECONDS)).stream()
        .filter(one -> one.sourceId() == source && one.pasid() == pasid)
        .anyMatch(Endpoint::nested);
  }

  private Endpoints() {}
}
