package dev.nestwalk.teach.exercises;

import dev.nestwalk.fixtures.Chance;
import dev.nestwalk.fixtures.TableLevels;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.smmu.ContextEntry;
import dev.nestwalk.fixtures.smmu.SmmuMachine;
import dev.nestwalk.fixtures.smmu.StreamEntry;
import dev.nestwalk.fixtures.smmu.VmsaTables;
import java.lang.foreign.Arena;
import java.util.List;

/** Random SMMUv3 machines. */
final class SmmuScenes {
  /** AF, read and write for both privileges. */
  static final long FIRST_PAGE = 1L << 10 | 1L << 6;

  /** AF, read and write, Normal memory. */
  static final long SECOND_PAGE = 1L << 10 | 3L << 6 | 15L << 2;

  private static final int HOST_PAGES = 112;
  private static final int OUTPUT = 48;

  // IDR5: output addresses of 52 bits; 52-bit descriptors with 4K and 16K granules.
  private static final long OUTPUT_52 = 6;
  private static final long DS = 1L << 7;

  // Bits of a CD and of an STE.
  private static final int CD_ENDI = 15;
  private static final int CD_DS = 186;
  private static final int STE_S2ENDI = 180;

  static TableMemory hostMemory(Chance chance, Arena arena) {
    return hostMemory(chance, arena, HOST_PAGES);
  }

  private static TableMemory hostMemory(Chance chance, Arena arena, int pages) {
    return new TableMemory(arena).run(Scenes.somewhere(chance, 38, 20), pages);
  }

  static int granule(Chance chance) {
    return chance.oneOf(12, 12, 14, 16);
  }

  static Geometry geometry(int stage, VmsaTables tables, boolean upper) {
    return new Geometry(
        Format.SMMUV3,
        stage,
        tables.granule(),
        tables.start(),
        tables.inputBits(),
        tables.root(),
        upper);
  }

  private static void skip(Chance chance, TableMemory memory) {
    memory.allocate(1 + chance.below(3));
  }

  static VmsaTables tables(Chance chance, TableMemory host, int granule, int bits) {
    skip(chance, host);
    return new VmsaTables(host, granule, TableLevels.vmsa(granule).start(bits), bits);
  }

  /** Stage 1 alone, in either range. */
  static Subject first(Chance chance, Arena arena) {
    int granule = granule(chance);
    return first(chance, arena, granule, 25 + chance.below(24), chance.percent(30));
  }

  static Subject first(Chance chance, Arena arena, int granule, int bits, boolean upper) {
    TableMemory host = hostMemory(chance, arena);
    SmmuMachine machine = new SmmuMachine(host);
    VmsaTables tables = tables(chance, host, granule, bits);
    Geometry geometry = geometry(1, tables, upper);
    long address = Scenes.address(chance, geometry);
    int leaf = Scenes.leaf(chance, geometry);
    skip(chance, host);
    tables.map(address, Scenes.somewhere(chance, 44, granule), leaf, FIRST_PAGE);
    skip(chance, host);
    long contexts = host.allocate();
    ContextEntry entry = new ContextEntry(OUTPUT);
    machine.context(contexts, upper ? entry.upper(tables) : entry.lower(tables));
    int stream = 1 + chance.below(63);
    machine.stream(stream, new StreamEntry(5).stage1(contexts, 0, 0, 0));
    return subject(chance, machine, stream, address, List.of(geometry)).with(host);
  }

  private static Subject subject(
      Chance chance, SmmuMachine machine, int stream, long address, List<Geometry> stages) {
    Subject.Request request = new Subject.Request(stream, -1, address, Scenes.readOrWrite(chance));
    return new Subject(Format.SMMUV3, machine.registers(), request, stages);
  }

  /**
   * Stage 1 alone with outputs of 52 bits: with 64K granules as they are, with the others by CD.DS.
   */
  static Subject wide(Chance chance, Arena arena) {
    TableMemory host = hostMemory(chance, arena);
    SmmuMachine machine = new SmmuMachine(host);
    machine.register("IDR5", SmmuMachine.IDR5 & ~7L | OUTPUT_52 | DS);
    int granule = chance.oneOf(12, 14, 16);
    VmsaTables tables = tables(chance, host, granule, 25 + chance.below(24)).wide();
    Geometry geometry = geometry(1, tables, false);
    long address = Scenes.address(chance, geometry);
    int leaf = Scenes.leaf(chance, geometry);
    long output = Scenes.somewhere(chance, 52, granule) | 1L << 48 + chance.below(4);
    tables.map(address, output, leaf, FIRST_PAGE);
    ContextEntry entry = new ContextEntry(52).lower(tables);
    return firstOnly(
        chance, host, machine, granule == 16 ? entry : entry.set(CD_DS), address, geometry);
  }

  /** One stage whose descriptors are big-endian. */
  static Subject bigEndian(Chance chance, Arena arena) {
    TableMemory host = hostMemory(chance, arena);
    SmmuMachine machine = new SmmuMachine(host);
    int granule = granule(chance);
    VmsaTables tables = tables(chance, host, granule, 26 + chance.below(22)).bigEndian();
    boolean first = chance.percent(50);
    Geometry geometry = geometry(first ? 1 : 2, tables, false);
    long address = Scenes.address(chance, geometry);
    int leaf = Scenes.leaf(chance, geometry);
    long output = Scenes.somewhere(chance, 44, granule);
    tables.map(address, output, leaf, first ? FIRST_PAGE : SECOND_PAGE);
    if (first) {
      ContextEntry entry = new ContextEntry(OUTPUT).lower(tables).set(CD_ENDI);
      return firstOnly(chance, host, machine, entry, address, geometry);
    }
    int stream = 1 + chance.below(63);
    machine.stream(stream, new StreamEntry(6).stage2(tables, OUTPUT).set(STE_S2ENDI));
    return subject(chance, machine, stream, address, List.of(geometry)).with(host);
  }

  private static Subject firstOnly(
      Chance chance,
      TableMemory host,
      SmmuMachine machine,
      ContextEntry entry,
      long address,
      Geometry geometry) {
    skip(chance, host);
    long contexts = host.allocate();
    machine.context(contexts, entry);
    int stream = 1 + chance.below(63);
    machine.stream(stream, new StreamEntry(5).stage1(contexts, 0, 0, 0));
    return subject(chance, machine, stream, address, List.of(geometry)).with(host);
  }

  /** Number of concatenated tables with which a second stage may start one level lower, or 0. */
  static int joined(int granule, int start, int bits) {
    if (start == 3 || start + 1 == 3 && granule == 12) {
      return 0;
    }
    TableLevels levels = TableLevels.vmsa(granule);
    int tables = bits - levels.shift(start + 1) - levels.stride();
    return tables >= 1 && tables <= 4 ? 1 << tables : 0;
  }

  private static int secondBits(Chance chance, int granule) {
    // 16K tables cannot start at level 0, so beyond 47 bits they are concatenated.
    return granule == 14 ? 26 + chance.below(22) : 26 + chance.below(23);
  }

  /** Stage 2 alone. */
  static Subject second(Chance chance, Arena arena) {
    int granule = granule(chance);
    return second(chance, arena, granule, secondBits(chance, granule), chance.percent(50));
  }

  static Subject second(Chance chance, Arena arena, int granule, int bits, boolean join) {
    // Sixteen concatenated tables of 64K, aligned to their size, take a MiB after the first.
    int pages = !join || granule == 12 ? HOST_PAGES : granule == 14 ? 192 : 640;
    TableMemory host = hostMemory(chance, arena, pages);
    SmmuMachine machine = new SmmuMachine(host);
    VmsaTables tables = secondTables(chance, host, granule, bits, join);
    Geometry geometry = geometry(2, tables, false);
    long address = Scenes.address(chance, geometry);
    int leaf = Scenes.leaf(chance, geometry);
    tables.map(address, Scenes.somewhere(chance, 44, granule), leaf, SECOND_PAGE);
    int stream = 1 + chance.below(63);
    machine.stream(stream, new StreamEntry(6).stage2(tables, OUTPUT));
    return subject(chance, machine, stream, address, List.of(geometry)).with(host);
  }

  private static VmsaTables secondTables(
      Chance chance, TableMemory host, int granule, int bits, boolean join) {
    skip(chance, host);
    int start = TableLevels.vmsa(granule).start(bits);
    boolean joins = join && joined(granule, start, bits) > 0;
    return new VmsaTables(host, granule, joins ? start + 1 : start, bits);
  }

  /** Both stages, with equal granules or any two. */
  static Subject nested(Chance chance, Arena arena) {
    boolean mixed = chance.percent(50);
    int granule = mixed ? chance.oneOf(12, 14, 16) : 12;
    int below = mixed ? chance.oneOf(12, 14, 16) : 12;
    int bits = 30 + chance.below(19);
    int secondBits = 38 + chance.below(8);
    return nested(chance, arena, new Nesting(granule, bits, below, secondBits, chance.percent(60)));
  }

  /**
   * Geometry of two stages.
   *
   * @param granule log2 of stage 1's granule
   * @param below log2 of stage 2's granule
   * @param block whether stage 2 maps the guest's tables by one block
   */
  private record Nesting(int granule, int bits, int below, int secondBits, boolean block) {
    int blockLog2() {
      return 2 * below - 3;
    }

    /** Log2 of the memory for the guest's tables: room for each to be aligned. */
    int guestLog2() {
      return 4 + Math.max(granule, below);
    }

    /** Number of 4K pages for stage 2's tables, sixteen of which are concatenated and aligned. */
    int hostPages() {
      return below == 12 ? HOST_PAGES : below == 14 ? 256 : 1024;
    }
  }

  private static Subject nested(Chance chance, Arena arena, Nesting shape) {
    boolean block = shape.block;
    TableMemory host = hostMemory(chance, arena, shape.hostPages());
    SmmuMachine machine = new SmmuMachine(host);
    VmsaTables second =
        secondTables(chance, host, shape.below, shape.secondBits, chance.percent(50));
    GuestPages guest =
        new GuestPages(chance, arena, block, shape.below, shape.blockLog2(), shape.guestLog2());
    guest.mapAll((from, to) -> second.map(from, to, block ? 2 : 3, SECOND_PAGE));
    VmsaTables first = tables(chance, guest.memory(), shape.granule, shape.bits);
    Geometry one = geometry(1, first, false);
    Geometry two = geometry(2, second, false);
    long address = Scenes.address(chance, one);
    int leaf = chance.percent(60) ? 3 : 2;
    int below = chance.percent(60) ? 3 : 2;
    long page = Scenes.somewhere(chance, 36, 30);
    first.map(address, page, leaf, FIRST_PAGE);
    long intermediate = page | address & (1L << first.shift(leaf)) - 1;
    second.map(intermediate, Scenes.somewhere(chance, 44, 12), below, SECOND_PAGE);
    long contexts = guest.memory().allocate();
    long[] words = new ContextEntry(OUTPUT).lower(first).words();
    for (int i = 0; i < words.length; i++) {
      guest.memory().put(contexts + 8L * i, words[i]);
    }
    int stream = 1 + chance.below(63);
    StreamEntry entry = new StreamEntry(7).stage1(contexts, 0, 0, 0).stage2(second, OUTPUT);
    machine.stream(stream, entry);
    return subject(chance, machine, stream, address, List.of(one, two)).with(host).with(guest);
  }

  private SmmuScenes() {}
}
