package dev.nestwalk.teach;

import java.util.List;

/**
 * A source of DMA: a context entry with its PASID entry, or a stream with its context descriptor.
 *
 * @param pasid PASID or SubstreamID, -1 for requests without one
 * @param domain domain id, ASID or VMID
 * @param type how its requests are translated, in words
 * @param nested whether two stages translate
 * @param spans input addresses to scan; empty if there is nothing to scan
 * @param table the first table of the walk, 0 if there is none
 * @param key the words that determine the translation: equal keys mean equal ranges
 * @param shape sizes of table entries
 */
public record Endpoint(
    int sourceId,
    int pasid,
    int domain,
    String type,
    boolean nested,
    List<Span> spans,
    long table,
    List<Long> key,
    Shape shape) {

  /** Addresses {@code first} to {@code last}, both inclusive. */
  record Span(long first, long last) {
    /** All addresses of {@code bits} bits. */
    static Span ofBits(int bits) {
      return new Span(0, (1L << bits) - 1);
    }

    /**
     * The mirror image of {@link #ofBits} at the top of the address space: sign-extended addresses.
     */
    static Span upper(int bits) {
      return new Span(-1L << bits, -1);
    }
  }

  /**
   * How levels are numbered, and how much an entry covers.
   *
   * @param first log2 of stage 1's granule, or 0 for VT-d, whose levels go down to 1
   * @param second log2 of stage 2's granule, or 0 for VT-d
   */
  record Shape(int first, int second) {
    static final Shape VTD = new Shape(0, 0);

    /** Size minus 1 of the block that an entry of this stage and level covers. */
    long block(int stage, int level) {
      int granule = stage == 1 ? first : second;
      int bits =
          granule == 0 ? 12 + 9 * (level - 1) : granule + (granule - 3) * (3 - (level << 28 >> 28));
      return (1L << Math.min(63, bits)) - 1;
    }

    /** Whether a fault at this level concerns no table entry. */
    boolean isWithoutEntry(int stage, int level) {
      return stage == 0 || first == 0 && second == 0 && level == 0;
    }

    /** Whether a present stage 1 entry maps a page. */
    boolean isLeaf(int level, long word) {
      return first == 0
          ? level == 1 || level <= 3 && (word & 0x80) != 0
          : level == 3 || (word & 3) == 1;
    }
  }
}
