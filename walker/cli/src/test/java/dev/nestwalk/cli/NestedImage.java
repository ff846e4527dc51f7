package dev.nestwalk.cli;

import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.vtd.FirstStageTables;
import dev.nestwalk.fixtures.vtd.GuestSpace;
import dev.nestwalk.fixtures.vtd.PasidEntry;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** A raw image of a VT-d machine with a nested walk of four levels over four. */
final class NestedImage {
  private static final long BASE = 0x10_0000;
  private static final int PAGES = 64;

  /** Writes memory and registers; the arguments that name them. */
  static List<String> write(Path folder) throws IOException {
    Path memory = folder.resolve("nested.raw");
    Path registers = folder.resolve("nested.json");
    try (Arena arena = Arena.ofConfined()) {
      TableMemory tables = new TableMemory(arena).run(BASE, PAGES);
      VtdMachine machine = new VtdMachine(tables).scalable();
      SecondStageTables second = new SecondStageTables(tables, 4);
      GuestSpace guest = new GuestSpace(tables, second, 0x100_0000_0000L);
      FirstStageTables first = new FirstStageTables(guest, 4);
      long flags =
          FirstStageTables.P | FirstStageTables.RW | FirstStageTables.US | FirstStageTables.A;
      first.map(0x4000_1000L, 0x7000_0000L, 12, flags | FirstStageTables.D);
      second.map(0x7000_0000L, 0x8000_0000L, 12, 3);
      machine.pasid(0x10, 0, PasidEntry.nested(first, second).walkSnoop());
      Files.write(memory, tables.runs().get(0).bytes().toArray(ValueLayout.JAVA_BYTE));
      StringBuilder values = new StringBuilder();
      machine
          .registers()
          .forEach(
              (name, value) ->
                  values
                      .append(values.isEmpty() ? "" : ", ")
                      .append("\"%s\": \"0x%x\"".formatted(name, value)));
      Files.writeString(
          registers,
          "{\"format\": \"vtd\", \"host_address_width\": 46, \"registers\": {%s}}"
              .formatted(values));
    }
    return List.of(
        memory.toString(),
        "--ram",
        "0x%x,0x%x".formatted(BASE, PAGES * 4096),
        "--registers",
        registers.toString());
  }

  private NestedImage() {}
}
