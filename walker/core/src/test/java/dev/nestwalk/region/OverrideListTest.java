package dev.nestwalk.region;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** At each address the last range that was inserted there counts; entries are in order. */
final class OverrideListTest {
  @Test
  void eachAddressHasThePropertyThatWasInsertedLast() {
    SplittableRandom random = new SplittableRandom(3);
    for (int round = 0; round < 200; round++) {
      OverrideList<Integer> list = new OverrideList<>();
      int[] model = new int[16];
      for (int property = 1; property < 12; property++) {
        int first = random.nextInt(16);
        int last = first + random.nextInt(16 - first);
        list.insert(property, first, last);
        Arrays.fill(model, first, last + 1, property);
        assertEquals(Arrays.toString(model), Arrays.toString(laid(list)));
      }
    }
  }

  private static int[] laid(OverrideList<Integer> list) {
    int[] laid = new int[16];
    long next = 0;
    for (OverrideList.Entry<Integer> entry : list.entries()) {
      assertTrue(entry.first() >= next && entry.last() >= entry.first(), "in order, none twice");
      Arrays.fill(laid, (int) entry.first(), (int) entry.last() + 1, entry.property());
      next = entry.last() + 1;
    }
    return laid;
  }
}
