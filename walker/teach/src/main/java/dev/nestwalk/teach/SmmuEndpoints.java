package dev.nestwalk.teach;

import dev.nestwalk.format.Field;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.smmu.ContextDescriptor;
import dev.nestwalk.smmu.L1ContextDescriptor;
import dev.nestwalk.smmu.L1StreamDescriptor;
import dev.nestwalk.smmu.StreamTableBase;
import dev.nestwalk.smmu.StreamTableConfig;
import dev.nestwalk.smmu.StreamTableEntry;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Lists the streams in an SMMUv3's tables that are valid and do not simply abort, and their
 * substreams (IHI 0070, 5.1 to 5.4). It only finds them; the walker decides whether they are legal.
 */
final class SmmuEndpoints {
  private static final int[] GRANULES = {12, 16, 14, 12};
  private static final int MOST_SUBSTREAM_BITS = 20;

  // S1DSS: the treatment of requests without SubstreamID.
  private static final int BYPASS_STAGE_1 = 1;
  private static final int USE_CD_0 = 2;

  private final GuestMemory memory;
  private final Budget budget;
  private final List<Endpoint> found = new ArrayList<>();
  private boolean stopped;

  private SmmuEndpoints(GuestMemory memory, Budget budget) {
    this.memory = memory;
    this.budget = budget;
  }

  /**
   * Lists all endpoints, or those of one StreamID.
   *
   * @param onlyStream StreamID, or -1 for all
   */
  static List<Endpoint> list(
      GuestMemory memory, Map<String, Long> registers, int onlyStream, Budget budget) {
    SmmuEndpoints endpoints = new SmmuEndpoints(memory, budget);
    long config = registers.getOrDefault("STRTAB_BASE_CFG", 0L);
    long base = registers.getOrDefault("STRTAB_BASE", 0L) & StreamTableBase.ADDR.mask();
    int bits = (int) Math.min(24, StreamTableConfig.LOG2SIZE.get(config));
    int asked = (int) StreamTableConfig.SPLIT.get(config);
    int split = asked == 8 || asked == 10 ? asked : 6;
    boolean twoLevel = StreamTableConfig.FMT.get(config) == 1;
    if (onlyStream >= 1 << bits) {
      return endpoints.found;
    }
    int first = Math.max(0, onlyStream);
    int last = onlyStream < 0 ? (1 << bits) - 1 : onlyStream;
    for (int stream = first; stream <= last && !endpoints.stopped; stream++) {
      if (twoLevel && (stream == first || (stream & (1 << split) - 1) == 0)) {
        long descriptor = endpoints.word(base + (stream >>> split) * 8L);
        if (L1StreamDescriptor.SPAN.get(descriptor) == 0) {
          stream |= (1 << split) - 1;
          continue;
        }
      }
      endpoints.stream(
          stream, twoLevel ? endpoints.leaf(base, stream, split) : base + stream * 64L);
    }
    return endpoints.found;
  }

  /** A word of memory; 0 outside memory, or once the budget is used up. */
  private long word(long address) {
    stopped |= !budget.read();
    if (stopped) {
      return 0;
    }
    int run = memory.find(address);
    return run < 0 ? 0 : memory.load(run, address);
  }

  private long leaf(long base, int stream, int split) {
    long descriptor = word(base + (stream >>> split) * 8L);
    return (descriptor & L1StreamDescriptor.L2PTR.mask()) + (stream & (1 << split) - 1) * 64L;
  }

  private static long get(Field field, long[] entry) {
    return field.get(entry[field.word()]);
  }

  /** A valid STE that does not abort. */
  private static final class Stream {
    final int id;
    final long[] entry;

    Stream(int id, long[] entry) {
      this.id = id;
      this.entry = entry;
    }

    boolean usesStage1() {
      return (get(StreamTableEntry.CONFIG, entry) & 1) != 0;
    }

    boolean usesStage2() {
      return (get(StreamTableEntry.CONFIG, entry) & 2) != 0;
    }

    int granule2() {
      return GRANULES[(int) get(StreamTableEntry.S2TG, entry)];
    }

    /** Log2 of the number of CDs; 0 for a stream without substreams. */
    int substreamBits() {
      int bits = usesStage1() ? (int) get(StreamTableEntry.S1CDMAX, entry) : 0;
      return Math.min(bits, MOST_SUBSTREAM_BITS);
    }

    /** Log2 of the number of CDs in a leaf of a two-level table; 0 for a linear one. */
    int leafBits() {
      int format = (int) get(StreamTableEntry.S1FMT, entry);
      return substreamBits() == 0 ? 0 : format == 1 ? 6 : format == 2 ? 10 : 0;
    }

    /** Address of the CDs or their level 1 descriptors, aligned to the size of that table. */
    long contexts() {
      int leaf = leafBits();
      int log2 = leaf == 0 ? substreamBits() + 6 : Math.max(6, substreamBits() - leaf + 3);
      return entry[0] & StreamTableEntry.S1CONTEXTPTR.mask() & -1L << log2;
    }
  }

  private void stream(int id, long at) {
    long[] entry = {word(at), word(at + 8), word(at + 16), word(at + 24)};
    if (get(StreamTableEntry.V, entry) == 0 || get(StreamTableEntry.CONFIG, entry) < 4) {
      return;
    }
    Stream stream = new Stream(id, entry);
    if (stream.substreamBits() == 0) {
      add(stream, -1, stream.usesStage1() ? context(stream, stream.contexts()) : null);
      return;
    }
    int without = (int) get(StreamTableEntry.S1DSS, entry);
    if (without == BYPASS_STAGE_1) {
      add(stream, -1, null);
    } else if (without == USE_CD_0) {
      add(stream, -1, context(stream, contextAddress(stream, 0)));
    }
    // In that case CD 0 is only for requests without a SubstreamID (5.2, S1DSS).
    substreams(stream, without == USE_CD_0 ? 1 : 0);
  }

  private void substreams(Stream stream, int first) {
    for (int id = first; id < 1 << stream.substreamBits() && !stopped; id++) {
      long address = contextAddress(stream, id);
      if (address == 0) {
        id |= (1 << stream.leafBits()) - 1;
        continue;
      }
      long[] context = context(stream, address);
      if (get(ContextDescriptor.V, context) == 1) {
        add(stream, id, context);
      }
    }
  }

  /**
   * Adds a stream or one of its substreams.
   *
   * @param descriptor the words of its CD, null if stage 1 does not translate
   */
  private void add(Stream stream, int substream, long @Nullable [] descriptor) {
    if (stopped || !budget.endpoint()) {
      stopped = true;
      return;
    }
    boolean first = descriptor != null;
    boolean second = stream.usesStage2();
    long[] entry = stream.entry;
    long[] context = descriptor == null ? new long[3] : descriptor;
    int granule2 = stream.granule2();
    int granule1 = GRANULES[(int) get(ContextDescriptor.TG0, context)];
    int kib1 = 1 << granule1 - 10;
    int kib2 = 1 << granule2 - 10;
    String type;
    if (first) {
      type =
          second
              ? "nested, stage 1 %dK over stage 2 %dK".formatted(kib1, kib2)
              : "stage 1, %dK granule".formatted(kib1);
    } else {
      type = second ? "stage 2, %dK granule".formatted(kib2) : "pass-through";
    }
    long domain =
        second ? get(StreamTableEntry.S2VMID, entry) : get(ContextDescriptor.ASID, context);
    long table =
        first
            ? get(ContextDescriptor.TTB0, context) << 4
            : second ? get(StreamTableEntry.S2TTB, entry) << 4 : 0;
    found.add(
        new Endpoint(
            stream.id,
            substream,
            (int) domain,
            type,
            first && second,
            first || second,
            table,
            List.of(entry[0], entry[1], entry[2], entry[3], context[0], context[1], context[2])));
  }

  /** Address of a substream's CD, in the address space of CDs; 0 if no leaf holds it. */
  private long contextAddress(Stream stream, int id) {
    int leaf = stream.leafBits();
    if (leaf == 0) {
      return stream.contexts() + id * 64L;
    }
    long descriptor = word(physical(stream, stream.contexts() + (id >>> leaf) * 8L));
    long table = descriptor & L1ContextDescriptor.L2PTR.mask() & -1L << leaf + 6;
    return L1ContextDescriptor.V.in(descriptor) ? table + (id & (1 << leaf) - 1) * 64L : 0;
  }

  /** The words of a CD that determine its ranges. */
  private long[] context(Stream stream, long address) {
    long at = physical(stream, address);
    return new long[] {word(at), word(at + 8), word(at + 16)};
  }

  /**
   * The physical address; CDs and their tables have intermediate addresses if stage 2 translates
   * too.
   */
  private long physical(Stream stream, long address) {
    return stream.usesStage2() ? throughStage2(stream, address) : address;
  }

  /** A simple walk of stage 2, enough to find a CD for display; 0 if it leads nowhere. */
  private long throughStage2(Stream stream, long ipa) {
    long[] entry = stream.entry;
    int granule = stream.granule2();
    boolean wide = get(StreamTableEntry.S2DS, entry) == 1;
    boolean wide64 = granule == 16 && get(StreamTableEntry.S2PS, entry) == 6;
    int sl0 = (int) get(StreamTableEntry.S2SL0, entry);
    int start = granule != 12 ? 3 - sl0 : sl0 == 3 ? 3 : 2 - sl0;
    if (granule == 12 && wide && get(StreamTableEntry.S2SL0_2, entry) == 1) {
      start = -1;
    }
    long table = get(StreamTableEntry.S2TTB, entry) << 4;
    int bits = 64 - (int) get(StreamTableEntry.S2T0SZ, entry);
    long mask = (1L << bits) - 1;
    for (int level = start; level <= 3; level++) {
      int shift = granule + (granule - 3) * (3 - level);
      long descriptor = word(table + ((ipa & mask) >>> shift) * 8);
      if (get(StreamTableEntry.S2ENDI, entry) == 1) {
        descriptor = Long.reverseBytes(descriptor);
      }
      long address = descriptor & (wide ? 0x0003_ffff_ffff_f000L : 0x0000_ffff_ffff_f000L);
      address |= wide ? (descriptor >>> 8 & 3) << 50 : 0;
      boolean leaf = (descriptor & 3) == (level == 3 ? 3 : 1);
      if ((descriptor & 1) == 0 || level == 3 && !leaf) {
        return 0;
      }
      address = address >>> (leaf ? shift : granule) << (leaf ? shift : granule);
      address |= wide64 ? (descriptor >>> 12 & 15) << 48 : 0;
      if (leaf) {
        return address | ipa & (1L << shift) - 1;
      }
      table = address;
      mask = (1L << shift) - 1;
    }
    return 0;
  }
}
