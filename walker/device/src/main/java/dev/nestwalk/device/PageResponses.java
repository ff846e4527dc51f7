package dev.nestwalk.device;

/**
 * Takes the answers to page requests (PCIe PRI) that devices made by {@link Port#requestPage}.
 *
 * <p>Threads: called with the unit's lock held, on the thread of the vCPU that answered or of the
 * device whose request was answered at once; it returns soon and does not call the unit.
 */
@FunctionalInterface
public interface PageResponses {
  /** Response codes of PCIe (10.4.2.1). */
  enum Code {
    /** Every page of the group is there. */
    SUCCESS(0),
    /** A page of the group cannot be had. */
    INVALID(1),
    /** No answer can be given; the device's page requests are off. */
    FAILURE(15);

    private final int number;

    Code(int number) {
      this.number = number;
    }

    /** The four bits of a response message. */
    public int number() {
      return number;
    }
  }

  /** For units whose devices make no page requests. */
  PageResponses NONE = (sourceId, pasid, group, code) -> {};

  /**
   * A page request group was answered.
   *
   * @param sourceId requester id or StreamID
   * @param pasid PASID or SubstreamID of the answer, -1 if it carries none
   * @param group page request group index, 9 bits
   */
  void respond(int sourceId, int pasid, int group, Code code);
}
