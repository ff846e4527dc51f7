package dev.nestwalk.device;

import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Random traffic of registers and queues beside DMA, each step compared with a model. */
final class SmmuTrafficTest {
  private static final int STEPS = 250_000;

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {1, 2, 3, 4})
  void comesOutAsTheModelSays(long seed) {
    try (SmmuTraffic traffic = new SmmuTraffic(seed)) {
      traffic.run(STEPS);
      assertTrue(traffic.records() > 100, traffic.records() + " events");
      assertTrue(traffic.dmas() > 1000, traffic.dmas() + " DMAs");
    }
  }
}
