package dev.nestwalk.walk;

/**
 * One stage of translation as numbers and masks: all that a walk which meets no obstacle has to
 * know of a format. Levels count from the last table, 0, upwards. A format fills one from its field
 * declarations and a resolved configuration.
 *
 * <p>An entry {@code e} of level n is a table if {@code (e & tableCare) == tableWant + n *
 * tableStep}. Where that is not so, and at level 0, it is a leaf if {@code (e & care) == want} for
 * the masks of its level. Whatever the masks do not say is not answered by the fast walk.
 *
 * <p>A record, because the JIT takes the fields of a constant record for constants.
 *
 * @param levels number of tables on the way, 1 to 5; 0 for no stage at all
 * @param granule log2 of the size of the smallest page, and of a table
 * @param stride index bits of a full table
 * @param topSlots entries of the first table, less one: more than others where tables are
 *     concatenated, fewer where the input is short
 * @param ignoredBits high bits of an input address that do not count
 * @param inputBits bits of an input address; the ones above equal {@code prefix}
 * @param prefix 0, or -1 where all bits above are set
 * @param canonical the bits above repeat the sign instead
 * @param bigEndian entries are big-endian
 * @param addressShift how far an entry is shifted left before {@code address} is applied
 * @param address bits of an address that an entry holds
 * @param highAddress bits of an entry that hold further address bits
 * @param highShift how far those are shifted left
 * @param cumulative rights are those that all entries grant; else the leaf's, less {@code
 *     tableDenies}
 * @param allSet bits that every entry of the way has
 * @param tableShift where a table entry has {@code tableDenies}
 * @param tableDenies rights that a table entry can take from all below it
 * @param writeSet bits that a leaf has besides for a write: a dirty flag that is set already
 * @param blockLevels bit n: pages may be at level n, from 1 on
 * @param rightsFlip bits of a leaf that mean the opposite
 * @param rightsShift where a leaf has {@code rightsMask}
 * @param rightsMask rights that a leaf grants or not: 1 read, 2 write
 * @param rightsAlways rights that any leaf grants
 * @param needAlways rights without which a leaf grants nothing
 * @param cleanShift where a leaf has {@code cleanGrants}
 * @param cleanGrants rights that a flag update would give, which the answer names
 * @param notGlobal the bit of a leaf that holds for one process only, or 0
 * @param tableMemory bits of which a leaf has one if it leads to tables of another stage, or 0
 */
public record Stage(
    int levels,
    int granule,
    int stride,
    long topSlots,
    int ignoredBits,
    int inputBits,
    long prefix,
    boolean canonical,
    boolean bigEndian,
    int addressShift,
    long address,
    long highAddress,
    int highShift,
    long tableCare,
    long tableWant,
    long tableStep,
    boolean cumulative,
    long allSet,
    int tableShift,
    long tableDenies,
    long pageCare,
    long pageWant,
    long writeSet,
    int blockLevels,
    long blockWant,
    long blockCare1,
    long blockCare2,
    long blockCare3,
    long rightsFlip,
    int rightsShift,
    long rightsMask,
    long rightsAlways,
    long needAlways,
    int cleanShift,
    long cleanGrants,
    long notGlobal,
    long tableMemory) {

  /** No stage: addresses pass unchanged. */
  public static final Stage NONE = new Builder(0, 12, 9).build();

  /** Whether there is a stage at all. */
  boolean isOn() {
    return levels != 0;
  }

  /** Lowest input bit that an index of level {@code n} resolves. */
  int shift(int n) {
    return granule + stride * n;
  }

  /** Offset in bytes of the entry of level {@code n} that maps an address, in its table. */
  long slot(int n, long input) {
    long slots = n == levels - 1 ? topSlots : (1L << stride) - 1;
    return input >>> shift(n) - 3 & slots << 3;
  }

  /** Not 0 if an address is none of this stage's. */
  long outside(long input) {
    long x = ignoredBits == 0 ? input : input << ignoredBits >> ignoredBits;
    return x >> inputBits ^ (canonical ? x >> 63 : prefix);
  }

  /** What an entry of level {@code n} has in {@code tableCare} if it is a table. */
  long tableAt(int n) {
    return tableWant + n * tableStep;
  }

  boolean isTable(int n, long entry) {
    return (entry & tableCare) == tableAt(n);
  }

  /** The table, or the smallest page, that an entry leads to. */
  long next(long entry) {
    long low = entry << addressShift & address;
    return highAddress == 0 ? low : low | (entry & highAddress) << highShift;
  }

  /** The page of level {@code n} that an entry leads to. */
  long page(int n, long entry) {
    return next(entry) & -(1L << shift(n));
  }

  /** Where in a page of level {@code n} an address is. */
  long inside(int n, long input) {
    return input & (1L << shift(n)) - 1;
  }

  /** Bits that decide whether an entry of level {@code n} is a leaf. */
  long leafCare(int n) {
    return n == 0 ? pageCare : n == 1 ? blockCare1 : n == 2 ? blockCare2 : blockCare3;
  }

  long leafWant(int n) {
    return n == 0 ? pageWant : blockWant;
  }

  /** Bits that every entry has for these rights. */
  long everySet(int need) {
    return allSet | (cumulative ? (need & rightsMask) << rightsShift : 0);
  }

  /** Whether a leaf may lead to tables of another stage. */
  boolean leadsToTables(long leaf) {
    return tableMemory == 0 || (leaf & tableMemory) != 0;
  }

  /** Rights that a leaf names, whatever is above it. */
  long named(long leaf) {
    return (leaf ^ rightsFlip) >>> rightsShift & rightsMask | rightsAlways;
  }

  /** Rights that are denied below tables with these bits, OR'ed. */
  long denied(long tables) {
    return tableDenies == 0 ? 0 : tables >>> tableShift & tableDenies;
  }

  /** Rights that a flag update would give. */
  long clean(long leaf) {
    return cleanGrants == 0 ? 0 : leaf >>> cleanShift & cleanGrants;
  }

  /**
   * What a leaf of level {@code n} grants, or 0 if it is none or grants too little.
   *
   * @param all AND of the entries down to the leaf
   * @param some OR of the entries above it
   */
  long granted(int n, long leaf, long all, long some, int access) {
    long flags = (access & 2) != 0 ? writeSet : 0;
    boolean legal = n == 0 || (blockLevels >>> n & 1) != 0;
    long wanted = leafWant(n) | flags;
    if (!legal || (leaf & (leafCare(n) | flags)) != wanted || (all & allSet) != allSet) {
      return 0;
    }
    long denied = denied(some);
    long granted = named(cumulative ? all : leaf) & ~denied;
    long need = access | needAlways;
    return (granted & need) == need ? granted | clean(leaf) & ~denied : 0;
  }

  /** What a page-walk cache keeps of the rights above a table: what is granted, or denied. */
  long kept(long all, long some) {
    return cumulative ? named(all) & 3 : denied(some);
  }

  /** As {@link #granted}, below a table of which {@link #kept} is known. */
  long grantedBelow(int n, long leaf, long kept, int access) {
    long above = (kept & rightsMask) << rightsShift | ~(rightsMask << rightsShift);
    return granted(n, leaf, cumulative ? leaf & above : leaf, kept << tableShift, access);
  }

  /** A packed answer, or 0 without rights. */
  long answer(int n, long leaf, long granted, long input) {
    return granted == 0
        ? 0
        : page(n, leaf) | inside(n, input) | (long) shift(n) << 52 | granted << 58;
  }

  /** Whether a write leaves no trace in tables that a read has not left. */
  boolean writesAreSilent() {
    return (writeSet | cleanGrants) == 0;
  }

  /** Collects the masks of a stage. */
  public static final class Builder {
    private final int levels;
    private final int granule;
    private final int stride;
    private long topSlots;
    private int ignoredBits;
    private int inputBits = 63;
    private long prefix;
    private boolean canonical;
    private boolean bigEndian;
    private int addressShift;
    private long address;
    private long highAddress;
    private int highShift;
    private long tableCare;
    private long tableWant;
    private long tableStep;
    private boolean cumulative;
    private long allSet;
    private int tableShift;
    private long tableDenies;
    private long pageCare;
    private long pageWant;
    private long writeSet;
    private int blockLevels;
    private long blockWant;
    private final long[] blockCare = new long[4];
    private long rightsFlip;
    private int rightsShift;
    private long rightsMask;
    private long rightsAlways;
    private long needAlways;
    private int cleanShift;
    private long cleanGrants;
    private long notGlobal;
    private long tableMemory;

    /** A stage of so many levels, with pages and tables of 2^{@code granule} bytes. */
    public Builder(int levels, int granule, int stride) {
      this.levels = levels;
      this.granule = granule;
      this.stride = stride;
      topSlots = (1L << stride) - 1;
    }

    /** Input addresses of {@code bits}, with {@code prefix} above, {@code ignored} bits apart. */
    public Builder input(int bits, long prefix, int ignored) {
      inputBits = bits;
      this.prefix = prefix;
      ignoredBits = ignored;
      return this;
    }

    /** Input addresses of which bit {@code bits} and all above repeat bit {@code bits} - 1. */
    public Builder canonicalInput(int bits) {
      inputBits = bits - 1;
      canonical = true;
      return this;
    }

    /** Index bits of the first table that count, as a mask. */
    public Builder topSlots(long slots) {
      topSlots = slots;
      return this;
    }

    /** Entries are big-endian. */
    public Builder bigEndian(boolean big) {
      bigEndian = big;
      return this;
    }

    /** Address bits, after a shift of the entry to the left. */
    public Builder address(long mask, int shift) {
      address = mask;
      addressShift = shift;
      return this;
    }

    /** More address bits, and how far they are shifted to the left. */
    public Builder highAddress(long mask, int shift) {
      highAddress = mask;
      highShift = shift;
      return this;
    }

    /** What tells a table; {@code step} is added for each level above the last. */
    public Builder table(long care, long want, long step) {
      tableCare = care;
      tableWant = want;
      tableStep = step;
      return this;
    }

    /** Rights are those that all entries grant; all have the bits {@code set}. */
    public Builder cumulative(long set) {
      cumulative = true;
      allSet = set;
      return this;
    }

    /** Rights that table entries deny to all below. */
    public Builder tableDenies(long rights, int shift) {
      tableDenies = rights;
      tableShift = shift;
      return this;
    }

    /** What tells a smallest page. */
    public Builder page(long care, long want) {
      pageCare = care;
      pageWant = want;
      return this;
    }

    /** What tells a page of level {@code n}, 1 to 3. */
    public Builder block(int n, long care, long want) {
      blockLevels |= 1 << n;
      blockCare[n] = care;
      blockWant = want;
      return this;
    }

    /** Bits that a leaf has besides for a write. */
    public Builder written(long set) {
      writeSet = set;
      return this;
    }

    /** Rights in a leaf: which, where, and which of its bits mean the opposite. */
    public Builder rights(long rights, int shift, long flip) {
      rightsMask = rights;
      rightsShift = shift;
      rightsFlip = flip;
      return this;
    }

    /** Rights that every leaf grants, and those without which it grants none. */
    public Builder always(long granted, long needed) {
      rightsAlways = granted;
      needAlways = needed;
      return this;
    }

    /** Rights that a flag update would give. */
    public Builder clean(long rights, int shift) {
      cleanGrants = rights;
      cleanShift = shift;
      return this;
    }

    /** The bit of a leaf that holds for one process only. */
    public Builder notGlobal(long bit) {
      notGlobal = bit;
      return this;
    }

    /** Bits of which a leaf has one if it leads to tables of another stage. */
    public Builder tableMemory(long bits) {
      tableMemory = bits;
      return this;
    }

    /** The stage. */
    public Stage build() {
      return new Stage(
          levels,
          granule,
          stride,
          topSlots,
          ignoredBits,
          inputBits,
          prefix,
          canonical,
          bigEndian,
          addressShift,
          address,
          highAddress,
          highShift,
          tableCare,
          tableWant,
          tableStep,
          cumulative,
          allSet,
          tableShift,
          tableDenies,
          pageCare,
          pageWant,
          writeSet,
          blockLevels,
          blockWant,
          blockCare[1],
          blockCare[2],
          blockCare[3],
          rightsFlip,
          rightsShift,
          rightsMask,
          rightsAlways,
          needAlways,
          cleanShift,
          cleanGrants,
          notGlobal,
          tableMemory);
    }
  }
}
