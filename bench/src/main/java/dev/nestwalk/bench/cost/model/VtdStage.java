package dev.nestwalk.bench.cost.model;

import dev.nestwalk.bench.cost.PageMix;
import dev.nestwalk.fixtures.TableLevels;
import dev.nestwalk.fixtures.TableSpace;
import dev.nestwalk.fixtures.vtd.FirstStageTables;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import org.jspecify.annotations.Nullable;

/** A stage of VT-d. */
final class VtdStage extends Stage {
  private static final long FIRST =
      FirstStageTables.P
          | FirstStageTables.RW
          | FirstStageTables.US
          | FirstStageTables.A
          | FirstStageTables.D;
  private static final long SECOND = SecondStageTables.R | SecondStageTables.W;

  final @Nullable FirstStageTables first;
  final @Nullable SecondStageTables second;
  private final TableSpace space;

  private VtdStage(
      Shapes shapes,
      PageMix mix,
      TableSpace space,
      @Nullable FirstStageTables first,
      @Nullable SecondStageTables second) {
    super(shapes, mix, false);
    this.space = space;
    this.first = first;
    this.second = second;
  }

  static VtdStage first(Shapes shapes, PageMix mix, TableSpace space) {
    return new VtdStage(shapes, mix, space, new FirstStageTables(space, shapes.levels1), null);
  }

  static VtdStage second(Shapes shapes, PageMix mix, TableSpace space) {
    return new VtdStage(shapes, mix, space, null, new SecondStageTables(space, shapes.levels2));
  }

  @Override
  void write(long address, long output, int level, boolean hinted) {
    int size = TableLevels.VTD.shift(level);
    if (first != null) {
      first.map(address, output, size, FIRST);
    } else if (second != null) {
      second.map(address, output, size, SECOND);
    }
  }

  @Override
  void clear(long address, int level) {
    if (first != null) {
      space.put(first.entryAddress(address, level), 0);
    } else if (second != null) {
      space.put(second.entryAddress(address, level), 0);
    }
  }

  @Override
  long root() {
    return first != null ? first.root() : second != null ? second.root() : 0;
  }
}
