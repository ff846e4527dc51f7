package dev.nestwalk.teach;

import dev.nestwalk.memory.GuestMemory;
import java.util.List;

/** What can ask for DMA in an image, whatever its format. */
public final class Endpoints {
  /**
   * All, or those of one requester id; {@code onlySource} -1 for all. What the budget does not
   * reach is left out, and the budget says so.
   */
  public static List<Endpoint> list(
      Image image, GuestMemory memory, int onlySource, Budget budget) {
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
