package dev.nestwalk.teach;

import dev.nestwalk.dma.FaultRecord;
import dev.nestwalk.dma.Outcome;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.explain.Step;
import dev.nestwalk.explain.Trace;
import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionKind;
import dev.nestwalk.region.RegionSet;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The addresses that a requester's DMA must not touch.
 *
 * @param from source of the regions
 * @param policy the policy under which they are enforced
 * @param input bus addresses that hardware does not treat as memory, under any policy
 * @param intermediate addresses between two stages that the policy keeps free
 */
public record Guard(String from, String policy, RegionSet input, RegionSet intermediate) {
  private static final String SECTION = "nestwalk, reserved regions";

  /** A guard, and what the DMA touched: {@code "input"}, {@code "intermediate"} or empty. */
  record Decision(Guard guard, String met, @Nullable RegionKind kind) {}

  /** A walk under a guard. */
  record Guarded(Trace trace, Decision decision) {}

  /** Checks the input address, walks, then checks the intermediate address. */
  public Guarded over(Explanation.Request request, Supplier<Trace> walk) {
    RegionKind kind = input.kindAt(request.iova());
    if (kind != null) {
      Step asked = step("IOVA", request.iova(), said(input, request.iova()) + "; no table is read");
      return refused(request, List.of(asked), "input", kind, 0);
    }
    List<Step> steps = new ArrayList<>();
    steps.add(step("IOVA", request.iova(), "not a reserved bus address"));
    Trace trace = walk.get();
    steps.addAll(trace.steps());
    long counted = trace.input();
    RegionKind alias = counted == request.iova() ? null : input.kindAt(counted);
    if (alias != null && !Translation.isFault(trace.translation())) {
      steps.removeLast();
      steps.add(step("IOVA", counted, said(input, counted) + "; bits 63:56 are ignored"));
      return refused(request, steps, "input", alias, 0);
    }
    Step.Target between = intermediateOf(trace);
    RegionKind below = between == null ? null : intermediate.kindAt(between.address());
    if (between != null && below != null) {
      steps.removeLast();
      steps.add(step(between.space(), between.address(), said(intermediate, between.address())));
      return refused(request, steps, "intermediate", below, between.address());
    }
    long answer = trace.translation();
    if (!Translation.isFault(answer)) {
      answer = narrowed(answer, counted, between);
    }
    return new Guarded(
        new Trace(answer, counted, trace.fault(), steps), new Decision(this, "", null));
  }

  private static Step step(String space, long address, String rule) {
    return Step.decision("reserved set", space, address, rule, SECTION);
  }

  private static String said(RegionSet set, long address) {
    for (Region region : set.regions()) {
      if (Long.compareUnsigned(region.first(), address) <= 0
          && Long.compareUnsigned(address, region.last()) <= 0) {
        return "0x%x-0x%x is reserved: %s"
            .formatted(region.first(), region.last(), SetupReport.word(region.kind()));
      }
    }
    return "reserved";
  }

  private Guarded refused(
      Explanation.Request request, List<Step> before, String met, RegionKind kind, long between) {
    String name = kind == RegionKind.RESERVED ? "RESERVED" : "RESERVED_" + kind.name();
    Outcome outcome = Outcome.valueOf(name);
    FaultRecord fault = new FaultRecord();
    fault.begin(
        request.source(), request.pasid(), request.iova(), request.access(), outcome.packed());
    fault.setIntermediate(between);
    List<Step> steps = new ArrayList<>(before);
    steps.add(
        Step.decision(
            "refused", "IOVA", request.iova(), outcome.text() + "; not recorded", SECTION));
    return new Guarded(
        new Trace(outcome.packed(), request.iova(), fault, steps), new Decision(this, met, kind));
  }

  /** The output of the first stage of a nested walk, or null if only one stage translated. */
  private static Step.@Nullable Target intermediateOf(Trace trace) {
    Step.Target last = null;
    boolean nested = false;
    for (Step step : trace.steps()) {
      if (step.stage() == 1 && step.next() != null) {
        last = step.next();
      }
      nested |= step.stage() == 2;
    }
    return nested && !Translation.isFault(trace.translation()) ? last : null;
  }

  /** The answer, narrowed to a block without reserved addresses. */
  private long narrowed(long answer, long iova, Step.@Nullable Target between) {
    int span = Translation.spanLog2(answer);
    int free = span;
    while (free > 0
        && !(input.isBlockFree(iova, free)
            && (between == null || intermediate.isBlockFree(between.address(), free)))) {
      free--;
    }
    return free == span
        ? answer
        : Translation.ok(Translation.address(answer), free, Translation.rights(answer));
  }
}
