package dev.nestwalk.bench.cost;

/**
 * One event of a workload or a trace, or one part of it: an unmap or an invalidation may concern
 * several runs of pages and several address spaces, and counts once all the same.
 *
 * @param kind the kind of event
 * @param requester source id of the device, from 1 on; tenant n is requester n + 1
 * @param pasid PASID, or -1 for none
 * @param iova first input address
 * @param length number of bytes, at least 1; 0 for an invalidation that concerns nothing which is
 *     mapped
 * @param write whether an access writes memory
 * @param nanoseconds time since the beginning of the stream; never decreases
 * @param more whether another part of this event follows; it counts with its last part
 */
public record DmaOp(
    Kind kind,
    int requester,
    int pasid,
    long iova,
    long length,
    boolean write,
    long nanoseconds,
    boolean more) {
  /** The kinds of events. */
  public enum Kind {
    /** The driver maps the pages of a buffer. */
    MAP,
    /** The driver unmaps them; the cell's policy determines what is invalidated and when. */
    UNMAP,
    /**
     * Software invalidates the pages, whatever the policy is; tables above them stay cached, as
     * after Linux's leaf-only invalidations.
     */
    INVALIDATE,
    /** Software invalidates all of an address space, partial walks included. */
    FLUSH,
    /** The device reads or writes. */
    ACCESS,
    /** The unit is told what the device will access soon, and translates it in advance. */
    PREFETCH,
    /** A request (packet, command) ends; results are given per request. */
    REQUEST
  }

  /** An event of one part. */
  public DmaOp(
      Kind kind,
      int requester,
      int pasid,
      long iova,
      long length,
      boolean write,
      long nanoseconds) {
    this(kind, requester, pasid, iova, length, write, nanoseconds, false);
  }

  /** This as a part that another one follows, or as the last one. */
  public DmaOp followed(boolean byMore) {
    return new DmaOp(kind, requester, pasid, iova, length, write, nanoseconds, byMore);
  }

  /** A mapping. */
  public static DmaOp map(int requester, int pasid, long iova, long length, long nanoseconds) {
    return new DmaOp(Kind.MAP, requester, pasid, iova, length, false, nanoseconds);
  }

  /** An end of a mapping. */
  public static DmaOp unmap(int requester, int pasid, long iova, long length, long nanoseconds) {
    return new DmaOp(Kind.UNMAP, requester, pasid, iova, length, false, nanoseconds);
  }

  /** An invalidation of pages. */
  public static DmaOp invalidate(
      int requester, int pasid, long iova, long length, long nanoseconds) {
    return new DmaOp(Kind.INVALIDATE, requester, pasid, iova, length, false, nanoseconds);
  }

  /** An invalidation of all of an address space. */
  public static DmaOp flush(int requester, int pasid, long nanoseconds) {
    return new DmaOp(Kind.FLUSH, requester, pasid, 0, Long.MAX_VALUE, false, nanoseconds);
  }

  /** A read or write of the device. */
  public static DmaOp access(
      int requester, int pasid, long iova, long length, boolean write, long nanoseconds) {
    return new DmaOp(Kind.ACCESS, requester, pasid, iova, length, write, nanoseconds);
  }

  /** An announcement of what will be accessed. */
  public static DmaOp prefetch(int requester, int pasid, long iova, long length, long nanoseconds) {
    return new DmaOp(Kind.PREFETCH, requester, pasid, iova, length, false, nanoseconds);
  }

  /**
   * The end of a request.
   *
   * @param payload number of bytes that it carried, for the share of line rate
   */
  public static DmaOp request(int requester, int pasid, long payload, long nanoseconds) {
    return new DmaOp(Kind.REQUEST, requester, pasid, 0, payload, false, nanoseconds);
  }
}
