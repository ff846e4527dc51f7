package dev.nestwalk.region;

/**
 * Why addresses are reserved. Lists of groups are ordered by this where first addresses are equal.
 */
public enum RegionKind {
  /** Has to stay identity mapped, because firmware or another agent keeps using it. */
  DIRECT("direct"),
  /**
   * Identity mapped for the host's own use; may be given up once the device is assigned to a guest.
   */
  DIRECT_RELAXABLE("direct-relaxable"),
  /** Must never be mapped. */
  RESERVED("reserved"),
  /** Hardware MSI window: a write there is an interrupt, whatever the tables say. */
  MSI("msi"),
  /** Software MSI window, in which software places doorbell pages that are translated. */
  SW_MSI("msi");

  private final String text;

  RegionKind(String text) {
    this.text = text;
  }

  /** The word that Linux prints; both MSI kinds are {@code "msi"}. */
  public String text() {
    return text;
  }
}
