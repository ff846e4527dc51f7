package dev.nestwalk.format;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/**
 * A structure as it is presented to readers.
 *
 * @param structure the declaration
 * @param bits its size; smaller than the declaration's words for a 32-bit register
 * @param unnamed the nature of the bits that no field names
 * @param about where it is found and what it is for, in one line
 */
public record Listing(Structure structure, int bits, Unnamed unnamed, String about) {
  /** The nature of the bits that no field names. */
  public enum Unnamed {
    /** They have to be zero: hardware refuses the structure otherwise. */
    RESERVED("reserved, must be 0"),

    /** Hardware writes them as 0. */
    ZERO("zero"),

    /** They are RES0 or belong to features beyond this library; a walk ignores them. */
    UNUSED("not used: RES0, or of a feature not covered"),

    /** They have a meaning, but a translation does not depend on them. */
    ELSEWHERE("no part in a translation");

    private final String text;

    Unnamed(String text) {
      this.text = text;
    }

    /** The nature in words. */
    public String text() {
      return text;
    }
  }

  /**
   * A field, or a run of bits that no field names, which lies within one word or covers whole
   * words.
   *
   * @param name empty for bits without a field
   * @param hi highest bit
   * @param lo lowest bit
   * @param meaning one line
   */
  public record Part(String name, int hi, int lo, String meaning) {
    /**
     * What these bits say with a value; see {@link Field#meaningOf}.
     *
     * @param value right-aligned
     */
    public String meaningOf(long value) {
      return isNamed() ? FieldMeaning.of(name, hi - lo + 1, meaning, value) : meaning;
    }

    /** Whether a field names these bits. */
    public boolean isNamed() {
      return !name.isEmpty();
    }

    /** Whether hardware leaves these bits to software. */
    public boolean isIgnored() {
      return name.equals("ignored");
    }
  }

  /** A structure of whole 64-bit words. */
  public static Listing of(Structure structure, Unnamed unnamed, String about) {
    return new Listing(structure, structure.words() * 64, unnamed, about);
  }

  /** A register of 32 bits. */
  public static Listing register32(Structure structure, Unnamed unnamed, String about) {
    return new Listing(structure, 32, unnamed, about);
  }

  /** The name in file names and commands, for example {@code "pasid-table-entry"}. */
  public String id() {
    return idOf(structure.name());
  }

  /** {@code name} in lower case, with hyphens for everything but letters and digits. */
  public static String idOf(String name) {
    String hyphens = name.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9]+", "-");
    return hyphens.replaceAll("^-|-$", "");
  }

  /** All bits from the lowest to the highest, including unnamed ones. */
  public List<Part> parts() {
    List<Field> fields = new ArrayList<>(structure.fields());
    fields.sort(Comparator.comparingInt(Field::lo));
    List<Part> parts = new ArrayList<>();
    int next = 0;
    for (Field field : fields) {
      fill(parts, next, field.lo());
      parts.add(new Part(field.name(), field.hi(), field.lo(), field.meaning()));
      next = field.hi() + 1;
    }
    fill(parts, next, bits);
    return parts;
  }

  private void fill(List<Part> parts, int from, int end) {
    for (int lo = from; lo < end; ) {
      boolean wholeWords = lo % 64 == 0 && end - lo >= 64;
      int stop = wholeWords ? end / 64 * 64 : Math.min(end, (lo / 64 + 1) * 64);
      parts.add(new Part("", stop - 1, lo, unnamed.text()));
      lo = stop;
    }
  }
}
