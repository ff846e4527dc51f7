package dev.nestwalk.teach;

import dev.nestwalk.fixtures.Machine;
import dev.nestwalk.format.RegisterNames;
import dev.nestwalk.smmu.SmmuConfig;
import dev.nestwalk.vtd.VtdConfig;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Reads registers from the texts that users have: Linux's debugfs {@code iommu_regset}, {@code cap}
 * and {@code ecap} of sysfs, its boot messages, QEMU's {@code xp} output and trace lines, lines of
 * a name and a value, and the JSON of a scenario.
 */
public final class RegisterText {
  private static final int LARGEST = 4 << 20;
  private static final Pattern UNIT =
      Pattern.compile("IOMMU: (\\w+) Register Base Address: (?:0x)?([0-9a-fA-F]+)");
  private static final Pattern REGSET =
      Pattern.compile("^\\s*([A-Z][A-Z0-9_]*)\\s+0x[0-9a-fA-F]+\\s+0x([0-9a-fA-F]{1,16})\\s*$");
  private static final Pattern SYSFS =
      Pattern.compile("(?:^|/)(\\w+)/intel-iommu/(cap|ecap):([0-9a-fA-F]{1,16})\\s*$");
  private static final Pattern BOOT =
      Pattern.compile(
          "(dmar\\d+): reg_base_addr [0-9a-fA-F]+ ver \\S+ cap ([0-9a-fA-F]{1,16}) ecap"
              + " ([0-9a-fA-F]{1,16})");
  private static final Pattern XP =
      Pattern.compile(
          "^(?:\\(qemu\\)\\s*)?([0-9a-fA-F]{8,16}):((?: 0x[0-9a-fA-F]{1,16}){1,4})\\s*$");
  private static final Pattern SMMU_TRACE =
      Pattern.compile(
          "smmuv3_(?:read|write)_mmio addr: ?0x([0-9a-fA-F]+) val: ?0x([0-9a-fA-F]{1,16})");
  private static final Pattern VTD_TRACE =
      Pattern.compile(
          "vtd_reg_write addr 0x([0-9a-fA-F]+) size 0x[0-9a-fA-F]+ value 0x([0-9a-fA-F]{1,16})");
  private static final Pattern NAMED =
      Pattern.compile("^\\s*(?:SMMU_)?([A-Z][A-Z0-9_]*)\\s*[:=]\\s*0x([0-9a-fA-F]{1,16})\\s*$");

  private static final Map<Long, String> VTD_OFFSETS =
      Map.ofEntries(
          Map.entry(0x00L, "VER"),
          Map.entry(0x08L, "CAP"),
          Map.entry(0x10L, "ECAP"),
          Map.entry(0x1cL, "GSTS"),
          Map.entry(0x20L, "RTADDR"),
          Map.entry(0x64L, "PMEN"),
          Map.entry(0x68L, "PLMBASE"),
          Map.entry(0x6cL, "PLMLIMIT"),
          Map.entry(0x70L, "PHMBASE"),
          Map.entry(0x78L, "PHMLIMIT"));
  private static final Map<Long, String> SMMU_OFFSETS =
      Map.ofEntries(
          Map.entry(0x00L, "IDR0"),
          Map.entry(0x04L, "IDR1"),
          Map.entry(0x0cL, "IDR3"),
          Map.entry(0x14L, "IDR5"),
          Map.entry(0x20L, "CR0"),
          Map.entry(0x2cL, "CR2"),
          Map.entry(0x44L, "GBPA"),
          Map.entry(0x80L, "STRTAB_BASE"),
          Map.entry(0x88L, "STRTAB_BASE_CFG"));

  private static final long VTD_PAGE = 0xfed9_0000L;
  private static final long GCMD = 0x18;

  private final Map<String, Map<String, Long>> units = new LinkedHashMap<>();
  private String unit = "";

  private RegisterText() {}

  /**
   * Reads a file of any of these kinds.
   *
   * @param chosen the unit that is meant if the text has several, or null
   * @throws InputException with a message of one line if the text has no registers, or has those of
   *     several units and none is chosen
   */
  public static Machine read(Path file, @Nullable String chosen) {
    String text;
    try {
      if (Files.isRegularFile(file) && Files.size(file) > LARGEST) {
        throw new InputException(file + ": expected the registers of a unit, not 4 MiB of text");
      }
      if (!Files.isRegularFile(file)) {
        return Machine.read(file);
      }
      text = new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      return Machine.read(file);
    }
    String bare = text.strip();
    if (bare.startsWith("{")) {
      return Machine.read(file);
    }
    RegisterText reader = new RegisterText();
    text.lines().forEach(reader::line);
    return reader.machine(file, chosen);
  }

  private void put(String of, String name, String digits) {
    units
        .computeIfAbsent(of, ignored -> new LinkedHashMap<>())
        .put(name, Long.parseUnsignedLong(digits, 16));
  }

  private void line(String line) {
    Matcher head = UNIT.matcher(line);
    Matcher regset = REGSET.matcher(line);
    Matcher sysfs = SYSFS.matcher(line);
    Matcher boot = BOOT.matcher(line);
    Matcher named = NAMED.matcher(line);
    if (head.find()) {
      unit = head.group(1);
    } else if (regset.matches()) {
      put(unit, regset.group(1), regset.group(2));
    } else if (sysfs.find()) {
      String name = sysfs.group(2).equals("cap") ? "CAP" : "ECAP";
      put(sysfs.group(1), name, sysfs.group(3));
    } else if (boot.find()) {
      put(boot.group(1), "CAP", boot.group(2));
      put(boot.group(1), "ECAP", boot.group(3));
    } else if (named.matches()) {
      put(unit, named.group(1), named.group(2));
    } else {
      byOffset(line);
    }
  }

  private void byOffset(String line) {
    Matcher xp = XP.matcher(line);
    Matcher smmu = SMMU_TRACE.matcher(line);
    Matcher vtd = VTD_TRACE.matcher(line);
    if (xp.matches()) {
      long address = Long.parseUnsignedLong(xp.group(1), 16);
      for (String digits : xp.group(2).strip().split(" ", -1)) {
        boolean isVtd = (address & -4096) == VTD_PAGE;
        offset(isVtd, isVtd ? address & 0xfff : address & 0xffff, digits.substring(2));
        address += digits.length() > 10 ? 8 : 4;
      }
    } else if (smmu.find() && smmu.group(1).length() <= 8) {
      offset(false, Long.parseLong(smmu.group(1), 16), smmu.group(2));
    } else if (vtd.find() && vtd.group(1).length() <= 8) {
      long offset = Long.parseLong(vtd.group(1), 16);
      // GSTS shows what a write of GCMD switched on.
      offset(true, offset == GCMD ? GCMD + 4 : offset, vtd.group(2));
    }
  }

  private void offset(boolean isVtd, long offset, String digits) {
    String name = (isVtd ? VTD_OFFSETS : SMMU_OFFSETS).get(offset);
    if (name != null) {
      put(unit, name, digits);
    }
  }

  private Machine machine(Path file, @Nullable String chosen) {
    if (units.isEmpty()) {
      throw new InputException(
          file
              + ": no registers found, expected JSON, iommu_regset, sysfs cap and ecap, or QEMU's"
              + " xp or trace lines");
    }
    Map<String, Long> registers = chosen == null ? null : units.get(chosen);
    if (registers == null && (chosen != null || units.size() > 1)) {
      throw new InputException(
          "%s: has the units %s, expected %s"
              .formatted(
                  file,
                  String.join(", ", units.keySet()),
                  chosen == null ? "one of them with --unit" : "--unit to name one of them"));
    }
    Map<String, Long> found = registers == null ? units.values().iterator().next() : registers;
    boolean vtd = known(found, VtdConfig.REGISTERS) >= known(found, SmmuConfig.REGISTERS);
    return new Machine(file, vtd ? "vtd" : "smmuv3", found, -1, List.of(), Map.of());
  }

  private static long known(Map<String, Long> registers, RegisterNames names) {
    return registers.keySet().stream().filter(names::has).count();
  }
}
