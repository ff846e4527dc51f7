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

  private Noted() {}
}
