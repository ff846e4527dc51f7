package dev.nestwalk.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.math.BigInteger;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;

/**
 * Guest memory from a raw file, such as the backing file of a virtual machine's memory. The file
 * has no information about addresses, so the caller supplies the mappings.
 */
public final class RawMemory {
  private static final Pattern NUMBER = Pattern.compile("(?i)(0x)?([0-9a-f]{1,16})([kmgt]?)");
  private static final String EXPECTED =
      "expected base,size[,offset], hexadecimal with or without 0x, or decimal with K, M, G or T";

  /** A run of RAM at {@code range}; the file holds it from byte {@code offset} on. */
  public record Mapping(MemoryRange range, long offset) {}

  /**
   * Parses mappings of the form {@code base,size[,offset]}. Without an offset a mapping begins in
   * the file where the previous one ended; the first one begins at 0.
   *
   * @throws IllegalArgumentException with a message of one line if a text has another form
   */
  public static List<Mapping> parse(List<String> texts) {
    List<Mapping> mappings = new ArrayList<>();
    long next = 0;
    for (String text : texts) {
      String[] parts = text.split(",", -1);
      if (parts.length < 2 || parts.length > 3) {
        throw new IllegalArgumentException("RAM '" + text + "': " + EXPECTED);
      }
      long size = number(text, parts[1]);
      long offset = parts.length == 3 ? number(text, parts[2]) : next;
      mappings.add(new Mapping(MemoryRange.ofSize(number(text, parts[0]), size), offset));
      next = offset + size;
    }
    return mappings;
  }

  private static long number(String text, String part) {
    var matcher = NUMBER.matcher(part.trim());
    if (!matcher.matches()) {
      throw new IllegalArgumentException("RAM '" + text + "': " + EXPECTED);
    }
    int unit = "kmgt".indexOf(matcher.group(3).toLowerCase(Locale.ROOT));
    int shift = matcher.group(3).isEmpty() ? 0 : 10 * (unit + 1);
    boolean decimal = shift > 0 && matcher.group(1) == null;
    if (decimal && !matcher.group(2).matches("[0-9]+")) {
      throw new IllegalArgumentException("RAM '" + text + "': " + EXPECTED);
    }
    BigInteger value = new BigInteger(matcher.group(2), decimal ? 10 : 16).shiftLeft(shift);
    if (value.bitLength() > 64) {
      throw new IllegalArgumentException("RAM '" + text + "': expected numbers below 2^64");
    }
    return value.longValue();
  }

  /**
   * Opens a raw file.
   *
   * @throws ImageException if the file cannot be read or does not hold what the mappings ask for
   */
  public static GuestMemory open(Path file, List<Mapping> mappings, Opening opening, Arena arena)
      throws ImageException {
    return read(file, ImageFile.open(file, opening, arena), mappings, opening);
  }

  /** Reads a raw file whose bytes are already in memory. */
  static GuestMemory read(Path file, MemorySegment bytes, List<Mapping> mappings, Opening opening)
      throws ImageException {
    DumpKind kind = DumpKind.of(bytes);
    if (kind != null) {
      throw new ImageException(
          file, 0, "is " + kind.description() + ", expected raw memory; leave --ram out");
    }
    Runs runs = new Runs(file);
    for (Mapping mapping : mappings) {
      long size = mapping.range.last() - mapping.range.first() + 1;
      long offset = mapping.offset;
      if (offset < 0 || size <= 0 || size > bytes.byteSize() || offset > bytes.byteSize() - size) {
        throw new ImageException(
            file,
            offset,
            "RAM of 0x%x bytes for address 0x%x, expected it within the file's 0x%x bytes"
                .formatted(size, mapping.range.first(), bytes.byteSize()));
      }
      runs.add(offset, mapping.range, List.of(new Runs.Piece(bytes, offset, size)));
    }
    return runs.build(List.of(), opening);
  }

  private RawMemory() {}
}
