package dev.nestwalk.walk;

/**
 * One stage of translation as numbers and masks: everything that a walk without obstacles needs to
 * know about a format. A format fills the groups of a stage from its field declarations and a
 * resolved configuration. Levels are counted upwards from the last table, which is 0.
 *
 * <p>The fast walk gives no answer for anything that the masks do not cover.
 *
 * <p>Stage and groups are records because the JIT treats the fields of constant records as
 * constants.
 *
 * @param geometry number and size of tables
 * @param input the addresses that are translated
 * @param encoding byte order and address bits of entries
 * @param kinds which entries are tables, and which are pages
 * @param rights what a leaf grants
 * @param above what the entries above a leaf leave of that
 * @param flags further bits of a leaf
 */
public record Stage(
    Geometry geometry,
    Input input,
    Encoding encoding,
    Kinds kinds,
    Rights rights,
    Above above,
    Flags flags) {

  /** No stage: addresses pass unchanged. */
  public static final Stage NONE =
      new Stage(
          new Geometry(0, 12, 9),
          Input.unsigned(63),
          Encoding.littleEndian(0),
          new Kinds(new Mask(0, 0), 0, new Mask(0, 0), Mask.NOTHING, Mask.NOTHING, Mask.NOTHING),
          new Rights(0, 0, 0, 0, 0),
          Above.NOTHING,
          Flags.NONE);

  /**
   * The tables.
   *
   * @param levels number of tables on the way, 1 to 5; 0 if there is no stage
   * @param granule log2 of the size of the smallest page, and of a table
   * @param stride number of index bits of a full table
   * @param topSlots index mask of the first table: larger than that of others if tables are
   *     concatenated, smaller if the input is short
   */
  public record Geometry(int levels, int granule, int stride, long topSlots) {

    /** Tables of which the first is as large as the others. */
    public Geometry(int levels, int granule, int stride) {
      this(levels, granule, stride, (1L << stride) - 1);
    }
  }

  /**
   * The input addresses.
   *
   * @param bits number of bits of an address; the bits above equal {@code prefix}
   * @param prefix 0, or -1 if all bits above are set
   * @param signed whether the bits above repeat the highest bit below instead
   * @param ignored number of the highest bits of all that are ignored
   */
  public record Input(int bits, long prefix, boolean signed, int ignored) {

    /** Addresses of so many bits, with zeros above. */
    public static Input unsigned(int bits) {
      return new Input(bits, 0, false, 0);
    }

    /** Canonical addresses: the highest of so many bits is repeated above. */
    public static Input canonical(int bits) {
      return new Input(bits - 1, 0, true, 0);
    }
  }

  /**
   * How an entry holds an address.
   *
   * @param bigEndian whether entries are big-endian
   * @param address mask of the address bits, after the shift
   * @param shift how far an entry is shifted left before
   * @param highAddress bits that hold further address bits, or 0
   * @param highShift how far those are shifted left
   */
  public record Encoding(
      boolean bigEndian, long address, int shift, long highAddress, int highShift) {

    /** Little-endian entries with all address bits where the address has them. */
    public static Encoding littleEndian(long address) {
      return new Encoding(false, address, 0, 0, 0);
    }
  }

  /**
   * Entries of one kind: those {@code e} with {@code (e & care) == want}.
   *
   * @param care the bits that are compared
   * @param want their values
   */
  public record Mask(long care, long want) {
    /** No entry is of this kind. */
    public static final Mask NOTHING = new Mask(0, -1);

    /** Whether an entry is of this kind, and has the bits {@code set} set. */
    private boolean matches(long entry, long set) {
      return (entry & (care | set)) == (want | set);
    }
  }

  /**
   * What an entry is: a table, or else a page of its level's size. At level 0 there are only pages.
   *
   * @param table what points to a table, at level 0 if that had tables
   * @param tableStep added to what is wanted of a table for each level
   * @param page the smallest page
   * @param block1 a page at level 1
   * @param block2 a page at level 2
   * @param block3 a page at level 3
   */
  public record Kinds(
      Mask table, long tableStep, Mask page, Mask block1, Mask block2, Mask block3) {}

  /**
   * The rights that a leaf grants: 1 read, 2 write.
   *
   * @param mask rights that a leaf may grant
   * @param shift position of {@code mask} in a leaf
   * @param flip bits of a leaf that are inverted before
   * @param always rights that every leaf grants
   * @param needed rights without which a leaf grants nothing
   */
  public record Rights(long mask, int shift, long flip, long always, long needed) {}

  /**
   * The part of the entries above a leaf.
   *
   * @param cumulative whether a right has to be granted by all entries; otherwise the leaf grants
   *     rights, except {@code denies}
   * @param set bits that are set in every entry, the leaf included
   * @param denies rights that a table entry can deny to everything below it
   * @param shift position of {@code denies} in a table entry
   */
  public record Above(boolean cumulative, long set, long denies, int shift) {
    /** The leaf alone decides. */
    public static final Above NOTHING = new Above(false, 0, 0, 0);

    /** Rights are those that all entries grant, which have the bits {@code set}. */
    public static Above all(long set) {
      return new Above(true, set, 0, 0);
    }

    /** Table entries can deny these rights, by bits that begin at {@code shift}. */
    public static Above denied(long rights, int shift) {
      return new Above(false, 0, rights, shift);
    }
  }

  /**
   * Further bits of a leaf.
   *
   * @param written bits that are set for a write: a dirty flag that is already set
   * @param clean rights that a flag update would add, which the answer includes
   * @param cleanShift position of {@code clean} in a leaf
   * @param notGlobal the bit that makes a leaf valid for one process only, or 0
   * @param tableMemory bits of which one is set in a leaf that may hold tables of another stage, or
   *     0
   */
  public record Flags(long written, long clean, int cleanShift, long notGlobal, long tableMemory) {
    /** No bit of a leaf has a further meaning. */
    public static final Flags NONE = new Flags(0, 0, 0, 0, 0);

    /** Only a dirty flag, set before a write; 0 for none. */
    public static Flags dirty(long written) {
      return new Flags(written, 0, 0, 0, 0);
    }
  }

  // What the templates ask for by itself.

  /** Whether there is a stage at all. */
  boolean isOn() {
    return geometry.levels != 0;
  }

  int levels() {
    return geometry.levels;
  }

  int granule() {
    return geometry.granule;
  }

  int ignoredBits() {
    return input.ignored;
  }

  boolean bigEndian() {
    return encoding.bigEndian;
  }

  boolean cumulative() {
    return above.cumulative;
  }

  long allSet() {
    return above.set;
  }

  long tableDenies() {
    return above.denies;
  }

  long tableCare() {
    return kinds.table.care;
  }

  long pageCare() {
    return kinds.page.care;
  }

  long pageWant() {
    return kinds.page.want;
  }

  long rightsMask() {
    return rights.mask;
  }

  int rightsShift() {
    return rights.shift;
  }

  long needAlways() {
    return rights.needed;
  }

  long writeSet() {
    return flags.written;
  }

  long notGlobal() {
    return flags.notGlobal;
  }

  long tableMemory() {
    return flags.tableMemory;
  }

  // The formulas.

  /** Lowest input bit that an index of level {@code n} resolves. */
  int shift(int n) {
    return geometry.granule + geometry.stride * n;
  }

  /** Offset in bytes of the entry of level {@code n} that maps an address, in its table. */
  long slot(int n, long address) {
    long slots = n == geometry.levels - 1 ? geometry.topSlots : (1L << geometry.stride) - 1;
    return address >>> shift(n) - 3 & slots << 3;
  }

  /** Lowest input bit that tells the pieces of 2^{@code piece} bytes of tables apart. */
  int shiftOfPiece(int n, int piece) {
    return shift(n) + piece - 3;
  }

  /** {@link #slot} from the start of a piece of 2^{@code piece} bytes of the table. */
  long slotInPiece(int n, int piece, long address) {
    return slot(n, address) & (1L << piece) - 1;
  }

  /** Not 0 if this stage does not translate the address. */
  long outside(long address) {
    int ignored = input.ignored;
    long x = ignored == 0 ? address : address << ignored >> ignored;
    return x >> input.bits ^ (input.signed ? x >> 63 : input.prefix);
  }

  /** The bits in {@link #tableCare} of an entry of level {@code n} that points to a table. */
  long tableAt(int n) {
    return kinds.table.want + n * kinds.tableStep;
  }

  boolean isTable(int n, long entry) {
    return (entry & kinds.table.care) == tableAt(n);
  }

  /** The table, or the smallest page, that an entry leads to. */
  long next(long entry) {
    long low = entry << encoding.shift & encoding.address;
    long high = encoding.highAddress;
    return high == 0 ? low : low | (entry & high) << encoding.highShift;
  }

  /** The page of level {@code n} that an entry leads to. */
  long page(int n, long entry) {
    return next(entry) & -(1L << shift(n));
  }

  /** Offset of an address in a page of level {@code n}. */
  long inside(int n, long address) {
    return address & (1L << shift(n)) - 1;
  }

  /** Whether an entry of level {@code n} is a page, and has the bits {@code set} set. */
  private boolean isPage(int n, long entry, long set) {
    if (n == 0) {
      return kinds.page.matches(entry, set);
    }
    Mask block = n == 1 ? kinds.block1 : n == 2 ? kinds.block2 : kinds.block3;
    return n <= 3 && block.matches(entry, set);
  }

  /** The bits that are set in every entry if it grants these rights. */
  long everySet(int need) {
    return above.set | (above.cumulative ? (need & rights.mask) << rights.shift : 0);
  }

  /** Whether a leaf may hold tables of another stage. */
  boolean leadsToTables(long leaf) {
    return flags.tableMemory == 0 || (leaf & flags.tableMemory) != 0;
  }

  /** The rights that a leaf itself grants, whatever is above it. */
  long named(long leaf) {
    return (leaf ^ rights.flip) >>> rights.shift & rights.mask | rights.always;
  }

  /** The rights that are denied below tables with these bits, combined by OR. */
  long denied(long tables) {
    return above.denies == 0 ? 0 : tables >>> above.shift & above.denies;
  }

  /** The rights that a flag update would add. */
  long clean(long leaf) {
    return flags.clean == 0 ? 0 : leaf >>> flags.cleanShift & flags.clean;
  }

  /**
   * The rights that a leaf of level {@code n} grants, or 0 if it is not a leaf or grants too
   * little.
   *
   * @param all AND of the entries down to the leaf
   * @param some OR of the entries above it
   */
  long granted(int n, long leaf, long all, long some, int access) {
    long set = (access & 2) != 0 ? flags.written : 0;
    if (!isPage(n, leaf, set) || (all & above.set) != above.set) {
      return 0;
    }
    long denied = denied(some);
    long granted = named(above.cumulative ? all : leaf) & ~denied;
    long need = access | rights.needed;
    return (granted & need) == need ? granted | clean(leaf) & ~denied : 0;
  }

  /** The rights above a table, in the form that a page-walk cache stores: granted or denied. */
  long kept(long all, long some) {
    return above.cumulative ? named(all) & 3 : denied(some);
  }

  /** The result of {@link #granted}, below a table for which {@link #kept} is known. */
  long grantedBelow(int n, long leaf, long kept, int access) {
    long bits = (kept & rights.mask) << rights.shift | ~(rights.mask << rights.shift);
    return granted(n, leaf, above.cumulative ? leaf & bits : leaf, kept << above.shift, access);
  }

  /** A packed answer, or 0 without rights. */
  long answer(int n, long leaf, long granted, long address) {
    return granted == 0
        ? 0
        : page(n, leaf) | inside(n, address) | (long) shift(n) << 52 | granted << 58;
  }

  /** Whether a write leaves no trace in the tables that a read has not left. */
  boolean writesAreSilent() {
    return (flags.written | flags.clean) == 0;
  }
}
