package dev.nestwalk;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.FaultRecord;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.explain.Trace;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.memory.GuestMemory;
import java.lang.foreign.MemorySegment;

/** Compares the hot walker's answer with the reference walker's, to the last bit. */
final class Comparison {
  private static final long FEW_PAGES = 8 * 4096;
  private static final CacheOptions SMALL = new CacheOptions(16, 4, 4, 4, 0, false);

  /** Guest memory over a table memory's runs. */
  static GuestMemory over(TableMemory tables) {
    GuestMemory.Builder builder = GuestMemory.builder();
    for (TableMemory.Run run : tables.runs()) {
      builder.window(run.first(), run.whole(), run.start(), run.bytes().byteSize());
    }
    return builder.build();
  }

  /** Guest memory over a table memory's only run, whose first pages are a run of their own. */
  static GuestMemory inTwoRuns(TableMemory tables, boolean rom) {
    TableMemory.Run run = tables.runs().get(0);
    GuestMemory.Builder builder = GuestMemory.builder();
    long[] edges = {0, FEW_PAGES, run.bytes().byteSize()};
    for (int i = 0; i < 2; i++) {
      long first = run.first() + edges[i];
      MemorySegment bytes = run.bytes().asSlice(edges[i], edges[i + 1] - edges[i]);
      builder = rom ? builder.rom(first, bytes) : builder.ram(first, bytes);
    }
    return builder.build();
  }

  /** Guest memory over two runs, the second of which may be ROM. */
  static GuestMemory over(TableMemory tables, boolean secondIsRom) {
    TableMemory.Run first = tables.runs().get(0);
    TableMemory.Run second = tables.runs().get(1);
    GuestMemory.Builder builder = GuestMemory.builder().ram(first.first(), first.bytes());
    return secondIsRom
        ? builder.rom(second.first(), second.bytes()).build()
        : builder.ram(second.first(), second.bytes()).build();
  }

  /** Empty if both answers are the same, the whole refusal included. */
  static String difference(long hot, FaultRecord hotFault, Trace reference) {
    if (hot != reference.translation()) {
      return Translation.describe(hot)
          + " but reference "
          + Translation.describe(reference.translation());
    }
    if (!Translation.isFault(hot)) {
      return "";
    }
    return difference(hotFault, reference.fault());
  }

  /**
   * Empty if an endpoint answers as the trace does, first by a walk with its resolved configuration
   * and then by what its caches hold.
   */
  static String throughCaches(
      Iommu unit, int source, int pasid, long iova, int access, Trace expected) {
    Translator translator = unit.newTranslator(SMALL);
    Endpoint endpoint = translator.endpoint(source, pasid);
    String all = "";
    for (String how : new String[] {"walked: ", "cached: "}) {
      long answer = endpoint.translate(iova, access);
      String difference = difference(answer, translator.lastFault(), expected);
      all += difference.isEmpty() ? "" : how + difference;
    }
    return all;
  }

  /** Empty if both refusals are the same, to the last bit. */
  static String difference(FaultRecord got, FaultRecord expected) {
    if (same(got, expected)) {
      return ""; // without words, which take longer than the walks
    }
    String mine = describe(got);
    String other = describe(expected);
    return mine + " but reference " + other;
  }

  private static boolean same(FaultRecord one, FaultRecord other) {
    for (int word = 0; word < 4; word++) {
      if (one.word(word) != other.word(word)) {
        return false;
      }
    }
    return one.sourceId() == other.sourceId()
        && one.pasid() == other.pasid()
        && one.iova() == other.iova()
        && one.access() == other.access()
        && one.intermediate() == other.intermediate()
        && one.isRecorded() == other.isRecorded();
  }

  private static String describe(FaultRecord fault) {
    return "source %x pasid %x iova %x access %x intermediate %x recorded %b words %x %x %x %x"
        .formatted(
            fault.sourceId(),
            fault.pasid(),
            fault.iova(),
            fault.access(),
            fault.intermediate(),
            fault.isRecorded(),
            fault.word(0),
            fault.word(1),
            fault.word(2),
            fault.word(3));
  }

  private Comparison() {}
}
