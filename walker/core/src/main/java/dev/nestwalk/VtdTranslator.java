package dev.nestwalk;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.cache.CachedPlan;
import dev.nestwalk.cache.InvalidationLog;
import dev.nestwalk.cache.StructureCaches;
import dev.nestwalk.cache.TagCounter;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.vtd.VtdConfig;
import dev.nestwalk.vtd.VtdPlan;
import dev.nestwalk.vtd.VtdWalker;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** A translator over VT-d structures. */
final class VtdTranslator extends Translator {
  private final Supplier<VtdConfig> config;
  private VtdWalker walker;
  private boolean off;

  VtdTranslator(
      Supplier<VtdConfig> config,
      GuestMemory memory,
      InvalidationLog log,
      Restrictions restrictions,
      StructureCaches structures,
      TagCounter tags,
      @Nullable CacheOptions options) {
    super(0xffff, memory, log, restrictions, structures, tags, options);
    this.config = config;
    walker = newWalker();
  }

  private VtdWalker newWalker() {
    VtdConfig now = config.get();
    off = !now.isEnabled();
    return new VtdWalker(now, memory, structures, lastFault);
  }

  @Override
  Endpoint newEndpoint(int sourceId, int pasid) {
    return new VtdEndpoint(this, new VtdPlan(), sourceId, pasid);
  }

  @Override
  boolean isOff() {
    return off;
  }

  @Override
  void reconfigure() {
    walker = newWalker();
  }

  VtdWalker walker() {
    return walker;
  }

  @Override
  boolean resolve(CachedPlan plan, int sourceId, int pasid) {
    return walker.resolve((VtdPlan) plan, sourceId, pasid);
  }

  @Override
  long walk(CachedPlan plan, int sourceId, int pasid, long iova, int access) {
    VtdPlan resolved = (VtdPlan) plan;
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
    walker.walkSmoothly((VtdPlan) plan, iovas, answers, from, spans, count, access);
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
    return address;
  }
}
