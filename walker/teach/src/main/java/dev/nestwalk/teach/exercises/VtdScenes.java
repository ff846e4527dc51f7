package dev.nestwalk.teach.exercises;

import dev.nestwalk.fixtures.Chance;
import dev.nestwalk.fixtures.TableLevels;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.vtd.FirstStageTables;
import dev.nestwalk.fixtures.vtd.PasidEntry;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import java.lang.foreign.Arena;
import java.util.List;

/** Random VT-d machines. */
final class VtdScenes {
  static final long FIRST_PAGE =
      FirstStageTables.P
          | FirstStageTables.RW
          | FirstStageTables.US
          | FirstStageTables.A
          | FirstStageTables.D;
  static final long SECOND_PAGE = SecondStageTables.R | SecondStageTables.W;

  private static final int HOST_PAGES = 48;

  static TableMemory hostMemory(Chance chance, Arena arena) {
    return new TableMemory(arena).run(Scenes.somewhere(chance, 38, 20), HOST_PAGES);
  }

  static Geometry geometry(int stage, int levels, long root) {
    return new Geometry(
        Format.VTD, stage, 12, levels, TableLevels.VTD.shift(levels + 1), root, false);
  }

  static int source(Chance chance) {
    return chance.below(256) << 8 | (1 + chance.below(31)) << 3 | chance.below(8);
  }

  /**
   * An address. For a first stage it is in the lower half, where the upper bits are 0; a second
   * stage uses all bits.
   */
  static long address(Chance chance, Geometry geometry) {
    long address = Scenes.address(chance, geometry);
    return geometry.stage() == 1 ? address & (1L << geometry.bits() - 1) - 1 : address;
  }

  static Subject single(Chance chance, Arena arena, int stage) {
    TableMemory host = hostMemory(chance, arena);
    VtdMachine machine = new VtdMachine(host);
    Scenes.Scattered space = new Scenes.Scattered(chance, host);
    int source = source(chance);
    int domain = 1 + chance.below(500);
    Geometry geometry;
    long address;
    if (stage == 1) {
      FirstStageTables first = new FirstStageTables(space, chance.percent(75) ? 4 : 5);
      geometry = geometry(1, first.levels(), first.root());
      address = address(chance, geometry);
      int leaf = Scenes.leaf(chance, geometry);
      first.map(address, Scenes.somewhere(chance, 44, 12), TableLevels.VTD.shift(leaf), FIRST_PAGE);
      machine.scalable();
      PasidEntry entry = PasidEntry.firstStage(first.levels(), first.root());
      machine.pasid(source, 0, entry.walkSnoop().domain(domain));
    } else {
      SecondStageTables second = new SecondStageTables(space, 3 + chance.below(3));
      geometry = geometry(2, second.levels(), second.root());
      address = address(chance, geometry);
      int leaf = Scenes.leaf(chance, geometry);
      second.map(
          address, Scenes.somewhere(chance, 44, 12), TableLevels.VTD.shift(leaf), SECOND_PAGE);
      if (chance.percent(50)) {
        machine.context(source, 0, second.levels() - 2, domain, second.root());
      } else {
        machine.scalable();
        PasidEntry entry = PasidEntry.secondStage(second.levels() - 2, second.root());
        machine.pasid(source, 0, entry.walkSnoop().domain(domain));
      }
    }
    Subject.Request request = new Subject.Request(source, -1, address, Scenes.readOrWrite(chance));
    return new Subject(Format.VTD, machine.registers(), request, List.of(geometry)).with(host);
  }

  static Subject nested(Chance chance, Arena arena) {
    return nested(chance, arena, 4, 3 + chance.below(2), chance.percent(60));
  }

  /**
   * First stage over second stage.
   *
   * @param block whether the second stage maps the guest's tables by one page of 2 MiB
   */
  static Subject nested(Chance chance, Arena arena, int levels, int secondLevels, boolean block) {
    TableMemory host = hostMemory(chance, arena);
    VtdMachine machine = new VtdMachine(host).scalable();
    Scenes.Scattered space = new Scenes.Scattered(chance, host);
    SecondStageTables second = new SecondStageTables(space, secondLevels);
    GuestPages guest = new GuestPages(chance, arena, block);
    guest.mapAll((from, to) -> second.map(from, to, block ? 21 : 12, SECOND_PAGE));
    FirstStageTables first =
        new FirstStageTables(new Scenes.Scattered(chance, guest.memory()), levels);
    Geometry one = geometry(1, levels, first.root());
    Geometry two = geometry(2, secondLevels, second.root());
    long address = address(chance, one);
    int leaf = chance.percent(60) ? 1 : 2;
    int below = chance.percent(60) ? 1 : 2;
    long page = Scenes.somewhere(chance, 36, 30);
    first.map(address, page, TableLevels.VTD.shift(leaf), FIRST_PAGE);
    long intermediate = page | address & (1L << TableLevels.VTD.shift(leaf)) - 1;
    second.map(
        intermediate, Scenes.somewhere(chance, 44, 12), TableLevels.VTD.shift(below), SECOND_PAGE);
    int source = source(chance);
    PasidEntry entry = PasidEntry.nested(first, second).walkSnoop();
    machine.pasid(source, 0, entry.domain(1 + chance.below(500)));
    Subject.Request request = new Subject.Request(source, -1, address, Scenes.readOrWrite(chance));
    return new Subject(Format.VTD, machine.registers(), request, List.of(one, two))
        .with(host)
        .with(guest);
  }

  private VtdScenes() {}
}
