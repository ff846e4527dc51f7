package dev.nestwalk.smmu;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;

/** Base of a queue (IHI 0070, 6.3.26): CMDQ_BASE, EVENTQ_BASE and PRIQ_BASE. */
public final class QueueBase {
  /** Log2 of the number of entries. */
  public static final Field LOG2SIZE =
      Field.of("LOG2SIZE", 4, 0, "log2 of the number of entries, capped by IDR1");

  /** Address of the queue. */
  public static final Field ADDR =
      Field.of("ADDR", 51, 5, "where the queue is, aligned to its size");

  /** Allocation hint: RA of the command queue, WA of the other two. */
  public static final Field HINT =
      Field.bit("RA", 62, "allocation hint for reads; WA, for writes, in the other queues");

  /** The structure; bits that no field names are RES0 and not checked. */
  public static final Structure STRUCTURE =
      Structure.of("CMDQ_BASE", "SMMUv3 6.3.26", 1, LOG2SIZE, ADDR, HINT);

  private QueueBase() {}
}
