package dev.nestwalk.acpi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.region.Errno;
import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionException;
import dev.nestwalk.region.RegionKind;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** RESV_MEM properties of a virtio-iommu. */
class VirtioProbeTest {
  private static byte[] properties(long... triples) {
    ByteBuffer bytes = ByteBuffer.allocate(triples.length * 8 + 8).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < triples.length; i += 3) {
      bytes.putShort((short) 1).putShort((short) 20).putInt((int) triples[i]);
      bytes.putLong(triples[i + 1]).putLong(triples[i + 2]);
    }
    return bytes.array();
  }

  @Test
  void propertiesAreSortedAndAnInterruptWindowSparesTheSoftwares() throws RegionException {
    VirtioProbe probe =
        VirtioProbe.parse(properties(0, 0x9000, 0x9fff, 1, 0xfee0_0000L, 0xfeef_ffffL, 0, 0, 0xff));
    assertEquals(
        List.of(
            new Region(0, 0xff, RegionKind.RESERVED),
            new Region(0x9000, 0x9fff, RegionKind.RESERVED),
            Region.X86_MSI),
        probe.regions());
    assertEquals(List.of(Region.ARM_SW_MSI), VirtioProbe.parse(new byte[0]).regions());
  }

  /** Properties of other types may have any length; each begins at a multiple of 8 bytes. */
  @ParameterizedTest
  @ValueSource(ints = {1, 3, 4, 5, 11, 12, 13})
  void aPropertyBeginsAtAMultipleOfEightBytes(int length) throws RegionException {
    byte[] region = properties(0, 0x9000, 0x9fff);
    int next = 4 + length + 7 & -8;
    ByteBuffer bytes = ByteBuffer.allocate(next + region.length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.putShort((short) 7).putShort((short) length).put(next, region);
    assertEquals(
        List.of(new Region(0x9000, 0x9fff, RegionKind.RESERVED), Region.ARM_SW_MSI),
        VirtioProbe.parse(bytes.array()).regions());
  }

  @ParameterizedTest
  @CsvSource({"0, 0, RESERVED", "1, 0, MSI", "2, 1, RESERVED", "255, 1, RESERVED"})
  void aSubtypeThatNobodyKnowsIsReservedAndToldOf(int subtype, int warnings, RegionKind kind)
      throws RegionException {
    VirtioProbe probe = VirtioProbe.parse(properties(subtype, 0x9000, 0x9fff));
    assertEquals(warnings, probe.warnings().size());
    assertTrue(probe.regions().contains(new Region(0x9000, 0x9fff, kind)));
  }

  @Test
  void theSoftwaresWindowStandsInForAMissingOneAlone() throws RegionException {
    Region memory = new Region(0x9000, 0x9fff, RegionKind.RESERVED);
    assertEquals(
        List.of(memory, Region.ARM_SW_MSI),
        VirtioProbe.parse(properties(0, 0x9000, 0x9fff)).regions());
    assertEquals(
        List.of(Region.X86_MSI),
        VirtioProbe.parse(properties(1, 0xfee0_0000L, 0xfeef_ffffL)).regions());
  }

  @ParameterizedTest(name = "{0} to {1}: {2}")
  @CsvSource({
    "0, 0, true",
    "0x1000, 0x1000, true",
    "0x1000, 0xfff, false",
    "1, -2, true",
    "0, -2, true",
    "1, -1, true",
    "0, -1, false",
    "-1, -1, true",
  })
  void aRegionHasASizeThatFits(String first, String last, boolean taken) throws RegionException {
    byte[] reply = properties(0, Long.decode(first), Long.decode(last));
    if (taken) {
      Region region = new Region(Long.decode(first), Long.decode(last), RegionKind.RESERVED);
      assertTrue(VirtioProbe.parse(reply).regions().contains(region));
    } else {
      RegionException refused = assertThrows(RegionException.class, () -> VirtioProbe.parse(reply));
      assertEquals(Errno.EOVERFLOW, refused.errno());
    }
  }

  @Test
  void subtypesBeyondTheStandardsAreReservedWithAWarning() throws RegionException {
    for (int subtype = 0; subtype < 256; subtype++) {
      VirtioProbe probe = VirtioProbe.parse(properties(subtype, 0x9000, 0x9fff));
      RegionKind kind = subtype == 1 ? RegionKind.MSI : RegionKind.RESERVED;
      assertEquals(new Region(0x9000, 0x9fff, kind), probe.regions().get(0));
      assertEquals(
          subtype < 2
              ? List.of()
              : List.of("offset 0: unknown subtype %d, taken as reserved".formatted(subtype)),
          probe.warnings());
    }
  }

  @Test
  void aPropertyMayEndWithTheReply() throws RegionException {
    byte[] reply = Arrays.copyOf(properties(0, 0x9000, 0x9fff), 24);
    assertEquals(2, VirtioProbe.parse(reply).regions().size());
    for (int length = 4; length < 24; length++) {
      byte[] cut = Arrays.copyOf(reply, length);
      assertEquals(
          Errno.EINVAL, assertThrows(RegionException.class, () -> VirtioProbe.parse(cut)).errno());
    }
  }

  @Test
  void noReplyDoesMoreThanBeRefused() {
    byte[] good = properties(0, 0x9000, 0x9fff, 1, 0xfee0_0000L, 0xfeef_ffffL);
    SplittableRandom random = new SplittableRandom(9);
    int read = 0;
    for (int round = 0; round < 100_000; round++) {
      byte[] bad = Arrays.copyOf(good, random.nextInt(good.length + 1));
      for (int i = random.nextInt(4); i > 0 && bad.length > 0; i--) {
        bad[random.nextInt(bad.length)] = (byte) random.nextInt(256);
      }
      try {
        VirtioProbe.parse(bad);
        read++;
      } catch (RegionException refused) {
        assertTrue(String.valueOf(refused.getMessage()).contains("offset "));
      }
    }
    assertTrue(read > 10_000 && read < 100_000, read + " replies were read");
  }
}
