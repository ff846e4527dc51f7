package dev.nestwalk.bench.cost.experiment;

import dev.nestwalk.bench.cost.Axis;
import dev.nestwalk.bench.cost.Cell;
import dev.nestwalk.bench.cost.CellResult;
import dev.nestwalk.bench.cost.Plot;
import dev.nestwalk.bench.cost.Published;
import dev.nestwalk.bench.cost.Verdict;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** E1: references of a walk by depth and page size. */
final class WalkReferences extends Question {
  private static final String LOAD = " iotlb=0 workload=random:64m";

  /** What the literature's formula says of each walk, by its cell and a label. */
  private record Row(String label, String cell, int references) {
    Cell cell(Size size) {
      return Cell.parse(cell + LOAD + " requests=" + (size == Size.SMALL ? 50 : 1000));
    }
  }

  private static final List<Row> ROWS =
      List.of(
          new Row("VT-d 3", "format=vtd stages=2 depth=4x3", 3),
          new Row("VT-d 4", "format=vtd stages=2 depth=4x4", 4),
          new Row("VT-d 4 first", "format=vtd stages=1 depth=4x4", 4),
          new Row("VT-d 5", "format=vtd stages=2 depth=5x5", 5),
          new Row("VT-d 4 2M", "format=vtd stages=2 depth=4x4 pages2=2m", 3),
          new Row("VT-d 4 1G", "format=vtd stages=2 depth=4x4 pages2=1g", 2),
          new Row("VT-d 4/3", "format=vtd depth=4x3", 19),
          new Row("VT-d 4/4", "format=vtd depth=4x4", 24),
          new Row("VT-d 5/5", "format=vtd depth=5x5", 35),
          new Row("VT-d 4/4 2M/2M", "format=vtd depth=4x4 pages1=2m pages2=2m", 15),
          new Row("VT-d 4/4 4K/2M", "format=vtd depth=4x4 pages2=2m", 19),
          new Row("VT-d 4/4 1G/1G", "format=vtd depth=4x4 pages1=1g pages2=1g", 8),
          new Row("SMMUv3 4K", "format=smmuv3 stages=1", 4),
          new Row("SMMUv3 4K s2", "format=smmuv3 stages=2", 4),
          new Row("SMMUv3 64K", "format=smmuv3 stages=1 granule=64k", 3),
          new Row("SMMUv3 4K/4K", "format=smmuv3", 24),
          new Row("SMMUv3 4K 3/3", "format=smmuv3 depth=3x3", 15),
          new Row("SMMUv3 4K 5/5", "format=smmuv3 depth=5x5", 35),
          new Row("SMMUv3 16K/16K", "format=smmuv3 granule=16k", 19),
          new Row("SMMUv3 64K/64K", "format=smmuv3 granule=64k", 15),
          new Row("SMMUv3 2M/2M", "format=smmuv3 pages1=2m pages2=2m", 15));

  WalkReferences() {
    super(
        "E1",
        "References by depth and page size",
        "How many entries does a walk read that no cache helps?",
        "Exactly: n levels of one stage read n entries; m over n read (m + 1)(n + 1) - 1: 24 for"
            + " four over four, 19 for four over three, 35 for five over five. Each step to larger"
            + " pages takes a level away.",
        new Published(
            "24 references for four levels over four, n m + n + m for n over m",
            "R. Bhargava, B. Serebrin, F. Spadini, S. Manne: Accelerating Two-Dimensional "
                + "Page Walks for Virtualized Systems, ASPLOS 2008, pages 26-35",
            "the abstract says that the second dimension takes more references; the number and the"
                + " formula are cited from memory, and as summaries of the paper tell them"));
  }

  @Override
  public String reading() {
    return "The counts agree with the formula and with what Bhargava and others give for four "
        + "levels over four. SMMUv3 with 16K granules begins its second stage with two tables of "
        + "level 1 side by side, so that four levels over three read 19; with 64K granules three "
        + "over three read 15. Reads of context, PASID and stream structures are counted apart "
        + "(ref.config).";
  }

  @Override
  public List<Cell> cells(Size size) {
    return ROWS.stream().map(row -> row.cell(size)).toList();
  }

  private static Map<Row, CellResult> found(List<CellResult> results) {
    Map<Row, CellResult> found = new LinkedHashMap<>();
    for (Row row : ROWS) {
      for (CellResult result : results) {
        String seed = result.cell().get(Axis.SEED);
        if (result.cell().equals(row.cell(Size.SMALL).with(Axis.SEED, seed))
            || result.cell().equals(row.cell(Size.TOUR).with(Axis.SEED, seed))) {
          found.put(row, result);
        }
      }
    }
    return found;
  }

  @Override
  public List<Verdict> judge(List<CellResult> results) {
    List<Verdict> verdicts = new ArrayList<>();
    Map<Row, CellResult> found = found(results);
    for (Row row : ROWS) {
      CellResult result = found.get(row);
      if (result == null) {
        throw new IllegalArgumentException("no result of " + row.cell);
      }
      long walks = result.counts().get("walk");
      long references = result.counts().get("ref");
      verdicts.add(
          Verdict.of(
              "%s: %d references a walk".formatted(row.label, row.references),
              walks > 0 && references == walks * row.references,
              "%d references in %d walks".formatted(references, walks)));
    }
    return verdicts;
  }

  private static double references(List<CellResult> results, String label) {
    return found(results).entrySet().stream()
        .filter(entry -> entry.getKey().label.equals(label))
        .map(entry -> entry.getValue().counts().per("ref", "walk"))
        .findFirst()
        .orElse(0.0);
  }

  @Override
  public String headline(List<CellResult> results) {
    double nested = references(results, "VT-d 4/4");
    double single = references(results, "VT-d 4");
    return "Without caches a nested walk of 4 levels over 4 reads %s entries, one stage %s: %s times as many."
        .formatted(figure(nested, 0), figure(single, 0), figure(nested / single, 1));
  }

  @Override
  public List<Plot> plots(List<CellResult> results) {
    List<Plot.Series> series = new ArrayList<>();
    for (boolean nested : new boolean[] {false, true}) {
      List<Plot.Point> points = new ArrayList<>();
      found(results)
          .forEach(
              (row, result) -> {
                if (result.cell().isNested() == nested) {
                  points.add(point(row.label, result.counts().per("ref", "walk")));
                }
              });
      series.add(new Plot.Series(nested ? "nested" : "one stage", points));
    }
    return List.of(
        new Plot(
            "e1-references",
            "References of a walk without caches",
            "Bars: entries read by one walk, for tables of one stage and of two, by levels and"
                + " page size. "
                + headline(results),
            "tables",
            "entries read by a walk",
            Plot.Form.BARS,
            series));
  }
}
