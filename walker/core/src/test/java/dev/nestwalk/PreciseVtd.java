package dev.nestwalk;

import dev.nestwalk.explain.Reference;
import dev.nestwalk.explain.References;
import dev.nestwalk.fixtures.Chance;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.vtd.PasidEntry;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeSet;

/** A VT-d unit in scalable mode: functions of one device, PASIDs, domains, shared tables. */
final class PreciseVtd implements PreciseScene {
  private static final int[] SOURCES = {8, 9, 10, 12, 15};
  private static final int[] PASIDS = {-1, 3, 70};
  private static final int DOMAINS = 3;

  /** CAP.PLMR and PHMR. */
  private static final long PROTECTS = 3L << 5;

  /** GSTS.TES. */
  private static final long TRANSLATES = 1L << 31;

  /** Of the ways to change registers, to turn translation off or on. */
  private static final int OFF_OR_ON = 11;

  private static final int[] SHIFTS = {39, 30, 21, 12};

  /** A and D are the guest's or the unit's to set; G means nothing to this unit. */
  private static final PreciseTables.Shape FIRST =
      new PreciseTables.Shape(SHIFTS, 1, 30, 0x81, 0x27, 0x5, 0x85, 0x162, 0x160);

  /** So are those of the second stage, in half of the machines; in the others they are ignored. */
  private static final PreciseTables.Shape SECOND =
      new PreciseTables.Shape(SHIFTS, 1, 30, 0x81, 3, 1, 0x81, 0x302, 0x300);

  /** What a PASID's entry says. */
  private record Config(int domain, int first, int second) {}

  private final TableMemory memory;

  /** Root tables of the same devices; the registers are those of the first. */
  private final VtdMachine[] roots;

  /** The one in force. */
  private int root;

  private final Iommu iommu;
  private final PreciseTables[] firsts = new PreciseTables[3];
  private final PreciseTables[] seconds = new PreciseTables[2];

  /** By source, directory and PASID. */
  private final Config[][][] configs = new Config[16][2][PASIDS.length];

  /** By root table and source. */
  private final int[][] directory = new int[2][16];

  private final long[][] contexts = new long[16][2];
  private final Pending pending = new Pending();
  private final boolean secondFlags;

  PreciseVtd(TableMemory memory, Chance chance) {
    this.memory = memory;
    secondFlags = chance.below(2) == 0;
    roots = new VtdMachine[] {new VtdMachine(memory), new VtdMachine(memory)};
    VtdMachine machine = roots[0].scalable().register("CAP", VtdMachine.CAP | PROTECTS);
    roots[1].scalable();
    for (int i = 0; i < firsts.length; i++) {
      firsts[i] = new PreciseTables(memory, FIRST, memory.allocate(), false);
      memory.put(firsts[i].root, memory.allocate() | FIRST.table());
      firsts[i].fill(chance);
    }
    for (int i = 0; i < seconds.length; i++) {
      seconds[i] = new PreciseTables(memory, SECOND, memory.allocate(), false);
      // The tables' own pages take flags of the first stage: writable.
      seconds[i].identity(0, 1, 2);
      seconds[i].fill(chance);
    }
    for (int source : SOURCES) {
      for (int which = 0; which < 2; which++) {
        machine.scalableContext(source, 4 | 8, 0, 0);
        contexts[source][which] = memory.get(machine.contextAddress(source));
        directory[0][source] = which;
        for (int i = 0; i < PASIDS.length; i++) {
          write(source, i, draw(chance));
        }
      }
      memory.put(roots[1].contextAddress(source), contexts[source][0]);
    }
    iommu = Iommu.vtd(Comparison.over(memory), machine.registers(), 46);
  }

  private Config draw(Chance chance) {
    int kind = chance.below(8);
    int first = kind < 5 ? chance.below(firsts.length) : -1;
    int second = kind >= 3 && kind < 7 ? chance.below(seconds.length) : -1;
    return new Config(1 + chance.below(DOMAINS), first, second);
  }

  /** The entries that a source's context entry leads to. */
  private Config[] inForce(int source) {
    return configs[source][directory[root][source]];
  }

  private void write(int source, int index, Config config) {
    inForce(source)[index] = config;
    boolean first = config.first >= 0;
    boolean second = config.second >= 0;
    PasidEntry entry =
        first && second
            ? PasidEntry.ofType(3)
            : first
                ? PasidEntry.ofType(1)
                : second ? PasidEntry.ofType(2) : PasidEntry.passThrough(2);
    if (first) {
      entry.firstRoot(4, firsts[config.first].root);
    }
    if (second) {
      entry.secondRoot(2, seconds[config.second].root);
      if (secondFlags) {
        entry.secondStageFlags();
      }
    }
    int pasid = Math.max(PASIDS[index], 0);
    long directoryAt = contexts[source][directory[root][source]] & -4096;
    long slot = directoryAt + (pasid >> 6) * 8L;
    if (memory.get(slot) == 0) {
      memory.put(slot, memory.allocate() | 1);
    }
    long at = (memory.get(slot) & -4096) + (pasid & 63) * 64L;
    long[] words = entry.walkSnoop().domain(config.domain).words();
    for (int i = 0; i < words.length; i++) {
      memory.put(at + 8L * i, words[i]);
    }
  }

  @Override
  public Iommu iommu() {
    return iommu;
  }

  @Override
  public Reference reference() {
    return References.vtd(iommu.memory(), roots[0].registers(), 46);
  }

  @Override
  public int[] sources() {
    return SOURCES;
  }

  @Override
  public int[] pasids() {
    return PASIDS;
  }

  @Override
  public long name(long page, Chance chance) {
    return page;
  }

  @Override
  public boolean isNested(int source, int pasid) {
    for (int i = 0; i < PASIDS.length; i++) {
      if (PASIDS[i] == pasid) {
        Config config = inForce(source)[i];
        return config.first >= 0 && config.second >= 0;
      }
    }
    throw new IllegalArgumentException("PASID " + pasid);
  }

  @Override
  public void change(Chance chance) {
    switch (chance.below(8)) {
      case 0 -> changePasid(chance);
      case 1 -> changeContext(chance);
      default -> changeEntry(chance);
    }
  }

  @Override
  public void changeEntry(Chance chance) {
    long page = PreciseTables.PAGES[chance.below(PreciseTables.PAGES.length)];
    if (chance.below(2) == 0) {
      int which = chance.below(firsts.length);
      changedFirst(which, firsts[which].change(page, chance), chance);
    } else {
      int which = chance.below(seconds.length);
      changedSecond(which, seconds[which].change(page, chance), chance);
    }
  }

  private void changePasid(Chance chance) {
    int source = SOURCES[chance.below(SOURCES.length)];
    int index = chance.below(PASIDS.length);
    Config before = inForce(source)[index];
    write(source, index, draw(chance));
    int pasid = Math.max(PASIDS[index], 0);
    int how = chance.below(8);
    pending.add(
        Kind.PROCESS,
        () -> {
          VtdInvalidations unit = iommu.vtdInvalidations();
          switch (how) {
            case 0 -> unit.pasidGlobal();
            case 1 -> unit.pasidDomain(before.domain);
            default -> unit.pasid(before.domain, pasid);
          }
          if (before.second < 0) {
            unit.pasidIotlb(before.domain, pasid);
          } else {
            unit.iotlbDomain(before.domain);
          }
        });
  }

  /** Another PASID directory; FM says that functions beside are meant too. */
  private void changeContext(Chance chance) {
    int source = SOURCES[chance.below(SOURCES.length)];
    directory[root][source] ^= 1;
    int mask = chance.below(4);
    int ignored = new int[] {0, 4, 6, 7}[mask];
    int named = source ^ chance.below(8) & ignored;
    memory.put(roots[root].contextAddress(source), contexts[source][directory[root][source]]);
    pending.add(Kind.DEVICE, () -> iommu.vtdInvalidations().contextDevice(named, mask));
  }

  @Override
  public boolean isOn() {
    return (roots[0].registers().getOrDefault("GSTS", 0L) & TRANSLATES) != 0;
  }

  @Override
  public void reconfigure(Chance chance) {
    boolean keeps = chance.below(4) != 0;
    Map<String, Long> changes = new HashMap<>();
    int what = isOn() ? chance.below(12) : OFF_OR_ON;
    if (what == OFF_OR_ON) {
      changes.put("GSTS", isOn() ? 0 : TRANSLATES);
    } else if (what > 7) {
      // Regions apply to what passes through, and are what no cache may outlive.
      changes.put("PMEN", (long) chance.below(2));
      changes.put("PLMBASE", chance.oneOf(0x4000_0000L, 0x4020_0000L));
      changes.put("PLMLIMIT", chance.oneOf(0x4020_0000L, 0x8000_0000L));
      changes.put("PHMBASE", chance.oneOf(0xc000_0000L, 0x1_0000_0000L));
      changes.put("PHMLIMIT", 0x1_0000_0000L);
    } else if (what > 3) {
      root ^= 1;
      changes.put("RTADDR", roots[root].root() | 1L << 10);
      if (keeps) {
        pending.add(Kind.REGISTERS, this::invalidateAll);
      }
    }
    roots[0].registers().putAll(changes);
    iommu.reconfigure(changes, keeps);
  }

  private void changedFirst(int which, PreciseTables.Edit edit, Chance chance) {
    TreeSet<Long> tags = new TreeSet<>();
    forEach(
        (config, index) -> {
          if (config.first == which) {
            tags.add((long) config.domain << 32 | Math.max(PASIDS[index], 0));
          }
        });
    for (long tag : tags) {
      int domain = (int) (tag >>> 32);
      int pasid = (int) tag;
      int how = chance.below(12);
      int mask = mask(edit, chance);
      boolean leaf = edit.leafOnly() && chance.below(4) != 0;
      // Any address in the range names it.
      long at = edit.first() | chance.bits() & (1L << edit.shift()) - 1;
      pending.add(
          edit.kind(Kind.FIRST_STAGE),
          () -> {
            VtdInvalidations unit = iommu.vtdInvalidations();
            switch (how) {
              case 0 -> unit.pasidIotlb(domain, pasid);
              case 1 -> unit.iotlbDomain(domain);
              default -> unit.pasidIotlbPages(domain, pasid, at, mask, leaf);
            }
          });
    }
  }

  private void changedSecond(int which, PreciseTables.Edit edit, Chance chance) {
    TreeSet<Integer> domains = new TreeSet<>();
    forEach(
        (config, index) -> {
          if (config.second == which) {
            domains.add(config.domain);
          }
        });
    for (int domain : domains) {
      int how = chance.below(12);
      int mask = mask(edit, chance);
      boolean leaf = edit.leafOnly() && chance.below(4) != 0;
      long at = edit.first() | chance.bits() & (1L << edit.shift()) - 1;
      pending.add(
          edit.kind(Kind.SECOND_STAGE),
          () -> {
            VtdInvalidations unit = iommu.vtdInvalidations();
            if (how == 0) {
              unit.iotlbDomain(domain);
            } else {
              unit.iotlbPages(domain, at, mask, leaf);
            }
          });
    }
  }

  /** AM: what the entry maps or a little more; of a leaf any part of it will do. */
  private static int mask(PreciseTables.Edit edit, Chance chance) {
    int all = edit.shift() - 12;
    boolean part = edit.leafOnly() && edit.before() != 0 && chance.below(2) == 0;
    return part ? chance.below(all + 1) : all + chance.below(3) * chance.below(2);
  }

  private interface Seen {
    void config(Config config, int index);
  }

  /** Every entry that a directory in use or aside has, since either may be cached. */
  private void forEach(Seen seen) {
    for (int source : SOURCES) {
      for (Config[] entries : configs[source]) {
        for (int index = 0; index < entries.length; index++) {
          seen.config(entries[index], index);
        }
      }
    }
  }

  @Override
  public Pending pending() {
    return pending;
  }

  @Override
  public void invalidate(Chance chance) {
    if (chance.below(60) == 0 && pending.mayTakeAll()) {
      invalidateAll();
      pending.clear();
    } else {
      pending.run();
    }
  }

  private void invalidateAll() {
    iommu.vtdInvalidations().contextGlobal();
    iommu.vtdInvalidations().pasidGlobal();
    iommu.vtdInvalidations().iotlbGlobal();
  }
}
