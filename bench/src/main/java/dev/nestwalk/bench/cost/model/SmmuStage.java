package dev.nestwalk.bench.cost.model;

import dev.nestwalk.bench.cost.PageMix;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.smmu.VmsaTables;

/** A stage of SMMUv3. */
final class SmmuStage extends Stage {
  /** AF, AP[1], nG. */
  private static final long FIRST = 1L << 10 | 1L << 6 | 1L << 11;

  /** AF, S2AP read and write, MemAttr write-back. */
  private static final long SECOND = 1L << 10 | 3L << 6 | 15L << 2;

  final VmsaTables tables;
  private final TableMemory memory;
  private final long flags;

  private SmmuStage(
      Shapes shapes,
      PageMix mix,
      boolean hints,
      TableMemory memory,
      VmsaTables tables,
      long flags) {
    super(shapes, mix, hints);
    this.memory = memory;
    this.tables = tables;
    this.flags = flags;
  }

  static SmmuStage first(Shapes shapes, PageMix mix, TableMemory memory) {
    VmsaTables tables = new VmsaTables(memory, shapes.granule, shapes.start1, shapes.bits1);
    return new SmmuStage(shapes, mix, shapes.hints1, memory, tables, FIRST);
  }

  static SmmuStage second(Shapes shapes, PageMix mix, TableMemory memory) {
    VmsaTables tables = new VmsaTables(memory, shapes.granule, shapes.start2, shapes.bits2);
    return new SmmuStage(shapes, mix, shapes.hints2, memory, tables, SECOND);
  }

  @Override
  void write(long address, long output, int level, boolean hinted) {
    tables.map(address, output, level, hinted ? flags | Shapes.CONTIGUOUS : flags);
  }

  @Override
  void clear(long address, int level) {
    memory.put(tables.descriptorAddress(address, level), 0);
  }

  @Override
  long root() {
    return tables.root();
  }
}
