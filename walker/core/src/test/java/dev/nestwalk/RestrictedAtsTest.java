package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.AtsReply;
import dev.nestwalk.dma.Completion;
import dev.nestwalk.dma.Outcome;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionKind;
import dev.nestwalk.region.RegionSet;
import java.lang.foreign.Arena;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Reserved addresses and requests of Address Translation Services: a translation request is judged
 * by the addresses it asks about, a translated request by what its own address is.
 */
final class RestrictedAtsTest {
  private static final int R = Access.READ;
  private static final int QUERY = R | Access.TRANSLATION_REQUEST;
  private static final int TRANSLATED = R | Access.TRANSLATED;

  private final Arena arena = Arena.ofConfined();

  @AfterEach
  void close() {
    arena.close();
  }

  private static RegionSet reserved(long first, long last) {
    return RegionSet.of(List.of(new Region(first, last, RegionKind.RESERVED)));
  }

  /** The SMMU of the lab, its nested stream served by EATS 92 (full) or 93 (split-stage). */
  private Translator smmu(int eats, RegionSet input, RegionSet below) {
    SmmuLab lab = new SmmuLab(arena).register("IDR0", 0, 1L << 10).register("CR0", 0, 1L << 4);
    lab.flipStream(SmmuLab.NESTED, eats);
    Iommu iommu = Iommu.smmuv3(Comparison.over(lab.memory), lab.machine.registers());
    iommu.restrict(SmmuLab.NESTED, -1, input, below);
    return iommu.newTranslator();
  }

  private static long ask(Translator translator, long address, int access) {
    return translator.translate(SmmuLab.NESTED, -1, address, access);
  }

  private static final RegionSet IPA_PAGE = reserved(SmmuLab.IPA, SmmuLab.IPA + 0xfff);
  private static final RegionSet PA_PAGE = reserved(SmmuLab.PAGE, SmmuLab.PAGE + 0xfff);

  @Test
  void translatedRequestIsNotJudgedByTheIntermediateAddressOfAnEarlierOne() {
    Translator translator = smmu(92, RegionSet.EMPTY, IPA_PAGE);
    assertEquals(Outcome.RESERVED.packed(), ask(translator, SmmuLab.ADDRESS, R));
    assertEquals(Outcome.RESERVED.code(), code(ask(translator, SmmuLab.ADDRESS, QUERY)));
    long answer = ask(translator, SmmuLab.PAGE, TRANSLATED);
    assertFalse(Translation.isFault(answer), Translation.describe(answer));
    assertEquals(SmmuLab.PAGE, Translation.address(answer));
    assertEquals(30, Translation.spanLog2(answer), "nothing is reserved among its addresses");
  }

  @Test
  void vtdTranslatedRequestIsNotJudgedByTheIntermediateAddressOfAnEarlierOne() {
    VtdLab lab = new VtdLab(arena);
    lab.nested();
    Iommu iommu = Iommu.vtd(Comparison.over(lab.memory), lab.machine.registers(), VtdLab.HAW);
    RegionSet page = reserved(VtdLab.GUEST_PAGE, VtdLab.GUEST_PAGE + 0xfff);
    iommu.restrict(VtdLab.SOURCE, -1, RegionSet.EMPTY, page);
    Translator translator = iommu.newTranslator();
    assertEquals(
        Outcome.RESERVED.code(), code(translator.translate(VtdLab.SOURCE, -1, VtdLab.IOVA, QUERY)));
    long answer = translator.translate(VtdLab.SOURCE, -1, VtdLab.PAGE, TRANSLATED);
    assertEquals(VtdLab.PAGE, Translation.address(answer), Translation.describe(answer));
    assertFalse(Translation.isFault(answer));
  }

  private static int code(long answer) {
    return Translation.isFault(answer) ? Translation.code(answer) : 0;
  }

  @Test
  void splitStageTranslatedRequestIsJudgedByItsOwnIntermediateAddress() {
    Translator translator = smmu(93, RegionSet.EMPTY, IPA_PAGE);
    assertEquals(Outcome.RESERVED.packed(), ask(translator, SmmuLab.IPA, TRANSLATED));
    assertEquals(SmmuLab.IPA, translator.lastFault().intermediate());
    assertEquals(SmmuLab.PAGE, Translation.address(ask(translator, SmmuLab.ADDRESS, TRANSLATED)));
  }

  @Test
  void reservedBusAddressesAreNoneOfTranslatedRequests() {
    Translator translator = smmu(92, PA_PAGE, RegionSet.EMPTY);
    assertEquals(SmmuLab.PAGE, Translation.address(ask(translator, SmmuLab.PAGE, TRANSLATED)));
    assertEquals(Outcome.RESERVED.packed(), ask(translator, SmmuLab.PAGE, R));
  }

  @ParameterizedTest
  @ValueSource(ints = {92, 93})
  void translationRequestForAReservedAddressCompletesWithoutRights(int eats) {
    RegionSet page = reserved(SmmuLab.ADDRESS, SmmuLab.ADDRESS + 0xfff);
    for (Translator translator :
        List.of(smmu(eats, page, RegionSet.EMPTY), smmu(eats, RegionSet.EMPTY, IPA_PAGE))) {
      long answer = ask(translator, SmmuLab.ADDRESS, QUERY);
      assertEquals(Outcome.RESERVED.code(), code(answer));
      assertEquals(Completion.SUCCESS, AtsReply.status(answer));
      assertEquals(0, AtsReply.rights(answer));
      assertFalse(translator.lastFault().isRecorded());
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {SmmuLab.ADDRESS - 0x1000, SmmuLab.ADDRESS + 0x1000})
  void replyCoversAPageBesideAReservedOne(long region) {
    Translator translator = smmu(92, reserved(region, region + 0xfff), RegionSet.EMPTY);
    long answer = ask(translator, SmmuLab.ADDRESS, QUERY);
    assertFalse(Translation.isFault(answer), Translation.describe(answer));
    assertEquals(SmmuLab.PAGE, AtsReply.address(answer));
    assertEquals(AtsReply.SMALLEST, AtsReply.sizeLog2(answer));
  }

  @Test
  void replyCoversNoReservedAddressNotEvenWithinThePage() {
    RegionSet half = reserved(SmmuLab.ADDRESS + 0x800, SmmuLab.ADDRESS + 0xfff);
    Translator translator = smmu(92, half, RegionSet.EMPTY);
    assertEquals(SmmuLab.PAGE, Translation.address(ask(translator, SmmuLab.ADDRESS, R)));
    assertEquals(Outcome.NO_RIGHTS.packed(), ask(translator, SmmuLab.ADDRESS, QUERY));
  }
}
