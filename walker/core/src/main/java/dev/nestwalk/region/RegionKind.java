package dev.nestwalk.region;

/** Why addresses are reserved. The order is the tie-break of group lists. */
public enum RegionKind {
  /** Has to stay identity mapped: firmware or a second agent keeps using it. */
  DIRECT("direct"),
  /** Identity mapped for the host's own use; may be given up once the device is assigned. */
  DIRECT_RELAXABLE("direct-relaxable"),
  /** Never to be mapped. */
  RESERVED("reserved"),
  /** Hardware doorbell window: a write there is an interrupt whatever the tables say. */
  MSI("msi"),
  /** Window in which software places doorbell pages that are translated. */
  SW_MSI("msi");

  private final String text;

  RegionKind(String text) {
    this.text = text;
  }

  /** The word that Linux prints; two kinds share {@code "msi"}. */
  public String text() {
    return text;
  }
}
