package dev.nestwalk.explain;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;
import java.util.ArrayList;
import java.util.List;

/** Collects the steps of one walk. */
final class Recorder {
  private final List<Step> steps = new ArrayList<>();

  /** Something decided without a read. */
  void decided(String title, String space, long address, String rule, String section) {
    steps.add(new Step(title, 0, 0, space, address, address, List.of(), List.of(), rule, section));
  }

  /** An entry read, and what followed from it. */
  void read(Reading reading, Structure structure, long[] words, String rule) {
    List<Long> read = new ArrayList<>();
    for (long word : words) {
      read.add(word);
    }
    steps.add(
        new Step(
            reading.title(),
            reading.stage(),
            reading.level(),
            reading.space(),
            reading.address(),
            reading.host(),
            read,
            words.length == 0 ? List.of() : decode(structure, words),
            rule,
            structure.section()));
  }

  /**
   * What is read, and where.
   *
   * @param stage 1, 2, or 0 for configuration
   * @param host where it is in memory, whatever space {@code address} is in
   */
  record Reading(String title, int stage, int level, String space, long address, long host) {
    /** Something whose address is its place in memory. */
    Reading(String title, int stage, int level, String space, long address) {
      this(title, stage, level, space, address, address);
    }
  }

  private static List<DecodedField> decode(Structure structure, long[] words) {
    List<DecodedField> fields = new ArrayList<>();
    for (Field field : structure.fields()) {
      if (!field.name().equals("ignored")) {
        long word = words[field.word()];
        fields.add(
            new DecodedField(
                field.name(), field.hi(), field.lo(), field.get(word), field.meaning()));
      }
    }
    return fields;
  }

  List<Step> steps() {
    return steps;
  }
}
