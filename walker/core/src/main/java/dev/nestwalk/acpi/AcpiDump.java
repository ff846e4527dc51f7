package dev.nestwalk.acpi;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The text that {@code acpidump} prints. Each table begins with a line that holds its signature and
 * address; lines of an offset and 16 hexadecimal bytes follow.
 */
public final class AcpiDump {
  private static final Pattern HEAD =
      Pattern.compile("\\s*([A-Z0-9_!]{4})\\s+@\\s+0x[0-9a-fA-F]+.*");
  private static final Pattern BYTES =
      Pattern.compile("\\s*([0-9a-fA-F]{4,8}):((?: [0-9a-fA-F]{2}){1,16})(?:\\s{2,}.*|\\s*)");

  /** A table of the dump. */
  public static final class Table {
    private final String signature;
    private final byte[] bytes;

    private Table(String signature, byte[] bytes) {
      this.signature = signature;
      this.bytes = bytes;
    }

    /** The signature, four characters, from the line before the table. */
    public String signature() {
      return signature;
    }

    /** A copy of the table's bytes; they have not been checked. */
    public byte[] bytes() {
      return bytes.clone();
    }
  }

  /** Whether a text looks like the output of acpidump: one of its lines has a signature. */
  public static boolean isDump(String text) {
    return text.lines().anyMatch(line -> HEAD.matcher(line).matches());
  }

  /**
   * The tables of a dump.
   *
   * @throws FirmwareException for a line whose offset does not continue its table; the message has
   *     the line's number
   */
  public static List<Table> parse(String text) {
    List<Table> tables = new ArrayList<>();
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    String signature = "";
    int number = 0;
    for (String line : text.lines().toList()) {
      number++;
      Matcher head = HEAD.matcher(line);
      Matcher data = BYTES.matcher(line);
      if (head.matches()) {
        add(tables, signature, bytes);
        signature = head.group(1);
      } else if (!signature.isEmpty() && data.matches()) {
        int offset = Integer.parseUnsignedInt(data.group(1), 16);
        if (offset != bytes.size()) {
          throw new FirmwareException(
              "line %d: offset 0x%x of table %s, expected 0x%x"
                  .formatted(number, offset, signature, bytes.size()));
        }
        for (String pair : data.group(2).strip().split(" ", -1)) {
          bytes.write(Integer.parseInt(pair, 16));
        }
      }
    }
    add(tables, signature, bytes);
    return tables;
  }

  private static void add(List<Table> tables, String signature, ByteArrayOutputStream bytes) {
    if (!signature.isEmpty()) {
      tables.add(new Table(signature, bytes.toByteArray()));
    }
    bytes.reset();
  }

  private AcpiDump() {}
}
