package dev.nestwalk.smmu;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Attributes of each stage, and what both make together (IHI 0070, 13.1). */
final class MemoryAttributesTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "0x00 | 0 | Device nGnRNE",
        "0x04 | 3 | Device nGnRE",
        "0x08 | 0 | Device nGRE",
        "0x0c | 0 | Device GRE",
        "0x44 | 3 | Normal, inner non-cacheable, outer non-cacheable, outer shareable",
        "0xff | 3 | Normal, inner write-back, outer write-back, inner shareable",
        "0xbb | 0 | Normal, inner write-through, outer write-through, non shareable",
        "0x4f | 2 | Normal, inner write-back, outer non-cacheable, outer shareable",
      })
  void stage1(String mair, int sh, String expected) {
    assertEquals(expected, MemoryAttributes.ofStage1(Integer.decode(mair), sh).describe());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "0xff | 15 | 3 | Normal, inner write-back, outer write-back, inner shareable",
        "0xff | 5  | 3 | Normal, inner non-cacheable, outer non-cacheable, outer shareable",
        "0xff | 10 | 0 | Normal, inner write-through, outer write-through, inner shareable",
        "0xff | 1  | 3 | Device nGnRE",
        "0x04 | 15 | 3 | Device nGnRE",
        "0x0c | 2  | 3 | Device nGRE",
      })
  void bothStages(String mair, int memAttr, int sh, String expected) {
    MemoryAttributes first = MemoryAttributes.ofStage1(Integer.decode(mair), 3);
    MemoryAttributes second = MemoryAttributes.ofStage2(memAttr, sh);
    assertEquals(expected, first.combine(second).describe());
    assertEquals(expected, second.combine(first).describe());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "0x04 | 6 | Normal, inner write-back, outer write-back, outer shareable",
        "0x04 | 7 | Device nGnRE",
        "0x04 | 5 | Device nGnRE",
        "0xff | 5 | Normal, inner non-cacheable, outer non-cacheable, outer shareable",
        "0xff | 7 | Normal, inner write-back, outer write-back, inner shareable",
        "0xff | 1 | Device nGnRE",
      })
  void forcedWriteBack(String mair, int memAttr, String expected) {
    MemoryAttributes first = MemoryAttributes.ofStage1(Integer.decode(mair), 3);
    assertEquals(expected, first.forcedBy(memAttr, 3).describe());
  }
}
