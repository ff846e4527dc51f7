package dev.nestwalk.live;

import dev.nestwalk.memory.MemoryRange;
import java.util.List;

/**
 * What guests see of the test function.
 *
 * @param classCode base class, subclass, programming interface: 24 bits. Linux treats regions of
 *     display and USB controllers as relaxable
 * @param reserved regions that firmware wants mapped one to one for it (RMRR; VT-d only), whole
 *     pages
 */
public record LiveTest(int classCode, List<MemoryRange> reserved) {
  /** No region, a class without a driver. */
  public static final LiveTest USUAL = new LiveTest(TestFunction.CLASS, List.of());

  /** What guests see, whose list is copied. */
  public LiveTest {
    reserved = List.copyOf(reserved);
  }
}
