package dev.nestwalk.live;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What Identify tells of the controller and its namespace (NVM Express Base 1.4, 5.15). */
class NvmePagesTest {
  private static final int PAGE = 4096;
  private static final long BLOCKS = 0x1_2345_6789L;

  private static ByteBuffer identify(int kind, int namespace) {
    byte[] page = NvmePages.identify(kind, namespace, "serial-7", BLOCKS);
    assertEquals(NvmeStatus.DONE, NvmePages.identifies(kind, namespace));
    assertEquals(PAGE, page.length);
    return ByteBuffer.wrap(page).order(ByteOrder.LITTLE_ENDIAN);
  }

  @Test
  void theOnlyNamespaceIsListedAfterZero() {
    byte[] listed = new byte[PAGE];
    listed[0] = 1;
    assertArrayEquals(listed, identify(2, 0).array());
    // NSIDs are unsigned: these are greater than 1.
    for (int from : new int[] {1, 2, Integer.MAX_VALUE, Integer.MIN_VALUE, -3}) {
      assertArrayEquals(new byte[PAGE], identify(2, from).array(), "from " + from);
    }
  }

  @Test
  void theNamespaceHasItsSize() {
    ByteBuffer page = identify(0, 1);
    for (int field : new int[] {0, 8, 16}) {
      assertEquals(BLOCKS, page.getLong(field), "NSZE, NCAP, NUSE");
    }
    assertEquals(Disk.BLOCK, 1 << (page.getInt(128) >>> 16 & 0xff), "LBADS");
  }

  /** FFFFFFFFh among them: it has a meaning with namespace management, which is not offered. */
  @ParameterizedTest
  @ValueSource(ints = {0, 2, Integer.MAX_VALUE, Integer.MIN_VALUE, -2, -1})
  void anotherNamespaceIsRefused(int namespace) {
    assertEquals(NvmeStatus.INVALID_NAMESPACE, NvmePages.identifies(0, namespace));
    assertEquals(NvmeStatus.INVALID_NAMESPACE, NvmePages.identifies(3, namespace));
    assertEquals(NvmeStatus.DONE, NvmePages.identifies(1, namespace), "of no namespace");
  }

  @ParameterizedTest
  @CsvSource({"0, 0", "1, 0", "-3, 0", "-2, 11", "-1, 11"})
  void noListBeginsAfterTheLastNamespace(int from, int status) {
    assertEquals(status, NvmePages.identifies(2, from));
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
    assertEquals(7, page.get(525), "VWC: there is one, and flushes of all namespaces");
    assertEquals(NvmePages.EVENT_REQUESTS - 1, page.get(259), "AERL");
    assertEquals(6, page.get(512) & 0xf, "SQES: entries of 64 bytes");
    assertEquals(4, page.get(513) & 0xf, "CQES: entries of 16 bytes");
  }

  @Test
  void otherKindsAreRefused() {
    for (int kind : new int[] {4, 5, 0x10, 0xff}) {
      assertEquals(NvmeStatus.INVALID_FIELD, NvmePages.identifies(kind, 1));
    }
  }
}
