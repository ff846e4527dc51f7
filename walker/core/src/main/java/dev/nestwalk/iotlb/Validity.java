package dev.nestwalk.iotlb;

/**
 * Whether a resolved configuration is still valid: the scopes by which invalidations name it. An
 * invalidation stamps one scope, however many configurations are in it; each configuration checks
 * the stamps at its next use.
 *
 * <p>Threads: belongs to the thread of its translator.
 */
public final class Validity {
  final Scope everything;
  final Scope source;
  final Scope context;
  final Scope domain;
  final Scope domainContext;
  private final long resolvedAt;

  Validity(
      Scope everything,
      Scope source,
      Scope context,
      Scope domain,
      Scope domainContext,
      long resolvedAt) {
    this.everything = everything;
    this.source = source;
    this.context = context;
    this.domain = domain;
    this.domainContext = domainContext;
    this.resolvedAt = resolvedAt;
  }

  /** Whether no invalidation applied since then has named the configuration. */
  public boolean holds() {
    long named = Math.max(everything.configurationStamp, source.configurationStamp);
    named = Math.max(named, context.configurationStamp);
    named = Math.max(named, Math.max(domain.configurationStamp, domainContext.configurationStamp));
    return named <= resolvedAt;
  }
}
