package dev.nestwalk.iotlb;

/** What an address space notes about the translations that caches hold of it. */
public final class Noted {
  /** Whether some of them hold for every process. */
  public static boolean isGlobal(AddressSpace space) {
    return space.global;
  }

  /** Log2 of the largest block that they hold as several smaller pages, 0 for none. */
  public static int fractured(AddressSpace space) {
    return space.fractured;
  }

  /** Notes no fractured blocks any more. */
  public static void forgetFractured(AddressSpace space) {
    space.fractured = 0;
  }

  /** Notes nothing any more. */
  public static void forget(AddressSpace space) {
    space.global = false;
    space.fractured = 0;
    space.classes = 0;
  }

  /** Takes as many tags as differ in the bits that word 0 of an entry holds. */
  public static void skipLowTags(TagCounter counter) {
    for (int i = 0; i < 1 << 12; i++) {
      counter.next();
    }
  }

  private Noted() {}
}
