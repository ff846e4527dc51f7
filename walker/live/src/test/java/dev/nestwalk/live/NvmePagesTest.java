package dev.nestwalk.live;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What Identify tells of the controller and its namespace (NVM Express Base 2.0, 5.17). */
class NvmePagesTest {
  private static final int PAGE = 4096;
  private static final long BLOCKS = 0x1_2345_6789L;

  private static ByteBuffer identify(int kind, int namespace) {
    byte[] page = NvmePages.identify(kind, namespace, "serial-7", BLOCKS);
    assertEquals(PAGE, Objects.requireNonNull(page).length);
    return ByteBuffer.wrap(page).order(ByteOrder.LITTLE_ENDIAN);
  }

  @Test
  void theOnlyNamespaceIsListedAfterZero() {
    byte[] listed = new byte[PAGE];
    listed[0] = 1;
    assertArrayEquals(listed, identify(2, 0).array());
    // NSIDs are unsigned: these are greater than 1.
    for (int from : new int[] {1, 2, Integer.MAX_VALUE, Integer.MIN_VALUE, -2}) {
      assertArrayEquals(new byte[PAGE], identify(2, from).array(), "from " + from);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, -1})
  void theNamespaceAndTheBroadcastOneHaveItsSize(int namespace) {
    ByteBuffer page = identify(0, namespace);
    for (int field : new int[] {0, 8, 16}) {
      assertEquals(BLOCKS, page.getLong(field), "NSZE, NCAP, NUSE");
    }
    assertEquals(Disk.BLOCK, 1 << (page.getInt(128) >>> 16 & 0xff), "LBADS");
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 2, -2})
  void otherNamespacesAreZeros(int namespace) {
    assertArrayEquals(new byte[PAGE], identify(0, namespace).array());
    assertArrayEquals(new byte[PAGE], identify(3, namespace).array());
  }

  @Test
  void theNamespaceHasAUuidOfTheKindThatIsMadeByItsVendor() {
    ByteBuffer page = identify(3, 1);
    assertEquals(3, page.get(0), "NIDT: UUID");
    assertEquals(16, page.get(1), "NIDL");
    assertEquals(8, page.get(4 + 6) >>> 4 & 0xf, "version, RFC 9562, 5.8");
    assertEquals(2, page.get(4 + 8) >>> 6 & 3, "variant");
  }

  @Test
  void theControllerTakesWhatATransferMoves() {
    ByteBuffer page = identify(1, 0);
    assertEquals(NvmeTransfer.MOST, PAGE << page.get(77), "MDTS");
    assertEquals(1, page.getInt(516), "NN");
    assertEquals(NvmePages.EVENT_REQUESTS - 1, page.get(259), "AERL");
    assertEquals(6, page.get(512) & 0xf, "SQES: entries of 64 bytes");
    assertEquals(4, page.get(513) & 0xf, "CQES: entries of 16 bytes");
  }

  @Test
  void otherKindsAreRefused() {
    for (int kind : new int[] {4, 5, 0x10, 0xff}) {
      assertNull(NvmePages.identify(kind, 1, "serial-7", BLOCKS));
    }
  }
}
