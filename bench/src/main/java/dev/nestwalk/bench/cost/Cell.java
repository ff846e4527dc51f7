package dev.nestwalk.bench.cost;

import java.util.Collections;
import java.util.EnumMap;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * The subject of one run: tables, modelled hardware, workload, and everything else that its counts
 * depend on. Immutable; equal cells have equal texts and, in the counted engine, equal results on
 * every machine.
 */
public final class Cell implements Comparable<Cell> {
  private static final Cell STANDARD = new Cell(new EnumMap<>(Axis.class));

  private final EnumMap<Axis, String> values;
  private final String text;

  private Cell(EnumMap<Axis, String> given) {
    values = new EnumMap<>(Axis.class);
    for (Axis axis : Axis.values()) {
      values.put(axis, given.getOrDefault(axis, axis.standard()));
    }
    text =
        values.entrySet().stream()
            .map(entry -> entry.getKey().label() + "=" + entry.getValue())
            .collect(Collectors.joining(" "));
  }

  /** All defaults: VT-d, nested, four levels over four, 4 KiB pages. */
  public static Cell standard() {
    return STANDARD;
  }

  /**
   * Parses {@code name=value} pairs in any order; missing ones have their defaults.
   *
   * @throws IllegalArgumentException with a message of one line
   */
  public static Cell parse(String text) {
    EnumMap<Axis, String> given = new EnumMap<>(Axis.class);
    for (String pair : text.strip().split("\\s+", -1)) {
      if (pair.isEmpty()) {
        continue;
      }
      int at = pair.indexOf('=');
      if (at < 0) {
        throw new IllegalArgumentException("'%s': expected name=value".formatted(pair));
      }
      Axis axis = Axis.of(pair.substring(0, at));
      if (given.put(axis, axis.canonical(pair.substring(at + 1))) != null) {
        throw new IllegalArgumentException(axis.label() + " stands twice");
      }
    }
    return new Cell(given);
  }

  /**
   * This cell with another value of an axis.
   *
   * @throws IllegalArgumentException if the axis does not accept it
   */
  public Cell with(Axis axis, String value) {
    EnumMap<Axis, String> changed = new EnumMap<>(values);
    changed.put(axis, axis.canonical(value));
    return new Cell(changed);
  }

  /** This cell with another number. */
  public Cell with(Axis axis, long value) {
    return with(axis, Long.toString(value));
  }

  /** The canonical text of a value. */
  public String get(Axis axis) {
    return values.getOrDefault(axis, axis.standard());
  }

  /** A value that is a number. */
  public int number(Axis axis) {
    return Integer.parseInt(get(axis));
  }

  /** A value that is a cache. */
  public Geometry geometry(Axis axis) {
    return Geometry.parse(get(axis));
  }

  /** Page sizes of a stage, 1 or 2. */
  public PageMix pages(int stage) {
    return PageMix.parse(get(stage == 1 ? Axis.PAGES1 : Axis.PAGES2));
  }

  /** Whether the tables of a stage, 1 or 2, have contiguous hints. */
  public boolean hasHints(int stage) {
    String stages = get(Axis.CONTIGUOUS);
    return stages.equals("both") || stages.equals(Integer.toString(stage));
  }

  /** What happens to buffers that are done with. */
  public InvalidationPolicy invalidation() {
    return InvalidationPolicy.parse(get(Axis.INVALIDATE));
  }

  /** Whether the tables are VT-d's. */
  public boolean isVtd() {
    return get(Axis.FORMAT).equals("vtd");
  }

  /** Whether a DMA passes both stages. */
  public boolean isNested() {
    return get(Axis.STAGES).equals("nested");
  }

  /** Whether a DMA passes stage 1 (VT-d: first stage). */
  public boolean usesFirst() {
    return !get(Axis.STAGES).equals("2");
  }

  /** Whether a DMA passes stage 2 (VT-d: second stage). */
  public boolean usesSecond() {
    return !get(Axis.STAGES).equals("1");
  }

  /** Whether the timed engine, which runs the product's translator, is selected. */
  public boolean isTimed() {
    return get(Axis.ENGINE).equals("timed");
  }

  /** All values by axis, in the order of {@link Axis}. */
  public Map<Axis, String> values() {
    return Collections.unmodifiableMap(values);
  }

  /** The canonical text: every axis, in the order of {@link Axis}. */
  public String text() {
    return text;
  }

  /** The values in which this cell differs from another; empty if there are none. */
  public String textBeside(Cell other) {
    return values.entrySet().stream()
        .filter(entry -> !entry.getValue().equals(other.get(entry.getKey())))
        .map(entry -> entry.getKey().label() + "=" + entry.getValue())
        .collect(Collectors.joining(" "));
  }

  @Override
  public int compareTo(Cell other) {
    return text.compareTo(other.text);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Cell cell && cell.text.equals(text);
  }

  @Override
  public int hashCode() {
    return text.hashCode();
  }

  @Override
  public String toString() {
    return text;
  }
}
