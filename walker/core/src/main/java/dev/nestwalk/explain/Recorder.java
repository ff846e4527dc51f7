package dev.nestwalk.explain;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Collects the steps of one walk. */
final class Recorder {
  private final List<Step> steps = new ArrayList<>();
  private long input;

  /** Begins a walk of this input address. */
  Recorder(long input) {
    this.input = input;
  }

  /** Notes the input address without its ignored bits. */
  void counting(long address) {
    input = address;
  }

  /** The input address without its ignored bits. */
  long input() {
    return input;
  }

  /** Adds a decision made without a read. */
  Recorder decided(String title, String space, long address, String rule, String section) {
    steps.add(Step.decision(title, space, address, rule, section));
    return this;
  }

  /** Adds a decision made by a register, whose fields the step shows. */
  Recorder decidedBy(
      Structure register, long value, String title, String why, String rule, String section) {
    steps.add(
        new Step(
            title,
            0,
            0,
            why,
            null,
            "",
            0,
            0,
            List.of(),
            decode(register, new long[] {value}),
            rule,
            section,
            "",
            null));
    return this;
  }

  /** Adds an entry that was read, and the rule that followed from it. */
  Recorder read(Reading reading, Structure structure, long[] words, String rule) {
    List<Long> read = new ArrayList<>();
    for (long word : words) {
      read.add(word);
    }
    steps.add(
        new Step(
            reading.title(),
            reading.stage(),
            reading.level(),
            reading.why(),
            reading.selector(),
            reading.space(),
            reading.address(),
            reading.host(),
            read,
            words.length == 0 ? List.of() : decode(structure, words),
            rule,
            structure.section(),
            "",
            null));
    return this;
  }

  /** Notes the rights that the entries of the stage grant up to the last step. */
  Recorder granting(String rights) {
    steps.set(steps.size() - 1, steps.getLast().granting(rights));
    return this;
  }

  /** Notes what the last step leads to. */
  Recorder leadingTo(String what, String space, long address) {
    steps.set(steps.size() - 1, steps.getLast().leadingTo(new Step.Target(what, space, address)));
    return this;
  }

  /** Rights as letters: {@code "rw"}, {@code "-"}. */
  static String rights(boolean read, boolean write, boolean execute) {
    String letters = (read ? "r" : "") + (write ? "w" : "") + (execute ? "x" : "");
    return letters.isEmpty() ? "-" : letters;
  }

  /**
   * What is read, where and for what purpose.
   *
   * @param stage 1, 2, or 0 for configuration
   * @param host its address in memory, whatever space {@code address} is in
   */
  record Reading(
      String title,
      int stage,
      int level,
      String space,
      long address,
      long host,
      String why,
      Step.@Nullable Selector selector) {
    /** An entry of page tables. */
    Reading(String title, int stage, int level, String space, long address, long host) {
      this(title, stage, level, space, address, host, "", null);
    }

    /** A structure whose address is its place in memory. */
    Reading(String title, int stage, int level, String space, long address) {
      this(title, stage, level, space, address, address);
    }

    /** This reading with its purpose. */
    Reading because(String purpose) {
      return new Reading(title, stage, level, space, address, host, purpose, selector);
    }

    /** This reading with the bits that selected the entry. */
    Reading selectedBy(String of, long value, int hi, int lo) {
      var bits = new Step.Selector(of, value, hi, lo);
      return new Reading(title, stage, level, space, address, host, why, bits);
    }
  }

  private static List<DecodedField> decode(Structure structure, long[] words) {
    List<DecodedField> fields = new ArrayList<>();
    for (Field field : structure.fields()) {
      if (!field.name().equals("ignored")) {
        fields.add(DecodedField.of(field, words));
      }
    }
    return fields;
  }

  List<Step> steps() {
    return steps;
  }
}
