package dev.nestwalk.teach.decode;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Listing;
import dev.nestwalk.format.Structure;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Decodes the fields of a structure from its words. */
final class Records {
  private static final int PAGE_SHIFT = 12;

  /**
   * All fields, and reserved bits that are set.
   *
   * @param words the structure from its lowest word on; fields of missing words are left out
   */
  static List<Finding.FieldValue> fields(Listing listing, long[] words) {
    return fields(listing, words, Map.of());
  }

  /**
   * All fields of a record, some of which other fields make void, and reserved bits that are set.
   *
   * @param voided why a field does not apply, by the field's name, for example {@code "S2 is 0"}
   */
  static List<Finding.FieldValue> fields(
      Listing listing, long[] words, Map<String, String> voided) {
    List<Finding.FieldValue> all = new ArrayList<>();
    for (Listing.Part part : listing.parts()) {
      if (part.lo() / 64 >= words.length) {
        continue;
      }
      long value = value(part, words);
      boolean many = part.hi() / 64 != part.lo() / 64;
      if (part.isNamed()) {
        all.add(
            new Finding.FieldValue(
                bits(part), part.name(), shown(part, value), meaning(part, value, voided)));
      } else if (value != 0) {
        all.add(
            new Finding.FieldValue(
                bits(part), "-", many ? "not zero" : "0x%x".formatted(value), part.meaning()));
      }
    }
    return all;
  }

  /** The fields of a structure that no listing shows, such as one form of a command. */
  static List<Finding.FieldValue> fields(Structure structure, long[] words) {
    return fields(Listing.of(structure, Listing.Unnamed.UNUSED, structure.name()), words);
  }

  private static String meaning(Listing.Part part, long value, Map<String, String> voided) {
    String why = voided.get(part.name());
    return why == null ? part.meaningOf(value) : "does not apply: " + why;
  }

  private static long value(Listing.Part part, long[] words) {
    if (part.hi() / 64 != part.lo() / 64) {
      long any = 0;
      for (int word = part.lo() / 64; word <= part.hi() / 64 && word < words.length; word++) {
        any |= words[word];
      }
      return any;
    }
    Field field = Field.of("bits", part.hi(), part.lo(), "");
    return field.get(words[field.word()]);
  }

  private static String bits(Listing.Part part) {
    return part.hi() == part.lo() ? "" + part.lo() : part.hi() + ":" + part.lo();
  }

  /** A value; for an address field that begins above bit 0 of its word also the whole address. */
  private static String shown(Listing.Part part, long value) {
    int shift = part.lo() % 64;
    boolean address = part.hi() - part.lo() >= 20 && shift > 0 && shift <= PAGE_SHIFT + 4;
    return address
        ? "0x%x (0x%x)".formatted(value, value << shift)
        : part.hi() == part.lo() ? "" + value : "0x%x".formatted(value);
  }

  private Records() {}
}
