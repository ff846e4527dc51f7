package dev.nestwalk.format;

import java.util.ArrayList;
import java.util.List;

/**
 * A structure of a specification: its fields, and thereby its reserved bits, which are those that
 * no field names.
 *
 * @param name the specification's name
 * @param section where the specification defines it, for example {@code "VT-d 9.3"}
 * @param words size in 64-bit words
 * @param fields all fields, including those that hardware ignores
 */
public record Structure(String name, String section, int words, List<Field> fields) {
  /**
   * Checks that the fields fit and do not overlap.
   *
   * @throws IllegalArgumentException if a field lies outside the structure or overlaps another one
   */
  public Structure {
    fields = List.copyOf(fields);
    long[] taken = new long[words];
    for (Field field : fields) {
      if (field.word() >= words || (taken[field.word()] & field.mask()) != 0) {
        throw new IllegalArgumentException(
            name + "." + field.label() + ": outside the structure or over another field");
      }
      taken[field.word()] |= field.mask();
    }
  }

  /** Declares a structure. */
  public static Structure of(String name, String section, int words, Field... fields) {
    return new Structure(name, section, words, List.of(fields));
  }

  /** This structure under another name. */
  public Structure named(String other) {
    return new Structure(other, section, words, fields);
  }

  /** This structure with a field in place of one of its own. */
  public Structure replacing(Field old, Field field) {
    List<Field> changed = new ArrayList<>(fields);
    changed.replaceAll(one -> one.equals(old) ? field : one);
    return new Structure(name, section, words, changed);
  }

  /** This structure without some of its fields. */
  public Structure without(Field... others) {
    List<Field> left = new ArrayList<>(fields);
    left.removeAll(List.of(others));
    return new Structure(name, section, words, left);
  }

  /** Size in bytes. */
  public int bytes() {
    return words * 8;
  }

  /** The bits of word {@code word} that no field names. */
  public long reserved(int word) {
    long named = 0;
    // Indexed, since commands are decoded on threads that must not allocate an iterator.
    for (int i = 0; i < fields.size(); i++) {
      Field field = fields.get(i);
      if (field.word() == word) {
        named |= field.mask();
      }
    }
    return ~named;
  }
}
