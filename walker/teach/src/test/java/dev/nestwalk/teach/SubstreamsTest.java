package dev.nestwalk.teach;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.explain.Reference;
import dev.nestwalk.explain.References;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.smmu.ContextEntry;
import dev.nestwalk.fixtures.smmu.SmmuMachine;
import dev.nestwalk.fixtures.smmu.StreamEntry;
import dev.nestwalk.fixtures.smmu.VmsaTables;
import dev.nestwalk.memory.GuestMemory;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The substreams of an SMMUv3 that are listed are those that the reference walker serves. */
class SubstreamsTest {
  private static final int STREAM = 5;
  private static final int BITS = 8;
  private static final int MOST = 1 << BITS;
  private static final long ADDRESS = 0x1234_5000L;

  /** F_STREAM_DISABLED, C_BAD_SUBSTREAMID, F_CD_FETCH, C_BAD_CD: no context serves it. */
  private static final Set<Integer> NO_CONTEXT = Set.of(0x06, 0x08, 0x09, 0x0a);

  private final TableMemory memory;

  SubstreamsTest() {
    memory = new TableMemory(Arena.ofAuto()).run(0x8000_0000L, 512);
  }

  @ParameterizedTest(name = "S1Fmt {0}, S1DSS {1}, nested {2}")
  @CsvSource({
    "0, 0, false",
    "0, 1, false",
    "0, 2, false",
    "1, 0, false",
    "1, 2, false",
    "2, 0, false",
    "0, 0, true",
    "0, 1, true",
    "1, 2, true",
    "2, 1, true"
  })
  void areThoseThatAreServed(int format, int dss, boolean nested) {
    SmmuMachine machine = machine(format, dss, nested);
    GuestMemory guest = guest();
    Reference walker = References.smmuv3(guest, machine.registers());
    List<Integer> served = new ArrayList<>();
    for (int substream = -1; substream < MOST; substream++) {
      long answer = walker.translate(STREAM, substream, ADDRESS, Access.READ).translation();
      boolean refused =
          Translation.isFault(answer) && NO_CONTEXT.contains(Translation.code(answer));
      if (!refused) {
        served.add(substream);
      }
    }
    List<Endpoint> listed =
        SmmuEndpoints.list(guest, machine.registers(), STREAM, Budget.ofSeconds(20));
    assertEquals(served, listed.stream().map(Endpoint::pasid).toList());
    for (Endpoint endpoint : listed) {
      boolean bypassed = endpoint.pasid() < 0 && dss == 1;
      assertEquals(nested && !bypassed, endpoint.nested(), endpoint.toString());
      assertEquals(!nested && bypassed, !endpoint.translates(), endpoint.toString());
    }
    assertFalse(listed.isEmpty());
  }

  /** Every fifth context is valid; of a two-level table some leaves are missing. */
  private SmmuMachine machine(int format, int dss, boolean nested) {
    SmmuMachine machine = new SmmuMachine(memory);
    VmsaTables second = new VmsaTables(memory, 12, 0, 44);
    for (int page = 0; nested && page < memory.pages(); page++) {
      long address = memory.page(page);
      second.map(address, address, 3, 1L << 10 | 3L << 6 | 15L << 2);
    }
    VmsaTables first = new VmsaTables(memory, 12, 1, 39);
    first.map(ADDRESS, 0x4000_0000L, 3, 1L << 10 | 1L << 6);
    int leaf = format == 0 ? MOST : format == 1 ? 64 : 1024;
    long table = memory.allocateAligned(Math.max(4096, 64L * MOST));
    for (int base = 0; base < MOST; base += leaf) {
      long contexts = format == 0 ? table : memory.allocateAligned(64L * leaf);
      boolean missing = format == 1 && base == 64;
      if (format != 0 && !missing) {
        memory.put(table + 8L * (base / leaf), contexts | 1);
      }
      for (int i = 0; i < Math.min(leaf, MOST); i += 5) {
        long[] words = new ContextEntry(48).lower(first).words();
        for (int word = 0; word < words.length; word++) {
          memory.put(contexts + 64L * i + 8L * word, words[word]);
        }
      }
    }
    StreamEntry entry = new StreamEntry(nested ? 7 : 5).stage1(table, BITS, format, dss);
    return machine.stream(STREAM, nested ? entry.stage2(second, 48) : entry);
  }

  private GuestMemory guest() {
    TableMemory.Run run = memory.runs().get(0);
    return GuestMemory.of(run.bytes(), run.first());
  }
}
