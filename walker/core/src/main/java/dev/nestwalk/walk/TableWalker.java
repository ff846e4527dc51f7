package dev.nestwalk.walk;

import dev.nestwalk.cache.WalkNotes;

/**
 * A format's tables and the walker that knows every rule of them.
 *
 * <p>Threads: belongs to the thread of its translator.
 */
public interface TableWalker {
  /** The largest source id, unsigned. */
  int maxSourceId();

  /** A requester, its configuration not yet resolved. */
  Requester requester(int sourceId, int pasid);

  /** Translates a request with everything read anew; the packed answer or refusal. */
  long translate(int sourceId, int pasid, long iova, int access);

  /** Intermediate address of the last {@link #translate} that passed two stages, else -1. */
  long intermediate();

  /** An address without what the configuration of the last {@link #translate} ignores. */
  long untagged(long address);

  /** What the last {@link Requester#walk} found beside its answer. */
  WalkNotes notes();

  /** Walks by the registers now in force from here on. */
  void reconfigure();

  /** Whether the unit translates nothing (GSTS.TES = 0, CR0.SMMUEN = 0). */
  boolean isOff();
}
