package dev.nestwalk.cli;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.explain.References;
import dev.nestwalk.explain.Step;
import dev.nestwalk.explain.Trace;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.TableSpace;
import dev.nestwalk.fixtures.smmu.ContextEntry;
import dev.nestwalk.fixtures.smmu.SmmuMachine;
import dev.nestwalk.fixtures.smmu.StreamEntry;
import dev.nestwalk.fixtures.smmu.VmsaTables;
import dev.nestwalk.fixtures.vtd.FirstStageTables;
import dev.nestwalk.fixtures.vtd.PasidEntry;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import dev.nestwalk.memory.GuestMemory;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;

/** How many reads nested walks take, counted in walks of the reference walkers. */
final class NestedReads {
  /** A GiB that holds the tables, mapped to itself in the second stage. */
  private static final long BASE = 0x4000_0000L;

  private static final long IOVA = 0x1_4020_3000L;
  private static final long PAGE = 0x80_0000_0000L >>> 2;
  private static final int GIB = 30;

  /**
   * A way of building a stage.
   *
   * @param levels levels of its tables
   * @param page log2 of its pages
   */
  record Depth(int levels, int page) {
    /** Entries that a walk reads. */
    int entries() {
      return levels - (page - 12) / 9;
    }

    String name() {
      String size = page == 12 ? "4K" : page == 21 ? "2M" : "1G";
      return "%d levels, %s".formatted(levels, size);
    }
  }

  /**
   * A counted walk.
   *
   * @param tables reads of first-stage and second-stage entries for the address
   * @param all these and the configuration's
   */
  record Count(Depth first, Depth second, int tables, int all) {
    /** What the formula says of the tables. */
    int formula() {
      return first.entries() * (second.entries() + 1) + second.entries();
    }
  }

  /** VT-d: first stages of 4 and 5 levels over second stages of 3, 4 and 5, pages of all sizes. */
  static List<Count> vtd() {
    List<Count> counts = new ArrayList<>();
    for (Depth first : depths(4, 5)) {
      for (Depth second : depths(3, 4, 5)) {
        counts.add(vtd(first, second));
      }
    }
    return counts;
  }

  /** SMMUv3 with a 4K granule: start levels 0 and 1 in both stages, pages and blocks. */
  static List<Count> smmu() {
    List<Count> counts = new ArrayList<>();
    for (Depth first : depths(3, 4)) {
      for (Depth second : depths(3, 4)) {
        counts.add(smmu(first, second));
      }
    }
    return counts;
  }

  private static List<Depth> depths(int... levels) {
    List<Depth> all = new ArrayList<>();
    for (int count : levels) {
      for (int page = 12; page <= GIB; page += 9) {
        all.add(new Depth(count, page));
      }
    }
    return all;
  }

  private static Count vtd(Depth first, Depth second) {
    try (Arena arena = Arena.ofConfined()) {
      TableMemory memory = new TableMemory(arena).run(BASE, 64);
      VtdMachine machine = new VtdMachine(memory).scalable();
      SecondStageTables outer = new SecondStageTables(memory, second.levels());
      FirstStageTables inner = new FirstStageTables(identity(memory), first.levels());
      inner.map(IOVA, PAGE, first.page(), FirstStageTables.P | FirstStageTables.US | 0x62);
      for (int page = 0; page < (second.page() == 12 ? 64 : 1); page++) {
        outer.map(BASE + page * 4096L, BASE + page * 4096L, second.page(), 3);
      }
      long inside = PAGE | IOVA & (1L << first.page()) - 1;
      outer.map(inside, inside, second.page(), 3);
      machine.pasid(0x10, 0, PasidEntry.nested(inner, outer).walkSnoop());
      Trace trace =
          References.vtd(over(memory), machine.registers(), 46)
              .translate(0x10, -1, IOVA, Access.READ);
      return count(first, second, trace, inside);
    }
  }

  private static Count smmu(Depth first, Depth second) {
    try (Arena arena = Arena.ofConfined()) {
      TableMemory memory = new TableMemory(arena).run(BASE, 64);
      SmmuMachine machine = new SmmuMachine(memory);
      VmsaTables inner = new VmsaTables(memory, 12, 4 - first.levels(), bits(first));
      VmsaTables outer = new VmsaTables(memory, 12, 4 - second.levels(), bits(second));
      inner.map(IOVA, PAGE, 3 - (first.page() - 12) / 9, 1 << 6 | 1 << 10);
      int level = 3 - (second.page() - 12) / 9;
      long contexts = memory.allocate();
      for (int page = 0; page < (second.page() == 12 ? 64 : 1); page++) {
        outer.map(BASE + page * 4096L, BASE + page * 4096L, level, 3 << 6 | 1 << 10 | 15 << 2);
      }
      long inside = PAGE | IOVA & (1L << first.page()) - 1;
      outer.map(inside, inside, level, 3 << 6 | 1 << 10 | 15 << 2);
      machine.context(contexts, new ContextEntry(48).lower(inner));
      machine.stream(1, new StreamEntry(7).stage1(contexts, 0, 0, 0).stage2(outer, 48));
      Trace trace =
          References.smmuv3(over(memory), machine.registers()).translate(1, -1, IOVA, Access.READ);
      return count(first, second, trace, inside);
    }
  }

  private static int bits(Depth depth) {
    return depth.levels() == 4 ? 48 : 39;
  }

  private static TableSpace identity(TableMemory memory) {
    return new TableSpace() {
      @Override
      public long allocate() {
        return memory.allocate();
      }

      @Override
      public long get(long address) {
        return memory.get(address);
      }

      @Override
      public void put(long address, long word) {
        memory.put(address, word);
      }
    };
  }

  private static GuestMemory over(TableMemory memory) {
    TableMemory.Run run = memory.runs().get(0);
    return GuestMemory.builder().ram(run.first(), run.bytes()).build();
  }

  private static Count count(Depth first, Depth second, Trace trace, long expected) {
    if (Translation.isFault(trace.translation())
        || Translation.address(trace.translation()) != expected) {
      throw new IllegalStateException(
          first + " over " + second + ": " + Translation.describe(trace.translation()));
    }
    int all = 0;
    int configuration = 0;
    for (Step step : trace.steps()) {
      all += step.read().isEmpty() ? 0 : 1;
      if (step.stage() == 0 && !step.read().isEmpty()) {
        configuration = all;
      }
    }
    return new Count(first, second, all - configuration, all);
  }

  /** A grid: entries of the first stage down, of the second across. */
  static String markdown(List<Count> counts, String first, String second) {
    List<Depth> columns = counts.stream().map(Count::second).distinct().toList();
    StringBuilder text = new StringBuilder(2048);
    text.append("| ").append(first).append(" \\ ").append(second);
    columns.forEach(depth -> text.append(" | ").append(depth.name()));
    text.append(" |\n|").append(" --- |".repeat(columns.size() + 1)).append('\n');
    for (Depth row : counts.stream().map(Count::first).distinct().toList()) {
      text.append("| ").append(row.name());
      for (Count count : counts) {
        if (count.first().equals(row)) {
          text.append(" | ").append(count.tables());
        }
      }
      text.append(" |\n");
    }
    return text.toString();
  }

  private NestedReads() {}
}
