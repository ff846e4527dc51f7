package dev.nestwalk.bench.cost;

import java.util.Locale;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One property of a {@link Cell}: its name on the command line and in files, its default, and the
 * values it accepts. A sweep may vary any axis.
 */
public enum Axis {
  /** Which engine answers: modelled hardware, or the product's translator by the clock. */
  ENGINE("engine", "counted", oneOf("counted", "timed"), "modelled caches, or the product timed"),
  /** Format of the tables. */
  FORMAT("format", "vtd", oneOf("vtd", "smmuv3"), "format of the tables"),
  /** Stages that a DMA passes. */
  STAGES("stages", "nested", oneOf("1", "2", "nested"), "stages that a DMA passes"),
  /** Levels of the first and the second stage. */
  DEPTH("depth", "full", Axis::depth, "levels of stage 1 x stage 2, 4x4; full: 48-bit addresses"),
  /** Translation granule of both stages. */
  GRANULE("granule", "4k", oneOf("4k", "16k", "64k"), "translation granule"),
  /** Page sizes of the first stage. */
  PAGES1("pages1", "base", Axis::mix, "page sizes of stage 1: base, 2m, 4k:80+2m:20"),
  /** Page sizes of the second stage. */
  PAGES2("pages2", "base", Axis::mix, "page sizes of stage 2"),
  /** Stages whose tables have contiguous hints. */
  CONTIGUOUS(
      "contiguous",
      "none",
      oneOf("none", "1", "2", "both"),
      "stages with contiguous hints (SMMUv3): none, 1, 2, both"),
  /** Runs of RAM that the tables lie in. */
  RAM("ram", "1", oneOf("1", "2"), "runs of RAM that the tables lie in"),
  /** Where buffers lie in physical (nested: guest-physical) memory. */
  PHYSICAL("physical", "scattered", oneOf("contiguous", "scattered"), "where buffers lie"),
  /** Cache of whole translations. */
  IOTLB("iotlb", "64x8lru", Axis::geometry, "translations: 0, 64x8lru, 4096x4plru-hash-split"),
  /** Paging-structure caches of stage 1, one for each level above the last. */
  PWC1("pwc1", "0", Axis::geometry, "paging-structure caches of stage 1, each level its own"),
  /** Paging-structure caches of stage 2, one for each level above the last. */
  PWC2("pwc2", "0", Axis::geometry, "paging-structure caches of stage 2, each level its own"),
  /** Cache of whole second-stage translations, used within nested walks. */
  NTLB("ntlb", "0", Axis::geometry, "nested TLB: guest-physical page to physical page"),
  /** Cache of context entries (VT-d) or STEs (SMMUv3). */
  CONTEXT("context", "64", Axis::geometry, "context entries, or STEs"),
  /** Cache of PASID table entries (VT-d) or CDs (SMMUv3). */
  PASIDCACHE("pasidcache", "64", Axis::geometry, "PASID entries, or CDs"),
  /** Device TLB of each requester, filled by ATS. */
  ATC("atc", "0", Axis::geometry, "device TLB of each requester, filled by ATS"),
  /** Buffers of a ring that the device announces before it comes to them. */
  PREFETCH("prefetch", "0", range(0, 64), "buffers of a ring that are translated ahead"),
  /** What the devices do. */
  WORKLOAD("workload", "scan", Axis::word, "what the devices do: nic:1500, nvme:4k, random:64m"),
  /** Requesters, each with tables of its own. */
  TENANTS("tenants", "1", range(1, 1024), "requesters, each with tables of its own"),
  /** Whose turn it is. */
  ORDER("order", "rr", oneOf("rr", "random"), "turns of the tenants: rr, random"),
  /** Requests of a tenant before it is another's turn. */
  BURST("burst", "1", range(1, 4096), "requests of a tenant in one turn"),
  /** Processes (PASIDs) of each requester, 0 for requests without PASID. */
  PASIDS("pasids", "0", range(0, 1024), "PASIDs of each requester, 0 for none"),
  /** What a driver does when a buffer is done with. */
  INVALIDATE(
      "invalidate",
      "pool",
      Axis::invalidation,
      "strict, lazy[:FLUSHES[:NANOSECONDS]], pool (mapped once), huge (pool of large pages)"),
  /** Requests before counting begins. */
  WARMUP("warmup", "0", range(0, 100_000_000), "requests before counting begins"),
  /** Requests (packets, commands, accesses) that are counted. */
  REQUESTS("requests", "10000", range(1, 1_000_000_000), "requests that count"),
  /** Seed of everything that is random. */
  SEED("seed", "1", range(0, Integer.MAX_VALUE), "seed of all that is random");

  private final String label;
  private final String standard;

  @SuppressWarnings("ImmutableEnumChecker") // The functions keep nothing.
  private final UnaryOperator<String> canonical;

  private final String help;

  Axis(String label, String standard, UnaryOperator<String> canonical, String help) {
    this.label = label;
    this.standard = standard;
    this.canonical = canonical;
    this.help = help;
  }

  /** Name on the command line and in files, lower case. */
  public String label() {
    return label;
  }

  /** The default value, in canonical form. */
  public String standard() {
    return canonical.apply(standard);
  }

  /** Its meaning and values in one line. */
  public String help() {
    return help;
  }

  /**
   * The canonical text of a value.
   *
   * @throws IllegalArgumentException with a message of one line that names the axis, the value and
   *     what was expected
   */
  public String canonical(String value) {
    try {
      return canonical.apply(value.strip());
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(label + ": " + e.getMessage(), e);
    }
  }

  /**
   * The axis of this name.
   *
   * @throws IllegalArgumentException if there is none
   */
  public static Axis of(String label) {
    for (Axis axis : values()) {
      if (axis.label.equals(label)) {
        return axis;
      }
    }
    throw new IllegalArgumentException(
        "'%s' is no property of a cell: expected format, stages, iotlb, …".formatted(label));
  }

  /**
   * A number within a range.
   *
   * @throws IllegalArgumentException if the text is anything else
   */
  public static int number(String text, int least, int most) {
    try {
      int number = Integer.parseInt(text);
      if (number >= least && number <= most) {
        return number;
      }
    } catch (NumberFormatException e) {
      // Told below.
    }
    throw new IllegalArgumentException(
        "'%s': expected a number from %d to %d".formatted(text, least, most));
  }

  private static UnaryOperator<String> oneOf(String... values) {
    return text -> {
      for (String value : values) {
        if (value.equals(text.toLowerCase(Locale.ROOT))) {
          return value;
        }
      }
      throw new IllegalArgumentException(
          "'%s': expected %s".formatted(text, String.join(", ", values)));
    };
  }

  private static UnaryOperator<String> range(int least, int most) {
    return text -> Integer.toString(number(text, least, most));
  }

  private static String geometry(String text) {
    return Geometry.parse(text).toString();
  }

  private static String mix(String text) {
    return PageMix.parse(text).toString();
  }

  private static String depth(String text) {
    String lower = text.toLowerCase(Locale.ROOT);
    if (!lower.matches("full|[2-5]x[2-5]")) {
      throw new IllegalArgumentException("'%s': expected full or 4x4 or the like".formatted(text));
    }
    return lower;
  }

  private static String invalidation(String text) {
    return InvalidationPolicy.parse(text).toString();
  }

  private static final Pattern WORD = Pattern.compile("[A-Za-z0-9][A-Za-z0-9_.:+/@-]*");

  private static String word(String text) {
    Matcher matcher = WORD.matcher(text);
    if (!matcher.matches()) {
      throw new IllegalArgumentException(
          "'%s': expected a name with parameters, for example nic:1500".formatted(text));
    }
    return text;
  }
}
