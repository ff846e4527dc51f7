package dev.nestwalk.acpi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionException;
import dev.nestwalk.region.RegionKind;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

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

  @Test
  void noReplyDoesMoreThanBeRefused() {
    byte[] good = properties(0, 0x9000, 0x9fff, 1, 0xfee0_0000L, 0xfeef_ffffL);
    SplittableRandom random = new SplittableRandom(9);
    int read = 0;
    for (int round = 0; round < 100_000; round++) {
      byte[] bad = java.util.Arrays.copyOf(good, random.nextInt(good.length + 1));
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
