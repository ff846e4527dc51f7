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
              + " ([0-9a-fA-F]{1,16})\\b");
  private static final Pattern XP =
      Pattern.compile(
          "^(?:\\(qemu\\)\\s*)?([0-9a-fA-F]{8,16}):((?: 0x[0-9a-fA-F]{1,16}){1,4})\\s*$");
  private static final Pattern SMMU_TRACE =
      Pattern.compile(
          "smmuv3_(?:read|write)_mmio addr: ?0x([0-9a-fA-F]+) val: ?0x([0-9a-fA-F]{1,16})\\b(?:"
              + " size: ?0x([0-9a-fA-F]{1,2})\\b)?");
  private static final Pattern VTD_TRACE =
      Pattern.compile(
          "vtd_reg_write addr 0x([0-9a-fA-F]+) size 0x([0-9a-fA-F]{1,2}) value"
              + " 0x([0-9a-fA-F]{1,16})\\b");
  private static final Pattern NAMED =
      Pattern.compile("^\\s*(?:SMMU_)?([A-Z][A-Z0-9_]*)\\s*[:=]\\s*0x([0-9a-fA-F]{1,16})\\s*$");

  private static final long VTD_PAGE = 0xfed9_0000L;
  private static final long GCMD = 0x18;

  private final Map<String, Map<String, Long>> units = new LinkedHashMap<>();
  private final RegisterPieces pieces = new RegisterPieces(this::put);
  private String unit = "";
  private String odd = "";

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
    put(of, name, hex(digits));
  }

  private void put(String of, String name, long value) {
    units.computeIfAbsent(of, ignored -> new LinkedHashMap<>()).put(name, value);
  }

  private static long hex(String digits) {
    return Long.parseUnsignedLong(digits, 16);
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
      xp(hex(xp.group(1)), xp.group(2).strip().split(" ", -1), line);
    } else if (smmu.find() && smmu.group(1).length() <= 8) {
      traced(false, hex(smmu.group(1)), smmu.group(3), hex(smmu.group(2)));
    } else if (vtd.find() && vtd.group(1).length() <= 8) {
      long offset = hex(vtd.group(1));
      if (offset == GCMD) {
        // GSTS shows what a write of GCMD switched on.
        traced(true, GCMD + 4, "4", hex(vtd.group(3)) & 0xffff_ffffL);
      } else {
        traced(true, offset, vtd.group(2), hex(vtd.group(3)));
      }
    }
  }

  /** Words as QEMU's monitor prints them, in the digits of their width; or shorter, by hand. */
  private void xp(long first, String[] words, String line) {
    long address = first;
    for (String word : words) {
      int digits = word.length() - 2;
      boolean isVtd = (address & -4096) == VTD_PAGE;
      long offset = address & (isVtd ? 0xfff : 0xffff);
      if (digits == 2 || digits == 4 || digits < 8 && words.length > 1) {
        odd = odd.isEmpty() ? line.strip() : odd;
      } else if (digits == 8) {
        pieces.word(unit, isVtd, offset, hex(word.substring(2)));
      } else if (digits == 16) {
        pieces.quad(unit, isVtd, offset, hex(word.substring(2)));
      } else {
        pieces.whole(unit, isVtd, offset, hex(word.substring(2)));
      }
      address += digits > 8 ? 8 : 4;
    }
  }

  private void traced(boolean isVtd, long offset, @Nullable String size, long value) {
    if (size == null) {
      pieces.whole(unit, isVtd, offset, value);
    } else if (hex(size) == 8) {
      pieces.quad(unit, isVtd, offset, value);
    } else if (hex(size) == 4) {
      pieces.word(unit, isVtd, offset, value & 0xffff_ffffL);
    }
  }

  private Machine machine(Path file, @Nullable String chosen) {
    if (!odd.isEmpty()) {
      throw new InputException(
          "%s: '%s': expected words of 4 or 8 bytes, as xp /wx and xp /gx print them"
              .formatted(file, odd));
    }
    String missing = pieces.missing();
    if (missing != null) {
      throw new InputException(file + ": " + missing);
    }
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
