package dev.nestwalk;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.memory.GuestMemory;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Access to the guest memory behind an {@link Endpoint}'s addresses, by copy or in place.
 *
 * <p>Threads: belongs to the thread of the endpoint's translator.
 */
final class DmaCopy {
  /**
   * Copies piece by piece. Each piece is copied before the next one is translated, so no answer is
   * used after a later translation has begun.
   */
  static long copy(
      Endpoint of, long iova, MemorySegment other, long start, long length, int access) {
    GuestMemory memory = of.translator.memory;
    long done = 0;
    while (done < length) {
      long answer = of.translate(iova + done, access);
      long piece = inBlock(iova + done, answer, length - done);
      long at = Translation.address(answer);
      long copied =
          access == Access.READ
              ? memory.read(at, other, start + done, piece)
              : memory.write(at, other, start + done, piece);
      if (copied == 0) {
        of.stoppedBy = answer;
        return done;
      }
      done += copied;
    }
    return done;
  }

  /** The guest memory behind a range, or null if there is no single run of it. */
  static @Nullable MemorySegment slice(Endpoint of, long iova, long length, int access) {
    long start = 0;
    for (long done = 0; done < length; ) {
      long answer = of.translate(iova + done, access);
      long piece = inBlock(iova + done, answer, length - done);
      long output = Translation.address(answer);
      boolean writable = (access & Access.WRITE) == 0 || of.translator.memory.isWritable(output);
      of.stoppedBy = answer;
      if (piece == 0 || !writable || done != 0 && output != start + done) {
        return null;
      }
      start = done == 0 ? output : start;
      done += piece;
    }
    return of.translator.memory.sliceOrNull(start, length);
  }

  /**
   * Number of bytes from an address to the end of the block that its answer covers, at most {@code
   * most}; 0 if there are none.
   */
  static long inBlock(long iova, long answer, long most) {
    if (Translation.isFault(answer)) {
      return 0;
    }
    long span = Translation.span(answer);
    return Math.min(span - (iova & span - 1), most);
  }

  private DmaCopy() {}
}
