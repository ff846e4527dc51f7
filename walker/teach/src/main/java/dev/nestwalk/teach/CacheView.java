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
 * What the fast walker reads of a walk's steps when it knows something already: the same DMA,
 * translated by the real translator over memory that tells which entries were read.
 */
public record CacheView(List<Run> runs) {
  /** Caches that a repeated DMA may meet. */
  enum State {
    /** Nothing is known, the configuration neither. */
    COLD("nothing is cached"),
    /** Configuration, and partial walks of both stages. */
    TABLES("configuration and partial walks are cached"),
    /** Whole second-stage walks as well. */
    PAGES("whole second-stage walks too"),
    /** Whole translations. */
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

    /** The name in JSON. */
    String word() {
      return SetupReport.word(this);
    }

    /** One line for people. */
    String text() {
      return text;
    }
  }

  /**
   * One translation.
   *
   * @param hit the IOTLB answered
   * @param first walks that began at a cached first-stage table
   * @param second second-stage walks that began at a cached table
   * @param pages second-stage walks that a cached page replaced
   * @param read places of the steps whose words it read, ascending
   */
  public record Run(
      State state, boolean hit, long first, long second, long pages, List<Integer> read) {}

  /** Translates once in each state, each time over fresh changes to {@code below}. */
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
      // Twice: whole second-stage walks are kept by the walk that found the tables above known.
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
   * Which steps the reads belong to: the longest common subsequence, since a walk meets the same
   * entry more than once; of equally long ones that nearest to the end, where walks end alike.
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

  /** The first word of each structure read: words of one that follow each other are one read. */
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
