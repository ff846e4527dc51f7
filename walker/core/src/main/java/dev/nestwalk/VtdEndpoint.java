package dev.nestwalk;

import dev.nestwalk.cache.CachedPlan;
import dev.nestwalk.vtd.VtdPlan;
import dev.nestwalk.vtd.VtdWalker;

/** A requester behind VT-d structures. */
final class VtdEndpoint extends Endpoint {
  private final VtdTranslator translator;
  private VtdWalker walker;
  private VtdPlan configuration;

  VtdEndpoint(VtdTranslator translator, VtdPlan configuration, int sourceId, int pasid) {
    super(translator, configuration, sourceId, pasid);
    this.translator = translator;
    walker = translator.walker();
    this.configuration = configuration;
  }

  @Override
  void renew() {
    walker = translator.walker();
    configuration = (VtdPlan) plan;
  }

  @Override
  CachedPlan newPlan() {
    return new VtdPlan();
  }

  @Override
  long missQuickly(long iova, int access) {
    long known = knownElsewhere(iova, access);
    if (known != 0) {
      return known;
    }
    long answer = walker.walkQuickly(configuration, iova, access);
    return answer == 0 ? 0 : keepQuickly(iova, access, answer);
  }

  @Override
  long walkQuickly(long iova, int access) {
    return walker.walkQuickly(configuration, iova, access);
  }
}
