package dev.nestwalk.teach;

import dev.nestwalk.Iommu;
import dev.nestwalk.Translator;
import dev.nestwalk.cache.CacheCounters;
import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.explain.Step;
import dev.nestwalk.explain.Trace;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.memory.OverlayMemory;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The steps of a walk for which the fast walker reads memory if parts are cached: the real
 * translator translates the DMA over memory that records which entries are read.
 */
public record CacheView(List<Run> runs) {
  /** States of the caches when a DMA is repeated. */
  enum State {
    /** Nothing is cached, not even the configuration. */
    COLD("nothing is cached"),
    /** The configuration is cached, and partial walks of both stages. */
    TABLES("configuration and partial walks are cached"),
    /** Whole second-stage walks are cached as well. */
    PAGES("whole second-stage walks too"),
    /** Whole translations are cached. */
    IOTLB("the IOTLB has the translation");

    private final String text;

    State(String text) {
      this.text = text;
    }

    private CacheOptions options() {
      CacheOptions options =
          switch (this) {
            case COLD -> CacheOptions.NONE;
            case TABLES -> CacheOptions.DEFAULT.withIotlb(0, 1);
            case PAGES -> CacheOptions.DEFAULT.withIotlb(0, 1).withStructures(1024, 1024, 1024);
            case IOTLB -> CacheOptions.DEFAULT;
          };
      return options.withCounters();
    }

    /** The state's name in JSON. */
    String word() {
      return SetupReport.word(this);
    }

    /** The state in words. */
    String text() {
      return text;
    }
  }

  /**
   * One translation.
   *
   * @param hit whether the IOTLB answered
   * @param first number of walks that began at a cached first-stage table
   * @param second number of second-stage walks that began at a cached table
   * @param pages number of second-stage walks that a cached page replaced
   * @param read indices of the steps whose words it read, ascending
   */
  public record Run(
      State state, boolean hit, long first, long second, long pages, List<Integer> read) {}

  /** Translates once in each state, each time over a fresh overlay of {@code below}. */
  static CacheView of(
      Image image,
      GuestMemory below,
      @Nullable Guard guard,
      Explanation.Request request,
      Trace trace) {
    List<Run> runs = new ArrayList<>();
    for (State state : State.values()) {
      OverlayMemory memory = new OverlayMemory(below);
      Iommu iommu = Walker.iommu(image, memory);
      if (guard != null) {
        iommu.restrict(request.source(), request.pasid(), guard.input(), guard.intermediate());
      }
      Translator translator = iommu.newTranslator(state.options());
      // Twice, since a whole second-stage walk is cached only by a walk that finds the tables above
      // it cached.
      for (int i = 0; state != State.COLD && i < 2; i++) {
        translate(translator, request);
      }
      CacheCounters counters = translator.counters();
      counters.reset();
      List<Long> reads = memory.readsOf(() -> translate(translator, request));
      runs.add(
          new Run(
              state,
              counters.hits() > 0,
              counters.firstStageHits(),
              counters.secondStageHits(),
              counters.nestedHits(),
              matched(trace.steps(), reads)));
    }
    return new CacheView(List.copyOf(runs));
  }

  private static void translate(Translator translator, Explanation.Request request) {
    translator.translate(request.source(), request.pasid(), request.iova(), request.access());
  }

  /**
   * The steps to which the reads belong: the longest common subsequence, since a walk may read an
   * entry more than once. Among equally long ones the one nearest to the end is taken, because
   * walks end alike.
   */
  public static List<Integer> matched(List<Step> steps, List<Long> words) {
    List<Long> reads = structures(steps, words);
    int[][] longest = new int[steps.size() + 1][reads.size() + 1];
    for (int i = 1; i <= steps.size(); i++) {
      for (int j = 1; j <= reads.size(); j++) {
        longest[i][j] =
            isOf(steps.get(i - 1), reads.get(j - 1))
                ? longest[i - 1][j - 1] + 1
                : Math.max(longest[i - 1][j], longest[i][j - 1]);
      }
    }
    List<Integer> places = new ArrayList<>();
    int j = reads.size();
    for (int i = steps.size(); i > 0 && j > 0; ) {
      if (isOf(steps.get(i - 1), reads.get(j - 1))) {
        places.addFirst(i - 1);
        i--;
        j--;
      } else if (longest[i][j - 1] > longest[i - 1][j]) {
        j--;
      } else {
        i--;
      }
    }
    return List.copyOf(places);
  }

  /** The first word of each structure read; consecutive words of one structure are one read. */
  private static List<Long> structures(List<Step> steps, List<Long> words) {
    List<Long> firsts = new ArrayList<>();
    List<Long> open = new ArrayList<>();
    for (long word : words) {
      boolean goesOn =
          !open.isEmpty()
              && !open.contains(word)
              && steps.stream().anyMatch(step -> isOf(step, open.getFirst()) && isOf(step, word));
      if (!goesOn) {
        open.clear();
        firsts.add(word);
      }
      open.add(word);
    }
    return firsts;
  }

  private static boolean isOf(Step step, long address) {
    return Long.compareUnsigned(address - step.host(), 8L * step.read().size()) < 0;
  }
}
