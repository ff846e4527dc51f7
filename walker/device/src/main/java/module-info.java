/** Whole IOMMUs for emulators: registers, queues, faults, interrupts, and ports for devices. */
module dev.nestwalk.device {
  requires transitive dev.nestwalk;
  requires static transitive org.jspecify;

  exports dev.nestwalk.device;
}
