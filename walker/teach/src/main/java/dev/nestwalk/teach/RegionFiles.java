package dev.nestwalk.teach;

import dev.nestwalk.acpi.AcpiDump;
import dev.nestwalk.acpi.FirmwareException;
import dev.nestwalk.acpi.ReservedRegionsText;
import dev.nestwalk.fixtures.IoReason;
import dev.nestwalk.region.Region;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Regions from a platform's files: DMAR, IORT and IVRS tables, their text by {@code acpidump}, and
 * Linux's sysfs files.
 */
public final class RegionFiles {
  private static final String EXPECTED =
      "expected a DMAR, IORT or IVRS table, acpidump's text or a group's reserved_regions";
  private static final int SIGNATURE = 4;

  /**
   * A region with its source.
   *
   * @param note remark about its kind, or empty
   */
  public record Sourced(Region region, String source, String note) {
    Sourced(Region region, String source) {
      this(region, source, "");
    }
  }

  /** The content of one file for all devices, and warnings about it. */
  public record Content(List<Sourced> regions, List<String> warnings) {}

  /**
   * Reads a file of any kind.
   *
   * @throws InputException with a message of one line that names the file
   */
  public static Content read(Path file, FirmwareReading options) {
    byte[] bytes;
    try {
      bytes = Files.readAllBytes(file);
    } catch (IOException e) {
      throw new InputException(
          Files.isDirectory(file)
              ? file + ": is a folder, " + EXPECTED
              : file + ": cannot be read (" + IoReason.of(e) + ")");
    }
    FirmwareRegions firmware = new FirmwareRegions(options);
    try {
      Content table = firmware.table(signature(bytes), bytes);
      return table == null ? text(file, bytes, firmware) : table;
    } catch (FirmwareException e) {
      throw new InputException(file + ": " + e.getMessage());
    }
  }

  private static String signature(byte[] bytes) {
    return new String(bytes, 0, Math.min(SIGNATURE, bytes.length), StandardCharsets.ISO_8859_1);
  }

  private static Content text(Path file, byte[] bytes, FirmwareRegions firmware) {
    String text = decode(bytes);
    if (text == null) {
      throw new FirmwareException(FileKind.describe(bytes) + ", " + EXPECTED);
    }
    return AcpiDump.isDump(text) ? dump(text, firmware) : groups(file, text);
  }

  /** The tables of a dump that describe regions; there has to be at least one. */
  private static Content dump(String text, FirmwareRegions firmware) {
    List<Sourced> regions = new ArrayList<>();
    List<String> warnings = new ArrayList<>();
    List<String> others = new ArrayList<>();
    boolean found = false;
    for (AcpiDump.Table table : AcpiDump.parse(text)) {
      if (!FirmwareRegions.READ.contains(table.signature())) {
        others.add(table.signature());
        continue;
      }
      found = true;
      Content content = firmware.ofDump(table);
      regions.addAll(content.regions());
      content.warnings().forEach(warning -> warnings.add(table.signature() + ": " + warning));
    }
    if (!found) {
      throw new FirmwareException(
          "acpidump with the tables %s, expected DMAR, IORT or IVRS among them"
              .formatted(String.join(" ", others.subList(0, Math.min(20, others.size())))));
    }
    return new Content(regions, warnings);
  }

  private static Content groups(Path file, String text) {
    String own = ReservedRegionsText.groupOf(file.toAbsolutePath().toString());
    String unnamed = own.startsWith("group") ? own : "group text";
    List<Sourced> all = new ArrayList<>();
    for (ReservedRegionsText.Group group : ReservedRegionsText.parseGroups(text)) {
      String source = group.name().isEmpty() ? unnamed : group.name();
      group.regions().forEach(region -> all.add(new Sourced(region, source)));
    }
    return new Content(all, List.of());
  }

  /** The text of a file in UTF-8, or in UTF-16 with a byte-order mark; null if it is not text. */
  private static @Nullable String decode(byte[] bytes) {
    boolean wide =
        bytes.length >= 2
            && (bytes[0] == (byte) 0xff && bytes[1] == (byte) 0xfe
                || bytes[0] == (byte) 0xfe && bytes[1] == (byte) 0xff);
    Charset charset = wide ? StandardCharsets.UTF_16 : StandardCharsets.UTF_8;
    try {
      String text = charset.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
      boolean binary = text.chars().anyMatch(c -> c < ' ' && "\t\r\n\f\u001b".indexOf(c) < 0);
      return binary ? null : text;
    } catch (CharacterCodingException e) {
      return null;
    }
  }

  private RegionFiles() {}
}
