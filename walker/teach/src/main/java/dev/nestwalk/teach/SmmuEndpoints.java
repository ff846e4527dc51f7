package dev.nestwalk.teach;

import dev.nestwalk.format.Field;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.smmu.ContextDescriptor;
import dev.nestwalk.smmu.L1StreamDescriptor;
import dev.nestwalk.smmu.StreamTableBase;
import dev.nestwalk.smmu.StreamTableConfig;
import dev.nestwalk.smmu.StreamTableEntry;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Lists the streams of an SMMUv3's tables that are valid and do not just abort (IHI 0070, 5.1 to
 * 5.4), each without SubstreamID. It only finds them; whether they are legal is the walker's to
 * say.
 */
final class SmmuEndpoints {
  private static final int[] GRANULES = {12, 16, 14, 12};

  private final GuestMemory memory;
  private final Budget budget;
  private final List<Endpoint> found = new ArrayList<>();
  private boolean stopped;

  private SmmuEndpoints(GuestMemory memory, Budget budget) {
    this.memory = memory;
    this.budget = budget;
  }

  /** All endpoints, or that of one StreamID; {@code onlyStream} -1 for all. */
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

  /** A word of memory; 0 where there is none, or once the budget is used up. */
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

  private void stream(int stream, long at) {
    long[] entry = {word(at), word(at + 8), word(at + 16), word(at + 24)};
    int config = (int) get(StreamTableEntry.CONFIG, entry);
    if (get(StreamTableEntry.V, entry) == 0 || config < 4) {
      return;
    }
    boolean first = (config & 1) != 0;
    boolean second = (config & 2) != 0;
    int granule = GRANULES[(int) get(StreamTableEntry.S2TG, entry)];
    int secondBits = 64 - (int) get(StreamTableEntry.S2T0SZ, entry);
    long[] context = first ? context(entry, second) : new long[3];
    int firstGranule = GRANULES[(int) get(ContextDescriptor.TG0, context)];
    List<Endpoint.Span> spans = new ArrayList<>();
    if (first) {
      if (get(ContextDescriptor.EPD0, context) == 0) {
        spans.add(Endpoint.Span.ofBits(64 - (int) get(ContextDescriptor.T0SZ, context)));
      }
      if (get(ContextDescriptor.EPD1, context) == 0) {
        spans.add(Endpoint.Span.upper(64 - (int) get(ContextDescriptor.T1SZ, context)));
      }
    } else if (second) {
      spans.add(Endpoint.Span.ofBits(Math.min(52, secondBits)));
    }
    String type =
        switch (config) {
          case 4 -> "pass-through";
          case 5 -> "stage 1, %dK granule".formatted(1 << firstGranule - 10);
          case 6 -> "stage 2, %dK granule".formatted(1 << granule - 10);
          default ->
              "nested, stage 1 %dK over stage 2 %dK"
                  .formatted(1 << firstGranule - 10, 1 << granule - 10);
        };
    long domain =
        second ? get(StreamTableEntry.S2VMID, entry) : get(ContextDescriptor.ASID, context);
    long table =
        first
            ? get(ContextDescriptor.TTB0, context) << 4
            : second ? get(StreamTableEntry.S2TTB, entry) << 4 : 0;
    if (stopped || !budget.endpoint()) {
      stopped = true;
      return;
    }
    found.add(
        new Endpoint(
            stream,
            -1,
            (int) domain,
            type,
            first && second,
            List.copyOf(spans),
            table,
            List.of(entry[0], entry[1], entry[2], entry[3]),
            new Endpoint.Shape(firstGranule, second ? granule : firstGranule)));
  }

  /** The first CD's words; those of a nested stream are looked for at the intermediate address. */
  private long[] context(long[] entry, boolean nested) {
    long at = entry[0] & StreamTableEntry.S1CONTEXTPTR.mask();
    if (nested) {
      at = throughStage2(entry, at);
    }
    return new long[] {word(at), word(at + 8), word(at + 16)};
  }

  /** A plain walk of a stage 2 without concatenation, enough to find a CD for display. */
  private long throughStage2(long[] entry, long ipa) {
    int granule = GRANULES[(int) get(StreamTableEntry.S2TG, entry)];
    int bits = 64 - (int) get(StreamTableEntry.S2T0SZ, entry);
    int sl0 = (int) get(StreamTableEntry.S2SL0, entry);
    long table = get(StreamTableEntry.S2TTB, entry) << 4;
    long mask = (1L << bits) - 1;
    for (int level = granule == 12 ? 2 - sl0 : 3 - sl0; level <= 3; level++) {
      int shift = granule + (granule - 3) * (3 - level);
      long descriptor = word(table + ((ipa & mask) >>> shift) * 8);
      long page = (descriptor & 0x0000_ffff_ffff_ffffL) >>> shift << shift;
      if (level == 3 || (descriptor & 3) == 1) {
        return page | ipa & (1L << shift) - 1;
      }
      table = (descriptor & 0x0000_ffff_ffff_ffffL) >>> granule << granule;
      mask = (1L << shift) - 1;
    }
    return 0;
  }
}
