package dev.nestwalk;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.explain.Trace;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;

/**
 * Every way to ask a translator for one address, each compared with the reference walker's trace.
 */
enum WayOfAsking {
  TRANSLATE {
    @Override
    String compare(Endpoint endpoint, Translator of, long iova, int access, Trace expected) {
      long answer = endpoint.translate(iova, access);
      return Comparison.difference(answer, of.lastFault(), expected);
    }
  },
  BATCH {
    @Override
    String compare(Endpoint endpoint, Translator of, long iova, int access, Trace expected) {
      long[] iovas = new long[3];
      long[] answers = new long[3];
      Arrays.fill(iovas, iova);
      int refused = endpoint.translate(iovas, answers, 1, 1, access);
      boolean told = refused == (Translation.isFault(answers[1]) ? 1 : 0);
      boolean beside = answers[0] == 0 && answers[2] == 0;
      String difference = Comparison.difference(answers[1], of.lastFault(), expected);
      return told && beside ? difference : difference + " and refused " + refused;
    }
  },
  RANGE {
    @Override
    String compare(Endpoint endpoint, Translator of, long iova, int access, Trace expected) {
      DmaRuns runs = new DmaRuns(2);
      long covered = endpoint.translateRange(iova, 1, access, runs);
      if (Translation.isFault(expected.translation())) {
        long refusal = covered == 0 ? runs.refusal() : 0;
        return Comparison.difference(refusal, of.lastFault(), expected);
      }
      boolean same = covered == 1 && runs.address(0) == Translation.address(expected.translation());
      return same ? "" : "a range covers " + covered;
    }
  },
  SLICE {
    @Override
    String compare(Endpoint endpoint, Translator of, long iova, int access, Trace expected) {
      MemorySegment slice = endpoint.slice(iova, 1, access);
      long answer = endpoint.stoppedBy();
      boolean refused = slice != null && Translation.isFault(answer);
      String difference = Comparison.difference(answer, of.lastFault(), expected);
      return refused ? "a slice of what was refused " + difference : difference;
    }
  },
  COPY {
    @Override
    String compare(Endpoint endpoint, Translator of, long iova, int access, Trace expected) {
      if (access != Access.READ) {
        // What a copy writes might be a table.
        return TRANSLATE.compare(endpoint, of, iova, access, expected);
      }
      long read = endpoint.read(iova, MemorySegment.ofArray(new byte[1]));
      if (read == 1) {
        return Translation.isFault(expected.translation()) ? "reads what is refused" : "";
      }
      return Comparison.difference(endpoint.stoppedBy(), of.lastFault(), expected);
    }
  };

  /** Empty if the answer, and after a refusal the whole fault record, is that of the trace. */
  abstract String compare(Endpoint endpoint, Translator of, long iova, int access, Trace expected);

  private static final List<WayOfAsking> ALL = List.of(values());

  /** One after the other. */
  static WayOfAsking byTurns(int turn) {
    return ALL.get(turn % ALL.size());
  }

  /** Translators with caches of all kinds, and one with none. */
  static List<Translator> translators(Iommu iommu) {
    CacheOptions small = new CacheOptions(16, 4, 4, 4, 0, false);
    return List.of(
        iommu.newUncachedTranslator(),
        iommu.newTranslator(small),
        iommu.newTranslator(CacheOptions.NONE),
        iommu.newTranslator(small.withStructures(8, 8, 8).withCounters()));
  }
}
