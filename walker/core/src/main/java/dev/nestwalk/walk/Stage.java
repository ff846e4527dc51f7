package dev.nestwalk.walk;

/**
 * One stage of translation as numbers and masks: everything that a walk without obstacles needs to
 * know about a format. Levels are counted upwards from the last table, which is 0. A format fills a
 * stage from its field declarations and a resolved configuration.
 *
 * <p>An entry {@code e} of level n points to a table if {@code (e & tableCare) == tableWant + n *
 * tableStep}. Otherwise, and at level 0, it is a leaf if {@code (e & care) == want} for the masks
 * of its level. The fast walk gives no answer for anything that the masks do not cover.
 *
 * <p>This is a record because the JIT treats the fields of a constant record as constants.
 *
 * @param levels number of tables on the way, 1 to 5; 0 if there is no stage
 * @param granule log2 of the size of the smallest page, and of a table
 * @param stride number of index bits of a full table
 * @param topSlots index mask of the first table: larger than that of others if tables are
 *     concatenated, smaller if the input is short
 * @param ignoredBits number of high bits of an input address that are ignored
 * @param inputBits number of bits of an input address; the bits above equal {@code prefix}
 * @param prefix 0, or -1 if all bits above are set
 * @param canonical whether the bits above repeat the sign instead
 * @param bigEndian whether entries are big-endian
 * @param addressShift how far an entry is shifted left before {@code address} is applied
 * @param address mask of the address bits in an entry
 * @param highAddress bits of an entry that hold further address bits
 * @param highShift how far those are shifted left
 * @param cumulative whether a right has to be granted by all entries; otherwise the leaf grants
 *     rights, except {@code tableDenies}
 * @param allSet bits that are set in every entry on the way
 * @param tableShift position of {@code tableDenies} in a table entry
 * @param tableDenies rights that a table entry can deny to everything below it
 * @param writeSet further bits that are set in a leaf for a write: a dirty flag that is already set
 * @param blockLevels bit n, from 1 on: there may be pages at level n
 * @param rightsFlip bits of a leaf that are inverted
 * @param rightsShift position of {@code rightsMask} in a leaf
 * @param rightsMask rights that a leaf may grant: 1 read, 2 write
 * @param rightsAlways rights that every leaf grants
 * @param needAlways rights without which a leaf grants nothing
 * @param cleanShift position of {@code cleanGrants} in a leaf
 * @param cleanGrants rights that a flag update would add, which the answer includes
 * @param notGlobal the bit of a leaf that makes it valid for one process only, or 0
 * @param tableMemory bits of which one is set in a leaf that may hold tables of another stage, or 0
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

  /** Not 0 if this stage does not translate the address. */
  long outside(long input) {
    long x = ignoredBits == 0 ? input : input << ignoredBits >> ignoredBits;
    return x >> inputBits ^ (canonical ? x >> 63 : prefix);
  }

  /** The bits in {@code tableCare} of an entry of level {@code n} that points to a table. */
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

  /** Offset of an address in a page of level {@code n}. */
  long inside(int n, long input) {
    return input & (1L << shift(n)) - 1;
  }

  /** The bits that decide whether an entry of level {@code n} is a leaf. */
  long leafCare(int n) {
    return n == 0 ? pageCare : n == 1 ? blockCare1 : n == 2 ? blockCare2 : blockCare3;
  }

  long leafWant(int n) {
    return n == 0 ? pageWant : blockWant;
  }

  /** The bits that are set in every entry if it grants these rights. */
  long everySet(int need) {
    return allSet | (cumulative ? (need & rightsMask) << rightsShift : 0);
  }

  /** Whether a leaf may hold tables of another stage. */
  boolean leadsToTables(long leaf) {
    return tableMemory == 0 || (leaf & tableMemory) != 0;
  }

  /** The rights that a leaf itself grants, whatever is above it. */
  long named(long leaf) {
    return (leaf ^ rightsFlip) >>> rightsShift & rightsMask | rightsAlways;
  }

  /** The rights that are denied below tables with these bits, combined by OR. */
  long denied(long tables) {
    return tableDenies == 0 ? 0 : tables >>> tableShift & tableDenies;
  }

  /** The rights that a flag update would add. */
  long clean(long leaf) {
    return cleanGrants == 0 ? 0 : leaf >>> cleanShift & cleanGrants;
  }

  /**
   * The rights that a leaf of level {@code n} grants, or 0 if it is not a leaf or grants too
   * little.
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

  /** The rights above a table, in the form that a page-walk cache stores: granted or denied. */
  long kept(long all, long some) {
    return cumulative ? named(all) & 3 : denied(some);
  }

  /** The result of {@link #granted}, below a table for which {@link #kept} is known. */
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

  /** Whether a write leaves no trace in the tables that a read has not left. */
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

    /** Begins a stage with so many levels, and pages and tables of 2^{@code granule} bytes. */
    public Builder(int levels, int granule, int stride) {
      this.levels = levels;
      this.granule = granule;
      this.stride = stride;
      topSlots = (1L << stride) - 1;
    }

    /**
     * Sets the input addresses: {@code bits} bits with {@code prefix} above, apart from the {@code
     * ignored} highest bits.
     */
    public Builder input(int bits, long prefix, int ignored) {
      inputBits = bits;
      this.prefix = prefix;
      ignoredBits = ignored;
      return this;
    }

    /**
     * Sets the input addresses to those in which bit {@code bits} and all above equal bit {@code
     * bits} - 1.
     */
    public Builder canonicalInput(int bits) {
      inputBits = bits - 1;
      canonical = true;
      return this;
    }

    /** Sets the index mask of the first table. */
    public Builder topSlots(long slots) {
      topSlots = slots;
      return this;
    }

    /** Sets the byte order of entries. */
    public Builder bigEndian(boolean big) {
      bigEndian = big;
      return this;
    }

    /** Sets the address bits, taken after a shift of the entry to the left. */
    public Builder address(long mask, int shift) {
      address = mask;
      addressShift = shift;
      return this;
    }

    /** Sets further address bits, and how far they are shifted to the left. */
    public Builder highAddress(long mask, int shift) {
      highAddress = mask;
      highShift = shift;
      return this;
    }

    /**
     * Sets what identifies an entry that points to a table; {@code step} is added for each level
     * above the last.
     */
    public Builder table(long care, long want, long step) {
      tableCare = care;
      tableWant = want;
      tableStep = step;
      return this;
    }

    /** Makes rights cumulative over all entries, which have the bits {@code set}. */
    public Builder cumulative(long set) {
      cumulative = true;
      allSet = set;
      return this;
    }

    /** Sets the rights that table entries can deny to everything below. */
    public Builder tableDenies(long rights, int shift) {
      tableDenies = rights;
      tableShift = shift;
      return this;
    }

    /** Sets what identifies a smallest page. */
    public Builder page(long care, long want) {
      pageCare = care;
      pageWant = want;
      return this;
    }

    /** Sets what identifies a page of level {@code n}, 1 to 3. */
    public Builder block(int n, long care, long want) {
      blockLevels |= 1 << n;
      blockCare[n] = care;
      blockWant = want;
      return this;
    }

    /** Sets the further bits that are set in a leaf for a write. */
    public Builder written(long set) {
      writeSet = set;
      return this;
    }

    /** Sets the rights in a leaf: which, where, and which of its bits are inverted. */
    public Builder rights(long rights, int shift, long flip) {
      rightsMask = rights;
      rightsShift = shift;
      rightsFlip = flip;
      return this;
    }

    /** Sets the rights that every leaf grants, and those without which it grants nothing. */
    public Builder always(long granted, long needed) {
      rightsAlways = granted;
      needAlways = needed;
      return this;
    }

    /** Sets the rights that a flag update would add. */
    public Builder clean(long rights, int shift) {
      cleanGrants = rights;
      cleanShift = shift;
      return this;
    }

    /** Sets the bit that makes a leaf valid for one process only. */
    public Builder notGlobal(long bit) {
      notGlobal = bit;
      return this;
    }

    /** Sets the bits of which one is set in a leaf that may hold tables of another stage. */
    public Builder tableMemory(long bits) {
      tableMemory = bits;
      return this;
    }

    /** Builds the stage. */
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
