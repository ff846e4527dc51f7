package dev.nestwalk.explain;

import java.util.List;

/**
 * One step of a walk: something read, or something decided.
 *
 * @param title what is looked at
 * @param stage 1 or 2 in a walk of page tables, else 0
 * @param level level of the entry as the specification counts, else 0
 * @param space the space of {@code address}: {@code "HPA"}, {@code "GPA"}, {@code "IOVA"}, or empty
 * @param address where the entry is, or the address that is judged
 * @param host where the words are in memory; the same as {@code address} unless that is a guest's
 * @param read the words read, lowest first; empty if the step reads nothing
 * @param fields the entry's fields
 * @param rule what was decided, and why
 * @param section where the specification says so
 */
public record Step(
    String title,
    int stage,
    int level,
    String space,
    long address,
    long host,
    List<Long> read,
    List<DecodedField> fields,
    String rule,
    String section) {
  /** Copies the lists. */
  public Step {
    read = List.copyOf(read);
    fields = List.copyOf(fields);
  }

  /** The words read, lowest first. */
  public long[] words() {
    return read.stream().mapToLong(Long::longValue).toArray();
  }
}
