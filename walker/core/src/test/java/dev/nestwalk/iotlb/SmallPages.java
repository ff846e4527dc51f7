package dev.nestwalk.iotlb;

/** A plan whose tables, of either stage, map pages of 4 KiB alone. */
final class SmallPages extends CachedPlan {
  SmallPages(int domain, int process, boolean first) {
    select(domain, process, process, first, !first);
    word(0, domain);
    word(1, process);
    word(2, first ? 1 : 0);
  }

  @Override
  public long[] inputRanges() {
    return new long[] {0, -1};
  }

  @Override
  public long block(long input, int stage, int level) {
    return 4095;
  }

  @Override
  public long blockOfPiece(long input, int level, int secondLevel) {
    return 4095;
  }

  @Override
  public long blockOfRefusal(int code) {
    return -1;
  }

  @Override
  public boolean isFirstStageLeaf(int level, long entry) {
    return true;
  }
}
