package dev.nestwalk.bench.cost.model;

import dev.nestwalk.bench.cost.Axis;
import dev.nestwalk.bench.cost.Cell;
import dev.nestwalk.bench.cost.Geometry;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The caches of the modelled unit and its devices. Tags: address space, tenant, requester. */
final class Hardware {
  /** Stores of a split cache: modulo this the log2 sizes of one granule's pages all differ. */
  private static final int SIZES = 10;

  private static final int LOWEST_LEVEL = -1;
  private static final int LEVELS = 7;

  final ModelCache iotlb;
  final ModelCache nested;
  final ModelCache context;
  final ModelCache process;

  private final List<ModelCache> tables1 = new ArrayList<>();
  private final List<ModelCache> tables2 = new ArrayList<>();

  /** Of each tenant one; empty without ATS. */
  final List<ModelCache> devices = new ArrayList<>();

  /** Log2 sizes of pages that translations were kept in, ascending. */
  private int[] sizes = {};

  Hardware(Cell cell) {
    long seed = cell.number(Axis.SEED);
    iotlb = new ModelCache(cell.geometry(Axis.IOTLB), SIZES, seed);
    nested = new ModelCache(cell.geometry(Axis.NTLB), SIZES, seed + 1);
    context = new ModelCache(cell.geometry(Axis.CONTEXT), 1, seed + 2);
    process = new ModelCache(cell.geometry(Axis.PASIDCACHE), 1, seed + 3);
    for (int level = LOWEST_LEVEL; level < LOWEST_LEVEL + LEVELS; level++) {
      tables1.add(new ModelCache(cell.geometry(Axis.PWC1), 1, seed + 10 + level));
      tables2.add(new ModelCache(cell.geometry(Axis.PWC2), 1, seed + 20 + level));
    }
    Geometry device = cell.geometry(Axis.ATC);
    for (int tenant = 0; device.exists() && tenant < cell.number(Axis.TENANTS); tenant++) {
      devices.add(new ModelCache(device, SIZES, seed + 100 + tenant));
    }
  }

  /** The cache that knows where tables of a level are, of stage 1 or 2. */
  ModelCache tables(int stage, int level) {
    return tables(stage).get(level - LOWEST_LEVEL);
  }

  /** Such caches of all levels. */
  List<ModelCache> tables(int stage) {
    return stage == 1 ? tables1 : tables2;
  }

  /** Whether a cache of translations has one for an address, of whatever size. */
  boolean use(ModelCache cache, int tag, long address) {
    for (int size : sizes) {
      if (cache.use(tag, address >>> size, size)) {
        return true;
      }
    }
    return false;
  }

  /** Takes a translation of a page into a cache. */
  void fill(ModelCache cache, int tag, long address, int sizeLog2) {
    if (cache.exists()) {
      remember(sizeLog2);
      cache.fill(tag, address >>> sizeLog2, sizeLog2);
    }
  }

  /** Drops what covers an address. */
  void drop(ModelCache cache, int tag, long address) {
    for (int size : sizes) {
      cache.drop(tag, address >>> size, size);
    }
  }

  private void remember(int sizeLog2) {
    for (int size : sizes) {
      if (size == sizeLog2) {
        return;
      }
    }
    int[] more = Arrays.copyOf(sizes, sizes.length + 1);
    more[sizes.length] = sizeLog2;
    Arrays.sort(more);
    sizes = more;
  }
}
