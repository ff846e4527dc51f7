package dev.nestwalk.explain;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One step of a walk: something read, or something decided.
 *
 * @param title what the step examines
 * @param stage 1 or 2 in a walk of page tables, otherwise 0
 * @param level level of the entry as numbered in the specification, otherwise 0
 * @param why purpose of the step; empty if the title says it
 * @param selector the bits that selected the entry in its table, or null if none did
 * @param space the space of {@code address}: {@code "HPA"}, {@code "GPA"}, {@code "IOVA"}, or empty
 * @param address address of the entry, or the address that is judged
 * @param host address of the words in memory; equal to {@code address} unless that is a guest's
 * @param read the words read, lowest first; empty if the step reads nothing
 * @param fields the entry's fields
 * @param rule what was decided, and why
 * @param section the section of the specification that says so
 * @param rights the rights that the entries of this stage grant so far: letters of {@code "rwx"},
 *     {@code "-"} for none, with {@code " user"} or {@code " supervisor"} if pages belong to one;
 *     empty if nothing is accumulated
 * @param next what the step leads to, or null
 */
public record Step(
    String title,
    int stage,
    int level,
    String why,
    @Nullable Selector selector,
    String space,
    long address,
    long host,
    List<Long> read,
    List<DecodedField> fields,
    String rule,
    String section,
    String rights,
    @Nullable Target next) {

  /**
   * Bits {@code hi..lo} of a number that are an index into a table.
   *
   * @param of the kind of number: {@code "IOVA"}, {@code "GPA"}, {@code "source id"}, …
   */
  public record Selector(String of, long value, int hi, int lo) {
    /** The index. */
    public long index() {
      return value >>> lo & -1L >>> 63 - (hi - lo);
    }
  }

  /**
   * What a step leads to.
   *
   * @param what in words, for example {@code "table of level 2"} or {@code "output"}
   * @param space the space of {@code address}
   */
  public record Target(String what, String space, long address) {}

  /** Copies the lists. */
  public Step {
    read = List.copyOf(read);
    fields = List.copyOf(fields);
  }

  /** A decision made without a read. */
  public static Step decision(
      String title, String space, long address, String rule, String section) {
    return new Step(
        title, 0, 0, "", null, space, address, address, List.of(), List.of(), rule, section, "",
        null);
  }

  /** The words read, lowest first. */
  public long[] words() {
    return read.stream().mapToLong(Long::longValue).toArray();
  }

  Step granting(String granted) {
    return new Step(
        title, stage, level, why, selector, space, address, host, read, fields, rule, section,
        granted, next);
  }

  Step leadingTo(Target target) {
    return new Step(
        title, stage, level, why, selector, space, address, host, read, fields, rule, section,
        rights, target);
  }
}
