package dev.nestwalk.teach;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.explain.DecodedField;
import dev.nestwalk.explain.Reference;
import dev.nestwalk.explain.Step;
import dev.nestwalk.explain.Trace;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.memory.OverlayMemory;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A walk as it is presented: as text by this class, as JSON by {@link TraceWriter}, as a page by
 * {@link WalkPage}.
 *
 * @param image name of the image
 * @param format {@code "vtd"} or {@code "smmuv3"}
 * @param reserved the decision of a reserved set, or null if none was given
 * @param caches what caches would have skipped
 */
public record Explanation(
    String image,
    String format,
    Request request,
    Trace trace,
    Guard.@Nullable Decision reserved,
    CacheView caches) {

  /** The request that was explained. */
  public record Request(int source, int pasid, long iova, int access) {}

  /**
   * Walks and explains; {@code below} is not changed.
   *
   * @param guard the addresses that the DMA must not touch, or null
   */
  public static Explanation of(
      Image image, GuestMemory below, @Nullable Guard guard, Request request) {
    Reference reference = Walker.explaining(image, new OverlayMemory(below));
    Supplier<Trace> walk =
        () ->
            reference.translate(
                request.source(), request.pasid(), request.iova(), request.access());
    Trace trace;
    Guard.Decision decision = null;
    if (guard == null) {
      trace = walk.get();
    } else {
      Guard.Guarded guarded = guard.over(request, walk);
      trace = guarded.trace();
      decision = guarded.decision();
    }
    CacheView caches = CacheView.of(image, below, guard, request, trace);
    return new Explanation(image.name(), image.format(), request, trace, decision, caches);
  }

  public boolean isRefused() {
    return Translation.isFault(trace.translation());
  }

  public String text() {
    StringBuilder text = new StringBuilder(4096);
    line(text, "%s: %s", image, asked());
    int number = 1;
    for (Step step : trace.steps()) {
      line(text, "");
      line(text, "%2d. %s%s", number++, step.title(), place(step));
      if (step.selector() != null) {
        line(text, "    index %s", selector(step.selector()));
      }
      if (!step.why().isEmpty()) {
        line(text, "    why   %s", step.why());
      }
      if (step.words().length > 0) {
        line(text, "    read  %s  %s", read(step), words(step));
      }
      for (DecodedField field : step.fields()) {
        line(text, "    %-20s 0x%-12x %s", field.label(), field.value(), field.meaning());
      }
      if (!step.rights().isEmpty()) {
        line(text, "    so far %s", step.rights());
      }
      if (!step.rule().isEmpty()) {
        line(text, "    => %s%s", step.rule(), section(step));
      }
      if (step.next() != null) {
        line(text, "    -> %s", target(step.next()));
      }
    }
    line(text, "");
    for (CacheView.Run run : caches.runs()) {
      int reads = run.read().size();
      line(text, "%d %s where %s", reads, reads == 1 ? "read" : "reads", run.state().text());
    }
    line(text, "");
    line(text, "%s", answer());
    if (isRefused()) {
      line(text, "%s", FaultWords.of(this));
    }
    return text.toString();
  }

  private static void line(StringBuilder text, String format, Object... arguments) {
    text.append(format.formatted(arguments).stripTrailing()).append('\n');
  }

  /** The request in words. */
  String asked() {
    return "%s by %s%s at 0x%x"
        .formatted(
            AccessWords.of(request.access()),
            Numbers.sourceInFull(request.source()),
            request.pasid() < 0 ? "" : " with PASID 0x%x".formatted(request.pasid()),
            request.iova());
  }

  private String answer() {
    long answer = trace.translation();
    if (Translation.isFault(answer)) {
      return Faults.describe(format, trace.fault());
    }
    return "ok 0x%x size=%s perm=%s"
        .formatted(
            Translation.address(answer),
            Numbers.size(Translation.span(answer)),
            Access.describe(Translation.rights(answer)));
  }

  private static String place(Step step) {
    String stage = step.stage() > 0 ? " [stage " + step.stage() : "";
    String level =
        step.level() > 0 ? (stage.isEmpty() ? " [" : ", ") + "level " + step.level() : "";
    return stage.isEmpty() && level.isEmpty() ? "" : stage + level + "]";
  }

  private static String selector(Step.Selector selector) {
    String bits =
        selector.hi() == selector.lo()
            ? "bit " + selector.lo()
            : "bits %d:%d".formatted(selector.hi(), selector.lo());
    return "0x%x: %s of %s 0x%x".formatted(selector.index(), bits, selector.of(), selector.value());
  }

  private static String target(Step.Target target) {
    return "%s at %s 0x%x".formatted(target.what(), target.space(), target.address());
  }

  private static String section(Step step) {
    return step.section().isEmpty() ? "" : "  (" + step.section() + ")";
  }

  private static String read(Step step) {
    return (step.space() + " " + Numbers.hex(step.address())).strip();
  }

  /** The words, highest first, as the specification prints structures. */
  private static String words(Step step) {
    List<String> words = new ArrayList<>();
    for (long word : step.words()) {
      words.addFirst("%016x".formatted(word));
    }
    return String.join(":", words);
  }
}
