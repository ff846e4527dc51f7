package dev.nestwalk;

import static dev.nestwalk.VtdLab.PASID;
import static dev.nestwalk.VtdLab.SOURCE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.vtd.PasidEntry;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import dev.nestwalk.iotlb.AddressSpaces;
import dev.nestwalk.iotlb.CachedPlan;
import dev.nestwalk.iotlb.InvalidationLog;
import dev.nestwalk.iotlb.StructureCaches;
import dev.nestwalk.iotlb.TagCounter;
import dev.nestwalk.iotlb.TranslationCache;
import dev.nestwalk.smmu.SmmuConfig;
import dev.nestwalk.smmu.SmmuPlan;
import dev.nestwalk.smmu.SmmuWalker;
import dev.nestwalk.vtd.VtdConfig;
import dev.nestwalk.vtd.VtdPlan;
import dev.nestwalk.vtd.VtdWalker;
import dev.nestwalk.walk.Stage;
import dev.nestwalk.walk.Tables;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Which configurations share what caches hold. Those that translate alike and that every
 * invalidation names together do; a bit that changes an answer, or who drops it, keeps them apart.
 */
final class SharedSpacesTest {
  private static final int OTHER = 4;

  private final Arena arena = Arena.ofConfined();
  private final AddressSpaces spaces = spaces();

  @AfterEach
  void close() {
    arena.close();
  }

  private static AddressSpaces spaces() {
    CacheOptions options = CacheOptions.NONE.withStructures(4, 4, 4);
    return new AddressSpaces(
        new InvalidationLog(),
        new TranslationCache(2, 1),
        new StructureCaches(options),
        new TagCounter(),
        List.of());
  }

  /** What two configurations share: the whole translation, the second stage alone, or nothing. */
  private String shared(CachedPlan one, CachedPlan other) {
    boolean all = spaces.of(one, 0) == spaces.of(other, 0);
    boolean second =
        one.usesSecond() && other.usesSecond() && spaces.secondOf(one) == spaces.secondOf(other);
    return all ? second || !one.usesSecond() ? "all" : "only the whole" : second ? "second" : "";
  }

  private static VtdPlan vtd(VtdLab lab, int pasid) {
    return vtd(lab.memory, lab.machine.registers(), pasid);
  }

  private static VtdPlan vtd(TableMemory memory, Map<String, Long> registers, int pasid) {
    VtdPlan plan = new VtdPlan();
    VtdConfig config = VtdConfig.of(registers, VtdLab.HAW);
    VtdWalker walker = new VtdWalker(config, Comparison.over(memory));
    assertTrue(walker.resolve(plan, SOURCE, pasid));
    return plan;
  }

  /** Asks a PASID again after a bit of its entry was flipped, or another with an equal entry. */
  @ParameterizedTest(name = "{0}, {1}")
  @CsvSource({
    "NESTED, another PASID,           ,    second",
    "NESTED, FPD,                     1,   second",
    "NESTED, SSEE,                    5,   ''",
    "NESTED, SSADE,                   9,   ''",
    "NESTED, AW: five levels,         2,   ''",
    "NESTED, SSPTPTR,                 13,  ''",
    "NESTED, DID,                     64,  ''",
    "NESTED, PWSNP,                   87,  ''",
    "NESTED, NXE,                     133, second",
    "NESTED, FSPM: five levels,       130, second",
    "NESTED, FSPTPTR,                 141, second",
    "FIRST,  another PASID,           ,    ''",
    "SECOND, another PASID,           ,    all",
    "SECOND, SSEE,                    5,   ''",
    "SECOND, SSADE,                   9,   ''",
    "SECOND, DID,                     64,  ''",
    "SECOND, FPD,                     1,   second",
  })
  void vtdEntries(FlagUpdatesTest.Stages stages, String what, Integer bit, String expected) {
    VtdLab lab = new VtdLab(arena);
    switch (stages) {
      case FIRST -> lab.first();
      case SECOND -> lab.second();
      case NESTED -> lab.nested();
    }
    VtdPlan before = vtd(lab, PASID);
    long from = lab.machine.pasidAddress(SOURCE, PASID);
    if (bit != null) {
      lab.flip(from, bit);
      assertEquals(expected, shared(before, vtd(lab, PASID)), what);
      return;
    }
    long to = lab.machine.pasidAddress(SOURCE, OTHER);
    for (int word = 0; word < 8; word++) {
      lab.memory.put(to + 8L * word, lab.memory.get(from + 8L * word));
    }
    assertEquals(expected, shared(before, vtd(lab, OTHER)), what);
  }

  @Test
  void vtdRequestsWithoutPasidHaveRulesOfTheirOwn() {
    VtdLab lab = new VtdLab(arena);
    lab.second();
    assertEquals("second", shared(vtd(lab, -1), vtd(lab, PASID)));
    assertEquals("all", shared(vtd(lab, -1), vtd(lab, -1)));
  }

  @Test
  void vtdPrivilegedRequestsHaveRightsOfTheirOwn() {
    VtdLab lab = new VtdLab(arena);
    lab.nested();
    lab.flip(lab.machine.pasidAddress(SOURCE, PASID), 128);
    VtdPlan user = vtd(lab, -1);
    lab.flip(lab.machine.contextAddress(SOURCE), 64 + 20);
    assertEquals("second", shared(user, vtd(lab, -1)), "RID_PRIV");
  }

  @Test
  void vtdModesHaveFaultsOfTheirOwn() {
    VtdLab lab = new VtdLab(arena);
    long root = lab.second().root();
    // Without PWSNP no flag can be set in either mode.
    lab.flip(lab.machine.pasidAddress(SOURCE, PASID), 87);
    VtdPlan scalable = vtd(lab, -1);
    VtdMachine legacy = new VtdMachine(lab.memory).context(SOURCE, 0, 2, 5, root);
    assertEquals("", shared(scalable, vtd(lab.memory, legacy.registers(), -1)));
  }

  @Test
  void vtdRequestsOfAUnitThatIsOffShareOneSpace() {
    VtdLab lab = new VtdLab(arena);
    lab.second();
    VtdPlan on = vtd(lab, PASID);
    lab.machine.register("GSTS", 0);
    assertEquals("all", shared(vtd(lab, -1), vtd(lab, PASID)));
    assertEquals("", shared(on, vtd(lab, PASID)));
  }

  private static SmmuPlan smmu(SmmuLab lab, int stream, int substream) {
    SmmuPlan plan = new SmmuPlan();
    SmmuConfig config = SmmuConfig.of(lab.machine.registers());
    SmmuWalker walker = new SmmuWalker(config, Comparison.over(lab.memory));
    assertTrue(walker.resolve(plan, stream, substream));
    return plan;
  }

  /** Asks a stream again after these bits of its STE or of its CD were flipped. */
  @ParameterizedTest(name = "{0}, {1}")
  @CsvSource({
    "3, nothing,      ,    ,   all",
    "3, ASID,         ,    48, second",
    "3, E0PD0,        ,    119, second",
    "3, HA,           ,    43, second",
    "3, TTB0,         ,    77, second",
    "3, VMID,         128, ,   ''",
    "3, S2FWB,        89,  ,   ''",
    "3, S2PTW,        182, ,   ''",
    "3, S2HA,         184, ,   ''",
    "3, S2AFFD,       181, ,   ''",
    "2, S2TTB,        205, ,   ''",
    "2, VMID,         128, ,   ''",
    "2, S2HA,         184, ,   ''",
    "1, ASID,         ,    48, ''",
    "1, PRIVCFG,      113, ,   ''",
    "1, WXN,          ,    107, ''",
    "1, STRW: EL2,    95,  ,   ''",
  })
  void smmuEntries(int stream, String what, Integer ste, Integer cd, String expected) {
    SmmuLab lab = new SmmuLab(arena);
    SmmuPlan before = smmu(lab, stream, -1);
    if (ste != null) {
      lab.flipStream(stream, ste);
    }
    if (cd != null) {
      long at = (stream == SmmuLab.FIRST ? lab.contexts : lab.guestContexts) + cd / 64 * 8L;
      lab.memory.put(at, lab.memory.get(at) ^ 1L << cd % 64);
    }
    assertEquals(expected, shared(before, smmu(lab, stream, -1)), what);
  }

  /** The fast walk has nothing to do without tables. */
  @Test
  void tablesAreThoseOfTheStagesThatAreOn() {
    VtdLab lab = new VtdLab(arena);
    lab.first();
    assertNotEquals(Stage.NONE, vtd(lab, -1).tables().first());
    lab.second();
    assertNotEquals(Stage.NONE, vtd(lab, -1).tables().second());
    lab.scalable().pasid(PasidEntry.passThrough(3));
    assertSame(Tables.NONE, vtd(lab, -1).tables());
    lab.machine.register("GSTS", 0);
    assertSame(Tables.NONE, vtd(lab, -1).tables());
    SmmuLab smmu = new SmmuLab(arena);
    assertSame(Tables.NONE, smmu(smmu, SmmuLab.BYPASS, -1).tables());
    assertNotSame(Tables.NONE, smmu(smmu, SmmuLab.FIRST, -1).tables());
    assertNotSame(Tables.NONE, smmu(smmu, SmmuLab.SECOND, -1).tables());
    smmu.register("CR0", 1, 0);
    assertSame(Tables.NONE, smmu(smmu, SmmuLab.SECOND, -1).tables());
  }
}
