package dev.nestwalk.explain;

/**
 * The result of the root, context and PASID entries.
 *
 * @param kind how the request is translated
 * @param legacy whether legacy mode's fault reasons apply
 * @param privileged whether the request counts as privileged
 * @param aw second-stage AW code
 * @param secondRoot second-stage root table
 * @param flags SSADE
 * @param execute SSEE
 * @param first the PASID entry's first-stage word (q2)
 * @param mayUpdate whether flags may be written
 */
record VtdContext(
    Kind kind,
    boolean legacy,
    boolean privileged,
    int aw,
    long secondRoot,
    boolean flags,
    boolean execute,
    long first,
    boolean mayUpdate) {
  enum Kind {
    PASS_THROUGH,
    HOST_ADDRESS,
    SECOND,
    FIRST,
    NESTED
  }

  static VtdContext legacy(Kind kind, int aw, long root) {
    return new VtdContext(kind, true, false, aw, root, false, false, 0, true);
  }

  static VtdContext untouched(boolean legacy) {
    return new VtdContext(Kind.HOST_ADDRESS, legacy, false, 0, 0, false, false, 0, true);
  }
}
