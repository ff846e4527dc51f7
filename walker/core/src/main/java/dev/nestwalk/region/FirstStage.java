package dev.nestwalk.region;

/** What the guest's first stage of a nested attachment does with requests without PASID. */
public enum FirstStage {
  /** The guest's table translates. */
  TRANSLATE(false),
  /** SMMUv3: the guest's STE selects bypass, so bus addresses are intermediate addresses. */
  BYPASS(true),
  /** SMMUv3: the guest's STE has a CD table and S1DSS = bypass. */
  DEFAULT_BYPASS(true),
  /** SMMUv3: the guest's STE aborts or is invalid; nothing reaches memory. */
  ABORT(false);

  private final boolean identity;

  FirstStage(boolean identity) {
    this.identity = identity;
  }

  /** Whether bus addresses equal intermediate addresses. */
  public boolean isIdentity() {
    return identity;
  }
}
