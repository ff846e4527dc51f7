package dev.nestwalk.live;

import dev.nestwalk.memory.MemoryRange;
import java.util.List;

/**
 * What guests see of the test function.
 *
 * @param classCode base class, subclass, programming interface: 24 bits. Linux treats regions of
 *     display and USB controllers as relaxable
 * @param reserved regions of whole pages that firmware wants mapped one to one for the function
 *     (RMRR; VT-d only)
 */
public record LiveTest(int classCode, List<MemoryRange> reserved) {
  /** No region, a class without a driver. */
  public static final LiveTest USUAL = new LiveTest(TestFunction.CLASS, List.of());

  /** Copies the list. */
  public LiveTest {
    reserved = List.copyOf(reserved);
  }
}
