package dev.nestwalk.iotlb;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.cache.InvalidationListener;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What is published is read as it was, until as many more have been published as are kept. */
final class InvalidationLogTest {
  private final InvalidationLog log = new InvalidationLog();

  private String read(long number) {
    InvalidationLog.Entry entry = new InvalidationLog.Entry();
    assertTrue(log.read(number, entry));
    return "%s %d %d %x..%x %b; %x %x %d %b"
        .formatted(
            entry.kind,
            entry.domain,
            entry.process,
            entry.first,
            entry.last,
            entry.leafOnly,
            entry.source,
            entry.ignored,
            entry.pasid,
            entry.keepsCaches);
  }

  private void publishEach() {
    log.secondRange(7, 0x1000, 0x1fff, true);
    log.firstRange(7, 9, 0x2000, 0x2fff, true);
    log.firstRange(7, -1, 0, -1, false);
    log.configurationsOf(-16, 7);
    log.configuration(0x18, 3);
    log.configurationsIn(7, 3);
    log.configurations();
    log.registers(true);
    log.registers(false);
    log.everything();
    log.domain(7);
    log.firstStage(7);
    log.process(7, 9);
  }

  @Test
  void eachKindIsReadWithItsOwnFieldsAndNoneOfAnEarlierOne() {
    List<String> expected =
        List.of(
            "SECOND_RANGE 7 -1 1000..1fff true; ffffffffffffffff 0 -1 false",
            "FIRST_RANGE 7 9 2000..2fff true; ffffffffffffffff 0 -1 false",
            "FIRST_RANGE 7 -1 0..ffffffffffffffff false; ffffffffffffffff 0 -1 false",
            "CONFIGURATIONS -1 -1 0..ffffffffffffffff false; fffffff0 7 -1 false",
            "CONFIGURATIONS -1 -1 0..ffffffffffffffff false; 18 0 3 false",
            "CONFIGURATIONS 7 -1 0..ffffffffffffffff false; ffffffffffffffff 0 3 false",
            "CONFIGURATIONS -1 -1 0..ffffffffffffffff false; ffffffffffffffff 0 -1 false",
            "REGISTERS -1 -1 0..ffffffffffffffff false; ffffffffffffffff 0 -1 true",
            "REGISTERS -1 -1 0..ffffffffffffffff false; ffffffffffffffff 0 -1 false",
            "EVERYTHING -1 -1 0..ffffffffffffffff false; ffffffffffffffff 0 -1 false",
            "DOMAIN 7 -1 0..ffffffffffffffff false; ffffffffffffffff 0 -1 false",
            "FIRST_STAGE 7 -1 0..ffffffffffffffff false; ffffffffffffffff 0 -1 false",
            "PROCESS 7 9 0..ffffffffffffffff false; ffffffffffffffff 0 -1 false");
    // 256 is no multiple of 13: each place is taken by every kind after every other.
    for (int round = 0; round < 300; round++) {
      long from = log.latest();
      publishEach();
      assertEquals(from + expected.size(), log.latest());
      assertEquals(log.latest(), log.published());
      for (int i = 0; i < expected.size(); i++) {
        assertEquals(expected.get(i), read(from + i));
      }
    }
  }

  @Test
  void anInvalidationIsKeptUntilAsManyMoreAreThereAsFit() {
    InvalidationLog.Entry entry = new InvalidationLog.Entry();
    log.domain(5);
    for (int i = 1; i < InvalidationLog.CAPACITY - 1; i++) {
      log.everything();
    }
    assertTrue(log.read(0, entry));
    assertEquals(5, entry.domain);
    log.everything();
    assertFalse(log.read(0, entry), "the next one takes its place, maybe at this moment");
    assertTrue(log.read(1, entry));
  }

  @Test
  void aLogThatIgnoresPublishesChangesOfRegistersAlone() {
    log.ignore();
    publishEach();
    assertEquals(2, log.latest());
    assertTrue(read(0).startsWith("REGISTERS") && read(0).endsWith("true"));
    assertTrue(read(1).startsWith("REGISTERS") && read(1).endsWith("false"));
  }

  @Test
  void listenersAreAddedAndRemovedOneByOne() {
    List<String> heard = new ArrayList<>();
    List<InvalidationListener> listeners = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      int mine = i;
      InvalidationListener listener =
          new InvalidationListener() {
            @Override
            public void unmapped(Stage stage, int domain, int process, long first, long last) {
              heard.add(mine + " " + stage + " " + domain);
            }

            @Override
            public void reconfigured(long sourceId, int ignored, int pasid, int domain) {}

            @Override
            public void registersChanged(boolean keepsCaches) {}
          };
      listeners.add(listener);
      log.addListener(listener);
    }
    log.domain(4);
    assertEquals(List.of("0 ANY 4", "1 ANY 4", "2 ANY 4"), heard);
    heard.clear();
    log.removeListener(listeners.get(1));
    log.firstStage(4);
    assertEquals(List.of("0 FIRST 4", "2 FIRST 4"), heard);
  }
}
