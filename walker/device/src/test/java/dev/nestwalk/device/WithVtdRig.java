package dev.nestwalk.device;

import org.junit.jupiter.api.AfterEach;

/** A test on a VT-d unit in its rig, which a test may replace by another. */
abstract class WithVtdRig {
  VtdRig rig;

  WithVtdRig(VtdRig rig) {
    this.rig = rig;
  }

  @AfterEach
  void close() {
    rig.close();
  }

  void replace(VtdRig other) {
    rig.close();
    rig = other;
  }
}
