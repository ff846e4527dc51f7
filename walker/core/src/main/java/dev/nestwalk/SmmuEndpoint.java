package dev.nestwalk;

import dev.nestwalk.cache.CachedPlan;
import dev.nestwalk.smmu.SmmuPlan;
import dev.nestwalk.smmu.SmmuWalker;

/** A requester behind SMMUv3 structures. */
final class SmmuEndpoint extends Endpoint {
  private final SmmuTranslator translator;
  private SmmuWalker walker;
  private SmmuPlan configuration;

  SmmuEndpoint(SmmuTranslator translator, SmmuPlan configuration, int sourceId, int pasid) {
    super(translator, configuration, sourceId, pasid);
    this.translator = translator;
    walker = translator.walker();
    this.configuration = configuration;
  }

  @Override
  void renew() {
    walker = translator.walker();
    configuration = (SmmuPlan) plan;
  }

  @Override
  CachedPlan newPlan() {
    return new SmmuPlan();
  }

  @Override
  long missQuickly(long iova, int access) {
    long known = knownElsewhere(iova, access);
    if (known != 0) {
      return known;
    }
    configuration.global = false;
    long answer = walker.walkQuickly(configuration, iova, access);
    long kept = answer == 0 ? 0 : keepQuickly(iova, access, answer);
    if (kept != 0 && configuration.global) {
      space().setGlobal();
    }
    return kept;
  }

  @Override
  long walkQuickly(long iova, int access) {
    return walker.walkQuickly(configuration, iova, access);
  }
}
