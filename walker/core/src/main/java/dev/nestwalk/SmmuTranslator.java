package dev.nestwalk;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.cache.CachedPlan;
import dev.nestwalk.cache.InvalidationLog;
import dev.nestwalk.cache.StructureCaches;
import dev.nestwalk.cache.TagCounter;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.smmu.SmmuConfig;
import dev.nestwalk.smmu.SmmuPlan;
import dev.nestwalk.smmu.SmmuWalker;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** A translator over SMMUv3 structures. */
final class SmmuTranslator extends Translator {
  private final Supplier<SmmuConfig> config;
  private SmmuWalker walker;
  private boolean off;

  SmmuTranslator(
      Supplier<SmmuConfig> config,
      GuestMemory memory,
      InvalidationLog log,
      Restrictions restrictions,
      StructureCaches structures,
      TagCounter tags,
      @Nullable CacheOptions options) {
    super(-1, memory, log, restrictions, structures, tags, options);
    this.config = config;
    walker = newWalker();
  }

  private SmmuWalker newWalker() {
    SmmuConfig now = config.get();
    off = !now.isEnabled();
    return new SmmuWalker(now, memory, structures, lastFault);
  }

  @Override
  Endpoint newEndpoint(int sourceId, int pasid) {
    return new SmmuEndpoint(this, new SmmuPlan(), sourceId, pasid);
  }

  @Override
  boolean isOff() {
    return off;
  }

  @Override
  void reconfigure() {
    walker = newWalker();
  }

  SmmuWalker walker() {
    return walker;
  }

  @Override
  boolean resolve(CachedPlan plan, int sourceId, int pasid) {
    return walker.resolve((SmmuPlan) plan, sourceId, pasid);
  }

  @Override
  long walk(CachedPlan plan, int sourceId, int pasid, long iova, int access) {
    SmmuPlan resolved = (SmmuPlan) plan;
    if (!counting) {
      long answer = walker.walkSmoothly(resolved, iova, access);
      if (answer != 0) {
        return answer;
      }
    }
    return walker.walk(resolved, sourceId, pasid, iova, access);
  }

  @Override
  void walkMany(
      CachedPlan plan, long[] iovas, long[] answers, int from, int[] spans, int count, int access) {
    walker.walkSmoothly((SmmuPlan) plan, iovas, answers, from, spans, count, access);
  }

  @Override
  long walkAnew(int sourceId, int pasid, long iova, int access) {
    return walker.translate(sourceId, pasid, iova, access);
  }

  @Override
  long intermediate() {
    return walker.intermediate();
  }

  @Override
  long untagged(long address) {
    return walker.untagged(address);
  }
}
