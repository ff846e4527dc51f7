/** A real guest drives the units: a vfio-user server, devices behind it, QEMU command lines. */
module dev.nestwalk.live {
  requires transitive dev.nestwalk.device;
  requires static transitive org.jspecify;

  exports dev.nestwalk.live;
}
